"""Purchases, recorded before the provider is asked for a payment."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import structlog

from services.purchase.commands.webhook_events import REQUEST_SECONDS
from services.purchase.domain.prices import PriceList
from services.purchase.domain.purchases import (
    PAYABLE_FOR,
    Purchase,
    SelfExcluded,
)
from services.purchase.domain.quotas import PurchaseQuotas, TooManyOpenPurchases
from services.purchase.domain.rules import Rules
from services.purchase.store import purchases
from services.purchase.store.exclusions import excluded_until
from shared.contracts.base import NAMESPACE
from shared.errors import Refusal
from shared.idempotency import Key, KeyReused, count_key
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

log = structlog.get_logger()

ROUTE = "/v1/purchases"

WEB = "web"


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """What a viewer wants to buy, from where, and under which key."""

    viewer: str
    key: str
    request_hash: bytes
    package: str
    currency: str | None
    coins: int | None
    country: str | None
    provider: str
    correlation_id: str
    age_years: int | None


async def record_purchase(tx: Transaction, order: PurchaseOrder, rules: Rules) -> Purchase:
    """Record what a viewer wants to buy, at today's price; a repeat finds what was recorded."""
    if (recorded := await _recorded(tx, order)) is not None:
        return recorded
    rules.ages.require(order.age_years, order.country)
    now = datetime.now(UTC)
    if (until := await excluded_until(tx, order.viewer, now=now)) is not None:
        raise SelfExcluded(until=until)
    purchase = _new_purchase(order, rules.prices, now)
    try:
        await _add(tx, purchase, order, rules.quotas)
    except Refusal:
        # The same key at the same moment: the other request was first, and has committed.
        if (recorded := await _recorded(tx, order)) is not None:
            return recorded
        raise
    log.info("purchase.recorded", purchase=str(purchase.id))
    tx.after_commit(lambda: count_key(ROUTE, Key.NEW))
    return purchase


def _new_purchase(order: PurchaseOrder, prices: PriceList, now: datetime) -> Purchase:
    """Return what is asked for at today's price; refuse what is not offered."""
    here = prices.for_country(order.country)
    currency = order.currency or here.usual_currency
    offer = here.offer(order.package, currency=currency, coins=order.coins)
    return Purchase(
        viewer=order.viewer,
        id=purchase_id(order.viewer, order.key),
        package=offer.sku,
        coins=offer.coins,
        bonus_coins=offer.bonus_coins,
        amount_minor=offer.amount_minor,
        currency=offer.currency,
        channel=WEB,
        country=order.country,
        provider=order.provider,
        correlation_id=order.correlation_id,
        created_at=now,
        expires_at=now + PAYABLE_FOR,
    )


async def _add(
    tx: Transaction, purchase: Purchase, order: PurchaseOrder, limits: PurchaseQuotas
) -> None:
    """Refuse one purchase too many; the quota's lock keeps the purchases of a viewer apart."""
    await quotas.use(tx, order.viewer, limits.purchases)
    is_added = await purchases.add(
        tx,
        purchase,
        key=order.key,
        request_hash=order.request_hash,
        next_check_at=purchase.created_at + timedelta(seconds=REQUEST_SECONDS),
        open_since=purchase.created_at - PAYABLE_FOR,
        open_max=limits.open_max,
    )
    if not is_added:
        raise TooManyOpenPurchases(open_max=limits.open_max)


def purchase_id(viewer: str, key: str) -> UUID:
    """
    Derive the id of a purchase, which is also the provider's idempotency key.

    Neither a user nor a key contains a line break, so no two pairs of them meet in one id. Its
    viewer, the provider and operators see it, and they know the viewer: nothing is learned from it.
    """
    return uuid5(NAMESPACE, f"purchase|{viewer}\n{key}")


async def _recorded(tx: Transaction, order: PurchaseOrder) -> Purchase | None:
    found = await purchases.of_key(tx, order.viewer, order.key)
    if found is None:
        return None
    purchase, request_hash = found
    if request_hash != order.request_hash:
        raise KeyReused(purchase=purchase.id)
    tx.after_commit(lambda: count_key(ROUTE, Key.REPEATED))
    return purchase
