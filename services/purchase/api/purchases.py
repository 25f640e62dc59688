"""Purchases of coins, and what became of them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from services.purchase.api.campaigns import PromoCode
from services.purchase.api.packages import COINS_MAX, Currency, FromRules, MethodName
from services.purchase.commands import queries
from services.purchase.commands.purchases import PurchaseOrder, buy_once
from services.purchase.commands.refusals import publish_refusal
from services.purchase.commands.status_polls import StatusPoll, StatusPolls
from services.purchase.domain import purchases as domain
from services.purchase.domain.methods import MethodNotOffered
from services.purchase.domain.prices import CoinsNotOffered, PriceChanged, UnknownPackage
from services.purchase.domain.promotions import (
    PromoCodeEnded,
    PromoCodeNotValid,
    PromoCodeUsed,
    UnknownPromoCode,
)
from services.purchase.domain.purchase_rules import (
    CountryNotServed,
    PurchaseLimitReached,
    PurchasesLocked,
    PurchasesPaused,
    PurchaseTooLarge,
)
from services.purchase.domain.purchases import (
    NoSuchPurchase,
    NotSoldByStore,
    SelfExcluded,
    State,
    StoreUnavailable,
    TokenRefused,
)
from services.purchase.domain.quotas import TooManyOpenPurchases
from services.purchase.domain.refunds import RefundPolicy
from services.purchase.domain.withdrawals import withdrawable_until
from services.purchase.providers import Providers
from services.purchase.store import purchases
from shared.errors import Refusal
from shared.http import (
    AllParts,
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
from shared.prices.packages import Channel
from shared.prices.price_list import CurrencyNotOffered
from shared.quotas.rules import TooOften

FromProviders = Annotated[Providers, from_state("providers")]
Polls = Annotated[StatusPolls, from_state("status_polls")]
Coins = Annotated[int, Field(strict=True, ge=1, le=COINS_MAX)]
AmountMinor = Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)]

router = APIRouter(tags=["purchases"])


class PurchaseRequest(BaseModel):
    """
    What to buy; only a package without a fixed size takes `coins`.

    Without a currency it is the usual one of the buyer's country; without a `method` it is the
    first that `GET /v1/packages` lists for the channel. `expected_amount_minor` is the price that
    the buyer saw: if it is another one by now, the purchase is refused (`price-changed`). With
    `consumption_consent` the buyer lets us tell an app's store how much was used, if it asks
    before it decides about a refund. A `promo_code` brings more
    coins, on the web.
    """

    model_config = ConfigDict(extra="forbid")

    package: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
    currency: Currency | None = None
    coins: Coins | None = None
    expected_amount_minor: AmountMinor | None = None
    channel: Channel = Channel.WEB
    method: MethodName | None = None
    consumption_consent: bool = False
    promo_code: PromoCode | None = None


class ClaimRequest(BaseModel):
    """What the store gave the app: Apple's signed transaction, or Google's purchase token."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(min_length=1, max_length=16_384, pattern=r"^[!-~]+$")]


class Redirect(BaseModel):
    """Where to send the viewer to pay."""

    type: Literal["redirect"] = "redirect"
    url: str


class StoreOrder(BaseModel):
    """
    What the app has to buy in the store it came from.

    It gives the store the `account_token` (Apple's `appAccountToken`, Google's
    `obfuscatedAccountId`), and claims what the store returns.
    """

    type: Literal["store"] = "store"
    product: str
    account_token: UUID


