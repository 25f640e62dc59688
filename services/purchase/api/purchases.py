"""Purchases of coins, and what became of them."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

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
from shared.contracts.base import like
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
from shared.http.bodies import Body
from shared.http.fields import Coins, CurrencyCode, Instant, MinorUnits, PurchaseId
from shared.http.pages import Cursor
from shared.idempotency import KeyReused, fingerprint
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.tokens import Unauthenticated
from shared.prices.packages import Channel
from shared.prices.price_list import CurrencyNotOffered
from shared.quotas.rules import TooOften

FromProviders = Annotated[Providers, from_state("providers")]
Polls = Annotated[StatusPolls, from_state("status_polls")]
CoinAmount = Annotated[int, Field(strict=True, ge=1, le=COINS_MAX)]
AmountMinor = Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)]

router = APIRouter(tags=["purchases"])


class PurchaseRequest(Body):
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

    package: Annotated[
        str, Field(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$", examples=["coins_500", "custom"])
    ]
    """What to buy: a `sku` of `GET /v1/packages`."""
    currency: Annotated[Currency, like("USD")] | None = None
    """The currency (ISO 4217) to pay in; null for the usual one of the buyer's country."""
    coins: Annotated[CoinAmount | None, like(None, 1_250)] = None
    """How many coins, for the `sku` that sells them one by one; null for a package."""
    expected_amount_minor: Annotated[AmountMinor, like(499)] | None = None
    """
    The price that the buyer saw, in minor units. If it is another one by now, the purchase is
    refused (`price-changed`); null buys at any price.
    """
    channel: Annotated[Channel, like("web")] = Channel.WEB
    """Where the buyer is: the web, or an app whose store has to sell."""
    method: Annotated[MethodName, like("card")] | None = None
    """How to pay: one of `methods` of `GET /v1/packages`; null for the first."""
    consumption_consent: bool = False
    """
    Whether the buyer lets us tell an app's store how much of the purchase was used, if it asks
    before it decides about a refund.
    """
    promo_code: Annotated[PromoCode | None, like(None, "SPRING-26")] = None
    """
    A code of a campaign that brings more coins, in any case of letters, on the web only; null for
    none.
    """


class ClaimRequest(Body):
    """What the store gave the app: Apple's signed transaction, or Google's purchase token."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[
        str,
        Field(
            min_length=1,
            max_length=16_384,
            pattern=r"^[!-~]+$",
            examples=["eyJhbGciOiJFUzI1NiJ9.eyJ0cmFuc2FjdGlvbklkIjoiMSJ9.c2ln"],
        ),
    ]
    """What the store gave the app: Apple's signed transaction (JWS), or Google's purchase token."""


class Redirect(Body):
    """Where to send the viewer to pay."""

    type: Literal["redirect"] = "redirect"
    """The viewer pays on a page of the provider."""
    url: Annotated[str, like("https://checkout.stripe.com/c/pay/cs_test_a1")]
    """
    Where to send the viewer. It is good until the purchase expires, half an hour after it was made.
    """


class StoreOrder(Body):
    """
    What the app has to buy in the store it came from.

    It gives the store the `account_token` (Apple's `appAccountToken`, Google's
    `obfuscatedAccountId`), and claims what the store returns.
    """

    type: Literal["store"] = "store"
    """The viewer pays in the store that the app came from."""
    product: Annotated[str, like("coins_500")]
    """The product to buy, as the store knows it."""
    account_token: Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d103")]
    """
    What the app gives the store with the order, so that its payment is found: Apple's
    `appAccountToken`, Google's `obfuscatedAccountId`.
    """


class Purchase(Body):
    """
    A purchase; `next_action` is what the viewer has to do now, if anything.

    It brings `coins`, `bonus_coins` and `promo_coins`. If it is not paid in time, what comes with a
    promo code or with a first purchase is lost, also if its money comes later.
    Before `withdrawable_until` its viewer can withdraw from it; it is null if they cannot.
    """

    purchase: PurchaseId
    state: Annotated[State, like("completed", "pending")]
    """
    How far it has come: `created`, `pending` until it is paid, `paid` until its coins are there,
    `completed`. `failed` and `expired` brought nothing; of `mismatched` another amount came than
    was asked for, and a person decides.
    """
    package: Annotated[str, like("coins_500")]
    """What was bought: a `sku` of `GET /v1/packages`."""
    coins: Annotated[Coins, like(500)]
    """How many coins were paid for."""
    bonus_coins: Annotated[Coins, like(0)]
    """How many coins the package, or a first purchase, brings on top."""
    promo_coins: Annotated[Coins, like(0)]
    """How many coins its promo code brings; they expire."""
    promo_expires_at: Annotated[Instant | None, like(None, "2026-12-23T12:00:05Z")]
    """When those expire; null without a promo code, and until it is paid."""
    amount_minor: Annotated[MinorUnits, like(499)]
    """
    The price, tax included. Of a store's purchase it is our own price until the store says what it
    took.
    """
    currency: CurrencyCode
    next_action: Annotated[
        Redirect | StoreOrder | None,
        Field(
            discriminator="type",
            examples=[
                None,
                {"type": "redirect", "url": "https://checkout.stripe.com/c/pay/cs_test_a1"},
            ],
        ),
    ]
    """
    What the viewer has to do now: pay on a page, or in a store. Null if there is nothing to do, or
    not yet.
    """
    created_at: Instant
    """When it was requested."""
    paid_at: Annotated[Instant, like("2026-11-23T12:00:05Z")] | None
    """When the provider had the money; null until then."""
    completed_at: Annotated[Instant, like("2026-11-23T12:00:06Z")] | None
    """When its coins were in the wallet; null until then."""
    withdrawable_until: Annotated[Instant | None, like(None, "2026-12-07T12:00:05Z")]
    """
    Until when its viewer may withdraw from it, by the law of their country; null if they may not,
    or did.
    """
    withdrawn_at: Annotated[Instant | None, like(None, "2026-11-24T09:00:00Z")]
    """When its viewer withdrew from it; null unless they did."""


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
    purchase: PurchaseId,
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
async def read_purchase(purchase: PurchaseId, caller: Caller, db: Db, rules: FromRules) -> Purchase:
    """Read one of one's own purchases."""
    async with db.transaction() as tx:
        return shown(await queries.read_purchase(tx, caller.user, purchase), rules.refunds)


@router.get("/purchases", responses=refusals(BadCursor, Unauthenticated))
async def list_purchases(
    caller: Caller, db: Db, rules: FromRules, cursor: Cursor = None, limit: Limit = 50
) -> Page[Purchase]:
    """List one's own purchases, newest first."""
    return await purchases_of(db, caller.user, rules.refunds, cursor, limit)


async def purchases_of(
    db: Db, viewer: str, policy: RefundPolicy, cursor: Cursor, limit: int
) -> Page[Purchase]:
    """Return a page of a viewer's purchases, the newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        found = await purchases.page(tx, viewer, before=before, limit=limit)
    return page(
        [shown(purchase, policy) for purchase in found],
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
