"""Purchases of coins, and what became of them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from services.purchase.api.packages import COINS_MAX, Currency, FromRules
from services.purchase.commands import queries
from services.purchase.commands.purchases import PurchaseOrder, record_purchase
from services.purchase.commands.status_polls import StatusPoll, StatusPolls
from services.purchase.domain import purchases as domain
from services.purchase.domain.prices import CoinsNotOffered, CurrencyNotOffered, UnknownPackage
from services.purchase.domain.purchases import NoSuchPurchase, SelfExcluded, State
from services.purchase.domain.quotas import TooManyOpenPurchases
from services.purchase.providers import Providers
from services.purchase.store import purchases
from shared.http import (
    BadCursor,
    Db,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    from_state,
    moment_in,
    page,
    refusals,
    request_id,
)
from shared.http.auth import Caller
from shared.idempotency import KeyReused, fingerprint
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.tokens import Unauthenticated
from shared.quotas.rules import TooOften

FromProviders = Annotated[Providers, from_state("providers")]
Polls = Annotated[StatusPolls, from_state("status_polls")]
Coins = Annotated[int, Field(strict=True, ge=1, le=COINS_MAX)]

router = APIRouter(tags=["purchases"])


class PurchaseRequest(BaseModel):
    """
    What to buy; only a package without a fixed size takes `coins`.

    Without a currency it is the usual one of the buyer's country.
    """

    model_config = ConfigDict(extra="forbid")

    package: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
    currency: Currency | None = None
    coins: Coins | None = None


class Redirect(BaseModel):
    """Where to send the viewer to pay."""

    type: Literal["redirect"] = "redirect"
    url: str


class Purchase(BaseModel):
    """A purchase; `next_action` is what the viewer has to do now, if anything."""

    purchase: UUID
    state: State
    package: str
    coins: int
    bonus_coins: int
    amount_minor: int
    currency: str
    next_action: Redirect | None
    created_at: datetime
    paid_at: datetime | None
    completed_at: datetime | None


@router.post(
    "/purchases",
    status_code=201,
    responses={
        202: {"model": Purchase, "description": "Recorded; the provider has yet to answer."},
        **refusals(
            IdempotencyKeyMissing,
            Unauthenticated,
            UnknownPackage,
            CurrencyNotOffered,
            CoinsNotOffered,
            SelfExcluded,
            AgeUnknown,
            TooYoung,
            TooManyOpenPurchases,
            TooOften,
            KeyReused,
        ),
    },
)
async def buy(
    body: PurchaseRequest,
    key: IdempotencyKey,
    caller: Caller,
    response: Response,
    db: Db,
    providers: FromProviders,
    polls: Polls,
    rules: FromRules,
) -> Purchase:
    """
    Buy coins.

    Send the viewer to `next_action.url` to pay. A 202 has none yet: repeat the request with
    the same key, or read the purchase a moment later.
    """
    order = PurchaseOrder(
        viewer=caller.user,
        key=key,
        request_hash=_hash(body),
        package=body.package,
        currency=body.currency,
        coins=body.coins,
        country=caller.country,
        provider=next(iter(providers)),
        correlation_id=request_id(),
        age_years=caller.age_verified,
    )
    async with db.transaction() as tx:
        purchase = await record_purchase(tx, order, rules)
    if purchase.state is State.CREATED:
        purchase = await polls.run(StatusPoll(purchase)) or purchase
    response.headers["Location"] = f"/v1/purchases/{purchase.id}"
    if purchase.state is State.CREATED:
        response.status_code = 202
    return shown(purchase)


def _hash(body: PurchaseRequest) -> bytes:
    """Hash a request; one without a currency counts as one in US dollars."""
    return fingerprint(body.model_copy(update={"currency": body.currency or "USD"}))


@router.get(
    "/purchases/{purchase}", name="read", responses=refusals(Unauthenticated, NoSuchPurchase)
)
async def read_purchase(purchase: UUID, caller: Caller, db: Db) -> Purchase:
    """Read one of one's own purchases."""
    async with db.transaction() as tx:
        return shown(await queries.read_purchase(tx, caller.user, purchase))


@router.get("/purchases", name="read_own", responses=refusals(BadCursor, Unauthenticated))
async def read_purchases(
    caller: Caller, db: Db, cursor: str | None = None, limit: Limit = 50
) -> Page[Purchase]:
    """List one's own purchases, newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        found = await purchases.page(tx, caller.user, before=before, limit=limit)
    return page(
        [shown(purchase) for purchase in found],
        limit,
        lambda last: [last.created_at.isoformat(), str(last.purchase)],
    )


def shown(purchase: domain.Purchase) -> Purchase:
    payable = purchase.state is State.PENDING and purchase.next_action_url is not None
    return Purchase(
        purchase=purchase.id,
        state=purchase.state,
        package=purchase.package,
        coins=purchase.coins,
        bonus_coins=purchase.bonus_coins,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        next_action=Redirect(url=purchase.next_action_url or "") if payable else None,
        created_at=purchase.created_at,
        paid_at=purchase.paid_at,
        completed_at=purchase.credited_at if purchase.state is State.COMPLETED else None,
    )