class Purchase(BaseModel):
    """
    A purchase; `next_action` is what the viewer has to do now, if anything.

    It brings `coins`, `bonus_coins` and `promo_coins`. If it is not paid in time, what comes with a
    promo code or with a first purchase is lost, also if its money comes later.
    Before `withdrawable_until` its viewer can withdraw from it; it is null if they cannot.
    """

    purchase: UUID
    state: State
    package: str
    coins: int
    bonus_coins: int
    promo_coins: int
    promo_expires_at: datetime | None
    amount_minor: int
    currency: str
    next_action: Annotated[Redirect | StoreOrder, Field(discriminator="type")] | None
    created_at: datetime
    paid_at: datetime | None
    completed_at: datetime | None
    withdrawable_until: datetime | None
    withdrawn_at: datetime | None


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
            PriceChanged,
            MethodNotOffered,
            SelfExcluded,
            AgeUnknown,
            TooYoung,
            TooManyOpenPurchases,
            TooOften,
            KeyReused,
            CountryNotServed,
            PurchaseLimitReached,
            PurchaseTooLarge,
            PurchasesPaused,
            PurchasesLocked,
            UnknownPromoCode,
            PromoCodeEnded,
            PromoCodeUsed,
            PromoCodeNotValid,
        ),
    },
)
async def buy_coins(
    body: PurchaseRequest,
    key: IdempotencyKey,
    caller: Caller,
    response: Response,
    db: AllParts,
    polls: Polls,
    rules: FromRules,
) -> Purchase:
    """
    Buy coins.

    Send the viewer to `next_action.url` to pay. A 202 has none yet: repeat the request with
    the same key, or read the purchase a moment later. In an app, buy `next_action.product` in its
    store, and claim what the store gives.
    """
    order = PurchaseOrder(
        viewer=caller.user,
        key=key,
        request_hash=_hash(body),
        package=body.package,
        currency=body.currency,
        coins=body.coins,
        expected_amount_minor=body.expected_amount_minor,
        country=caller.country,
        ip_country=caller.ip_country,
        channel=body.channel,
        method=body.method,
        correlation_id=request_id(),
        age_years=caller.age_verified,
        account_created_at=caller.account_created_at,
        consumption_consent=body.consumption_consent,
        promo_code=body.promo_code,
    )
    try:
        purchase = await buy_once(db, order, rules)
    except Refusal as refusal:
        await publish_refusal(db.part_for(order.viewer), order, refusal)
        raise
    if is_unknown(purchase):
        purchase = await polls.run(StatusPoll(purchase)) or purchase
    response.headers["Location"] = f"/v1/purchases/{purchase.id}"
    if is_unknown(purchase):
        response.status_code = 202
    return shown(purchase, rules.refunds)


def _hash(body: PurchaseRequest) -> bytes:
    """Hash a request; one without a currency counts as one in US dollars."""
    return fingerprint(body.model_copy(update={"currency": body.currency or "USD"}))


def is_unknown(purchase: domain.Purchase) -> bool:
    """Whether the provider has yet to say where to pay."""
    return purchase.state is State.CREATED and purchase.product is None


@router.post(
    "/purchases/{purchase}/claim",
    responses=refusals(
        Unauthenticated, NoSuchPurchase, NotSoldByStore, TokenRefused, StoreUnavailable, TooOften
    ),
)
async def claim_payment(
    purchase: UUID,
    body: ClaimRequest,
    caller: Caller,
    db: Db,
    polls: Polls,
    rules: FromRules,
) -> Purchase:
    """
    Claim what an app's store sold for one of one's own purchases, any number of times.

    Without a claim the purchase is found when the store sends its own notification.
    """
    async with db.transaction() as tx:
        found = await queries.read_to_claim(tx, caller.user, purchase, rules.quotas.claims)
    return shown(await polls.claim(found, body.token), rules.refunds)


@router.get("/purchases/{purchase}", responses=refusals(Unauthenticated, NoSuchPurchase))
async def read_purchase(purchase: UUID, caller: Caller, db: Db, rules: FromRules) -> Purchase:
    """Read one of one's own purchases."""
    async with db.transaction() as tx:
        return shown(await queries.read_purchase(tx, caller.user, purchase), rules.refunds)


@router.get("/purchases", responses=refusals(BadCursor, Unauthenticated))
async def list_purchases(
    caller: Caller, db: Db, rules: FromRules, cursor: str | None = None, limit: Limit = 50
) -> Page[Purchase]:
    """List one's own purchases, newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        found = await purchases.page(tx, caller.user, before=before, limit=limit)
    return page(
        [shown(purchase, rules.refunds) for purchase in found],
        limit,
        lambda last: [last.created_at.isoformat(), str(last.purchase)],
    )


def shown(purchase: domain.Purchase, policy: RefundPolicy) -> Purchase:
    return Purchase(
        purchase=purchase.id,
        state=purchase.state,
        package=purchase.package,
        coins=purchase.coins,
        bonus_coins=purchase.all_bonus_coins,
        promo_coins=purchase.promo_coins,
        promo_expires_at=purchase.promo_expires_at,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        next_action=_next_action(purchase),
        created_at=purchase.created_at,
        paid_at=purchase.paid_at,
        completed_at=purchase.credited_at if purchase.state is State.COMPLETED else None,
        withdrawable_until=withdrawable_until(purchase, policy),
        withdrawn_at=purchase.withdrawn_at,
    )


def _next_action(purchase: domain.Purchase) -> Redirect | StoreOrder | None:
    if purchase.state is State.PENDING and purchase.next_action_url is not None:
        return Redirect(url=purchase.next_action_url)
    # Until its payment is claimed; one that is claimed but not decided has a payment already.
    if purchase.state is State.CREATED and purchase.product and purchase.payment is None:
        return StoreOrder(product=purchase.product, account_token=purchase.id)
    return None
