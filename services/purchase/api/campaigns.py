"""Campaigns: promo codes with a budget, for operators."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.purchase.commands.campaigns import CampaignOrder, put_campaign
from services.purchase.commands.campaigns import list_campaigns as read_campaigns
from services.purchase.domain import promotions as domain
from services.purchase.domain.promotions import (
    COINS_MAX,
    DAYS_MAX,
    BudgetPromised,
    CampaignDiffers,
    CodeTaken,
    normal_code,
)
from shared.backoffice.routes import Reason
from shared.http import AllParts, Reference, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.countries import COUNTRIES
from shared.identity.tokens import Identity, Unauthenticated

CAMPAIGNS_SHOWN_MAX = 100
# Far enough from where dates end, in every time zone.
YEAR_MIN, YEAR_MAX = 2000, 2200

Promoter = Annotated[Identity, operator_with("promotions:write")]
CampaignName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
# Letters that everybody can type; any case.
PromoCode = Annotated[str, Field(min_length=4, max_length=32, pattern=r"^[A-Za-z0-9-]+$")]
Coins = Annotated[int, Field(strict=True, ge=1, le=COINS_MAX)]
CoinsOrNone = Annotated[int, Field(strict=True, ge=0, le=COINS_MAX)]
Days = Annotated[int, Field(strict=True, ge=1, le=DAYS_MAX)]


def _is_country(country: str) -> str:
    if country not in COUNTRIES:
        raise ValueError("no country of ISO 3166-1 alpha-2")
    return country


def _is_near(moment: datetime) -> datetime:
    if not YEAR_MIN <= moment.year < YEAR_MAX:
        raise ValueError(f"no time of the years from {YEAR_MIN} to {YEAR_MAX}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_is_near)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$"), AfterValidator(_is_country)]

router = APIRouter(responses=refusals(Unauthenticated, ScopeMissing), tags=["operator-campaigns"])


class CampaignRequest(BaseModel):
    """
    A promo code: `coins` with a purchase of at least `coins_min`, once a viewer.

    All purchases together get at most `budget_coins`. The code counts from `valid_from` and before
    `valid_until`, in `countries` or, if there are none, in all. The coins expire `coins_days` after
    the payment, and earn creators nothing.
    """

    model_config = ConfigDict(extra="forbid")

    code: PromoCode
    coins: Coins
    coins_min: CoinsOrNone = 0
    budget_coins: Coins
    coins_days: Days = 30
    valid_from: Moment
    valid_until: Moment
    countries: Annotated[list[Country], Field(max_length=300)] = []
    reason: Reason

    @model_validator(mode="after")
    def _agree(self) -> "CampaignRequest":
        if self.coins > self.budget_coins:
            raise ValueError("the budget is not enough for one purchase")
        return self


class Campaign(BaseModel):
    """
    A campaign, and what became of its budget.

    `promised_coins` belong to purchases that are open or paid; `paid_coins` are those of them that
    were credited with a payment.
    """

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    campaign: str = Field(validation_alias="name")
    code: str
    coins: int
    coins_min: int
    budget_coins: int
    coins_days: int
    valid_from: datetime
    valid_until: datetime
    countries: list[str]
    promised_coins: int


class CampaignResult(Campaign):
    """A campaign with what it has cost so far, in coins."""

    paid_coins: int
    paid_purchases: int


class Campaigns(BaseModel):
    """The campaigns, those that began last first."""

    items: list[CampaignResult]


@router.put(
    "/operator/purchase/campaigns/{campaign}",
    responses=refusals(CampaignDiffers, CodeTaken, BudgetPromised),
)
async def set_campaign(
    campaign: CampaignName, body: CampaignRequest, caller: Promoter, db: Reference
) -> Campaign:
    """
    Start a campaign, or change its `budget_coins` and `valid_until`.

    A `valid_until` of now ends it; what purchases were promised by then, they keep.
    """
    wanted = domain.Campaign(
        name=campaign,
        code=normal_code(body.code),
        coins=body.coins,
        coins_min=body.coins_min,
        budget_coins=body.budget_coins,
        coins_days=body.coins_days,
        valid_from=body.valid_from.astimezone(UTC),
        valid_until=body.valid_until.astimezone(UTC),
        countries=tuple(sorted(set(body.countries))),
    )
    async with db.transaction() as tx:
        made = await put_campaign(tx, CampaignOrder(wanted, caller.user, body.reason))
    return Campaign.model_validate(made)


@router.get("/operator/purchase/campaigns")
async def list_campaigns(_: Promoter, db: AllParts) -> Campaigns:
    """Read the campaigns, and what each has given so far."""
    found = await read_campaigns(db, CAMPAIGNS_SHOWN_MAX)
    return Campaigns(
        items=[
            CampaignResult(
                **Campaign.model_validate(each).model_dump(),
                paid_coins=coins,
                paid_purchases=number,
            )
            for each, coins, number in found
        ]
    )
