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
from shared.contracts.base import in_unit, like
from shared.http import AllParts, Reference, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import Coins, CountryCode, Instant
from shared.identity.countries import COUNTRIES
from shared.identity.tokens import Identity, Unauthenticated

CAMPAIGNS_SHOWN_MAX = 100
# Far enough from where dates end, in every time zone.
YEAR_MIN, YEAR_MAX = 2000, 2200

Promoter = Annotated[Identity, operator_with("promotions:write")]
CampaignName = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}$",
        description="The campaign: a name that you choose once, for ever.",
        examples=["spring-26"],
    ),
]
# Letters that everybody can type; any case.
PromoCode = Annotated[str, Field(min_length=4, max_length=32, pattern=r"^[A-Za-z0-9-]+$")]
CoinAmount = Annotated[int, Field(strict=True, ge=1, le=COINS_MAX)]
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


# A model by name: a list may be the default of a field.
class CampaignRequest(Body, BaseModel):
    """
    A promo code: `coins` with a purchase of at least `coins_min`, once a viewer.

    All purchases together get at most `budget_coins`. The code counts from `valid_from` and before
    `valid_until`, in `countries` or, if there are none, in all. The coins expire `coins_days` after
    the payment, and earn creators nothing.
    """

    model_config = ConfigDict(extra="forbid")

    code: Annotated[PromoCode, like("SPRING-26")]
    """What viewers type, in any case of letters. No two campaigns have the same code."""
    coins: Annotated[CoinAmount, in_unit("coins", 50)]
    """How many coins one purchase gets."""
    coins_min: Annotated[CoinsOrNone, in_unit("coins", 500)] = 0
    """How many coins a purchase needs at least to get them; bonuses do not count."""
    budget_coins: Annotated[CoinAmount, in_unit("coins", 100_000)]
    """How many coins all purchases together get at most."""
    coins_days: Annotated[Days, in_unit("days", 30)] = 30
    """For how many days after the payment the coins last."""
    valid_from: Annotated[Moment, like("2026-11-01T00:00:00Z")]
    """From when on the code counts."""
    valid_until: Annotated[Moment, like("2026-12-01T00:00:00Z")]
    """Before when the code counts; an earlier time than now ends the campaign."""
    countries: Annotated[list[Country], Field(max_length=300, examples=[[], ["DE", "AT"]])] = []
    """In which countries of buyers (ISO 3166-1 alpha-2) it counts; empty for all."""
    reason: Annotated[Reason, like("spring campaign")]
    """Why it is started or changed; the audit log keeps it."""

    @model_validator(mode="after")
    def _agree(self) -> "CampaignRequest":
        if self.coins > self.budget_coins:
            raise ValueError("the budget is not enough for one purchase")
        return self


class Campaign(Body):
    """
    A campaign, and what became of its budget.

    `promised_coins` belong to purchases that are open or paid; `paid_coins` are those of them that
    were credited with a payment.
    """

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    campaign: Annotated[str, Field(validation_alias="name"), like("spring-26")] = Field(
        validation_alias="name"
    )
    """The campaign, as its first request named it in the path."""
    code: Annotated[str, like("SPRING-26")]
    """What viewers type, in capital letters."""
    coins: Annotated[Coins, like(50)]
    """How many coins one purchase gets."""
    coins_min: Annotated[Coins, like(500)]
    """How many coins a purchase needs at least to get them."""
    budget_coins: Annotated[Coins, like(100_000)]
    """How many coins all purchases together get at most."""
    coins_days: Annotated[int, in_unit("days", 30)]
    """For how many days after the payment the coins last."""
    valid_from: Annotated[Instant, like("2026-11-01T00:00:00Z")]
    """From when on the code counts."""
    valid_until: Annotated[Instant, like("2026-12-01T00:00:00Z")]
    """Before when the code counts."""
    countries: list[CountryCode]
    """In which countries of buyers it counts; empty for all."""
    promised_coins: Annotated[Coins, like(4_200)]
    """How much of the budget belongs to purchases that are open or paid."""


class CampaignResult(Campaign):
    """A campaign with what it has cost so far, in coins."""

    paid_coins: Annotated[Coins, like(4_000)]
    """How much of `promised_coins` was credited with a payment."""
    paid_purchases: Annotated[int, in_unit("purchases", 80)]
    """How many purchases that was."""


class Campaigns(Body):
    """The campaigns, those that began last first."""

    items: list[CampaignResult]
    """At most 100 campaigns, those that began last first."""


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
