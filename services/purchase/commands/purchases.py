"""Purchases, recorded before the provider is asked for a payment."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from services.purchase.commands.promotions import (
    Promise,
    give_back,
    promise_coins,
    require_budget,
    reserve_coins,
)
from services.purchase.commands.purchase_ids import purchase_id
from services.purchase.commands.webhook_events import REQUEST_SECONDS
from services.purchase.domain.prices import UnknownPackage, find_offer
from services.purchase.domain.purchase_rules import Attempt, require_allowed
from services.purchase.domain.purchases import (
    PAYABLE_FOR,
    Purchase,
    SelfExcluded,
)
from services.purchase.domain.quotas import TooManyOpenPurchases
from services.purchase.domain.rules import Rules
from services.purchase.store import purchases
from services.purchase.store.exclusions import excluded_until
from services.purchase.store.purchase_rules import history_of
from shared.errors import Refusal
from shared.idempotency import KeyReused, record_key
from shared.postgres.database import Database, Transaction
from shared.prices.packages import Channel
from shared.quotas import store as quotas

log = structlog.get_logger()

ROUTE = "/v1/purchases"


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """What a viewer wants to buy, from where, and under which key."""

    viewer: str
    key: str
    request_hash: bytes
    package: str
    currency: str | None
    coins: int | None
    expected_amount_minor: int | None
    country: str | None
    ip_country: str | None
    channel: Channel
    method: str | None
    promo_code: str | None
    correlation_id: str
    age_years: int | None
    account_created_at: float | None
    consumption_consent: bool


async def buy_once(database: Database, order: PurchaseOrder, rules: Rules) -> Purchase:
    """Record what a viewer wants to buy, with the coins of a promo code if they have one."""
    part = database.part_for(order.viewer)
    if order.promo_code is None:
        async with part.transaction() as tx:
            return await record_purchase(tx, order, rules)
    async with part.transaction() as tx:
        is_new = await count_promo_code(tx, order, rules)
    promise = None
    if is_new:
        promise = await reserve_coins(database, order.viewer, order.key, order.promo_code)
    try:
        async with part.transaction() as tx:
            purchase = await record_purchase(tx, order, rules, promise)
    except Refusal:
        await give_back(database, _ids(promise))
        raise
    if promise is not None and purchase.promise != promise.id:
        # The same key at the same moment: the other request was first, with a promise of its own.
        await give_back(database, _ids(promise))
    return purchase


def _ids(promise: Promise | None) -> list[UUID]:
    return [promise.id] if promise is not None and promise.id is not None else []


async def record_purchase(
    tx: Transaction, order: PurchaseOrder, rules: Rules, promise: Promise | None = None
) -> Purchase:
    """
    Record what a viewer wants to buy, at its price now; a repeat finds what was recorded.

    `promise` is what the budget of the order's promo code holds for it.
    """
    if (recorded := await _recorded(tx, order)) is not None:
        return recorded
    rules.ages.require(order.age_years, order.country)
    rules.purchases.require_country(order.country)
    now = datetime.now(UTC)
    if (until := await excluded_until(tx, order.viewer, now=now)) is not None:
        raise SelfExcluded(until=until)
    purchase = _new_purchase(order, rules, now)
    try:
        purchase = await _add(tx, purchase, order, rules, promise)
    except Refusal:
        # The same key at the same moment: the other request was first, and has committed.
        if (recorded := await _recorded(tx, order)) is not None:
            return recorded
        raise
    # Last of all: another refusal says more to the viewer.
    require_budget(promise)
    log.info("purchase.recorded", purchase=str(purchase.id))
    tx.after_commit(lambda: record_key(ROUTE, is_new=True))
    return purchase


def _new_purchase(order: PurchaseOrder, rules: Rules, now: datetime) -> Purchase:
    """Return what is asked for at its price now; refuse what is not offered."""
    here = rules.prices.offered(now, channel=order.channel, country=order.country)
    currency = order.currency or here.usual_currency
    offer = find_offer(here, order.package, currency=currency, coins=order.coins)
    offer.require_amount(order.expected_amount_minor)
    method = rules.methods.choose(order.method, order.channel, order.country, currency)
    if method.channel is not Channel.WEB and offer.sku not in method.products:
        raise UnknownPackage(package=offer.sku)
    return Purchase(
        viewer=order.viewer,
        id=purchase_id(order.viewer, order.key),
        package=offer.sku,
        coins=offer.coins,
        bonus_coins=rules.promotions.bonus_of(offer.sku, offer.bonus_coins),
        amount_minor=offer.amount_minor,
        currency=offer.currency,
        channel=method.channel.value,
        country=order.country,
        provider=method.provider,
        correlation_id=order.correlation_id,
        created_at=now,
        expires_at=now + PAYABLE_FOR,
        product=method.products.get(offer.sku),
        consumption_consent=order.consumption_consent,
        ip_country=order.ip_country,
        withdrawal_days=rules.refunds.days_of(method.channel.value, order.country),
    )


async def _add(
    tx: Transaction,
    purchase: Purchase,
    order: PurchaseOrder,
    rules: Rules,
    promise: Promise | None,
) -> Purchase:
    """
    Record a purchase with what comes on top, or refuse one too many.

    The quota's lock keeps the purchases of a viewer apart.
    """
    limits, now = rules.quotas, purchase.created_at
    counted_minor = rules.purchases.counted_minor(purchase.amount_minor, purchase.currency)
    await quotas.use(tx, order.viewer, limits.purchases)
    history = await history_of(tx, order.viewer, rules.purchases, now=now)
    is_new = rules.purchases.is_new_account(order.account_created_at, now)
    require_allowed(rules.purchases, history, Attempt(counted_minor, is_new, now))
    purchase = await promise_coins(
        tx, purchase, promise, rules, bought_before=history.bought_before
    )
    is_added = await purchases.add(
        tx,
        purchase,
        key=order.key,
        request_hash=order.request_hash,
        counted_minor=counted_minor,
        next_check_at=now + timedelta(seconds=REQUEST_SECONDS),
        open_since=now - PAYABLE_FOR,
        open_max=limits.open_max,
    )
    if not is_added:
        raise TooManyOpenPurchases(open_max=limits.open_max)
    return purchase


async def count_promo_code(tx: Transaction, order: PurchaseOrder, rules: Rules) -> bool:
    """
    Count that a code was tried, also if it is refused: so nobody tries many.

    Return False if the purchase is recorded already: it has what it was promised.
    """
    is_new = await _recorded(tx, order) is None
    if is_new:
        await quotas.use(tx, order.viewer, rules.quotas.promo_codes)
    return is_new


async def _recorded(tx: Transaction, order: PurchaseOrder) -> Purchase | None:
    found = await purchases.of_key(tx, order.viewer, order.key)
    if found is None:
        return None
    purchase, request_hash = found
    if request_hash != order.request_hash:
        raise KeyReused(purchase=purchase.id)
    tx.after_commit(lambda: record_key(ROUTE, is_new=False))
    return purchase
