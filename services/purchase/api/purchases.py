"""Buying coins, and reading what became of it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from services.purchase.api.packages import COINS_MAX, Currency
from services.purchase.commands.inquiries import ASKED_MAX, Inquiry, ask, settle_if_newest
from services.purchase.commands.purchases import (
    Wish,
    read_purchase,
    read_purchases,
    record_purchase,
)
from services.purchase.domain import purchases as domain
from services.purchase.domain.prices import (
    CoinsNotOffered,
    CurrencyNotOffered,
    PriceList,
    UnknownPackage,
)
from services.purchase.domain.purchases import NoSuchPurchase, SelfExcluded, State
from services.purchase.domain.quotas import PurchaseQuotas, TooManyOpenPurchases
from services.purchase.providers import Provider
from shared.http import (
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    encode_cursor,
    moment_in,
    refusals,
    request_id,
)
from shared.http.auth import Caller
from shared.idempotency import KeyReused, fingerprint
from shared.identity.ages import AgeRule, AgeUnknown, TooYoung
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Database
from shared.quotas.rules import TooOften

Coins = Annotated[int, Field(strict=True, ge=1, le=COINS_MAX)]


class PurchaseAsk(BaseModel):
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


def add_routes(
    router: APIRouter,
    database: Database,
    provider: Provider,
    prices: PriceList,
    ages: AgeRule,
    limits: PurchaseQuotas,
) -> None:
    _add_buying(router, database, provider, prices, ages, limits)
    _add_reading(router, database)


async def inquire(
    database: Database, provider: Provider, inquiry: Inquiry
) -> domain.Purchase | None:
    """Ask the provider, and settle what it says; None if it says nothing yet."""
    purchase = None
    for _ in range(ASKED_MAX):
        truth = await ask(provider, inquiry)
        if truth is None:
            return None
        async with database.transaction() as tx:
            purchase, used = await settle_if_newest(tx, inquiry, truth)
        if used:
            break
    return purchase


def _add_buying(
    router: APIRouter,
    database: Database,
    provider: Provider,
    prices: PriceList,
    ages: AgeRule,
    limits: PurchaseQuotas,
) -> None:
    @router.post(
        "/purchases",
        tags=["purchases"],
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
        wanted: PurchaseAsk, key: IdempotencyKey, caller: Caller, response: Response
    ) -> Purchase:
        """
        Buy coins.

        Send the viewer to `next_action.url` to pay. A 202 has none yet: repeat the request with
        the same key, or read the purchase a moment later.
        """
        wish = Wish(
            viewer=caller.user,
            key=key,
            request_hash=_hash(wanted),
            package=wanted.package,
            currency=wanted.currency,
            coins=wanted.coins,
            country=caller.country,
            provider=provider.name,
            correlation_id=request_id(),
            age_years=caller.age_verified,
        )
        async with database.transaction() as tx:
            purchase = await record_purchase(tx, wish, prices, ages, limits)
        if purchase.state is State.CREATED:
            purchase = await inquire(database, provider, Inquiry(purchase)) or purchase
        response.headers["Location"] = f"/v1/purchases/{purchase.id}"
        if purchase.state is State.CREATED:
            response.status_code = 202
        return shown(purchase)


def _hash(wanted: PurchaseAsk) -> bytes:
    """Hash a wish as always: without a currency it once was one in US dollars."""
    return fingerprint(wanted.model_copy(update={"currency": wanted.currency or "USD"}))


def _add_reading(router: APIRouter, database: Database) -> None:
    @router.get(
        "/purchases/{purchase}",
        tags=["purchases"],
        responses=refusals(Unauthenticated, NoSuchPurchase),
    )
    async def read(purchase: UUID, caller: Caller) -> Purchase:
        """Read one of one's own purchases."""
        async with database.transaction() as tx:
            return shown(await read_purchase(tx, caller.user, purchase))

    @router.get("/purchases", tags=["purchases"], responses=refusals(BadCursor, Unauthenticated))
    async def read_own(
        caller: Caller, cursor: str | None = None, limit: Limit = 50
    ) -> Page[Purchase]:
        """List one's own purchases, newest first."""
        before = moment_in(cursor)
        async with database.transaction() as tx:
            found = await read_purchases(tx, caller.user, before=before, limit=limit)
        last = found[-1] if len(found) == limit else None
        return Page(
            items=[shown(purchase) for purchase in found],
            next_cursor=encode_cursor([last.created_at.isoformat(), str(last.id)])
            if last
            else None,
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
