"""Recording what viewers want to buy, and reading what became of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import structlog

from services.purchase.commands.inquiries import REQUEST_SECONDS
from services.purchase.domain.prices import PriceList
from services.purchase.domain.purchases import (
    PAYABLE_FOR,
    NoSuchPurchase,
    Purchase,
    SelfExcluded,
)
from services.purchase.domain.quotas import PurchaseQuotas, TooManyOpenPurchases
from services.purchase.store import books, money, purchases, refunds
from shared.contracts.base import NAMESPACE
from shared.errors import Refusal
from shared.idempotency import Key, KeyReused, count_key
from shared.identity.ages import AgeRule
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

log = structlog.get_logger()

ROUTE = "/v1/purchases"

WEB = "web"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a viewer asks to buy, from where, and under which key."""

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


async def record_purchase(
    tx: Transaction,
    wish: Wish,
    prices: PriceList,
    ages: AgeRule,
    limits: PurchaseQuotas | None = None,
) -> Purchase:
    """Record what a viewer wants to buy, at today's price; a repeat finds what was recorded."""
    if (recorded := await _recorded(tx, wish)) is not None:
        return recorded
    ages.require(wish.age_years, wish.country)
    now = datetime.now(UTC)
    if (until := await refunds.excluded_until(tx, wish.viewer, now=now)) is not None:
        raise SelfExcluded(until=until)
    purchase = _new_purchase(wish, prices, now)
    try:
        await _require_few_open(tx, wish.viewer, limits or PurchaseQuotas(), now)
    except Refusal:
        # The same key at the same moment may have been the last one: it has its answer.
        if (recorded := await _recorded(tx, wish)) is not None:
            return recorded
        raise
    added = await purchases.add_purchase(
        tx,
        purchase,
        key=wish.key,
        request_hash=wish.request_hash,
        next_check_at=now + timedelta(seconds=REQUEST_SECONDS),
    )
    if added:
        log.info("purchase.recorded", purchase=str(purchase.id))
        tx.after_commit(lambda: count_key(ROUTE, Key.NEW))
        return purchase
    # The same key at the same moment: the other request was first, and has committed.
    recorded = await _recorded(tx, wish)
    assert recorded is not None
    return recorded


def _new_purchase(wish: Wish, prices: PriceList, now: datetime) -> Purchase:
    """Return what is asked for at today's price; refuse what is not offered."""
    here = prices.for_country(wish.country)
    currency = wish.currency or here.usual_currency
    offer = here.offer(wish.package, currency=currency, coins=wish.coins)
    return Purchase(
        viewer=wish.viewer,
        id=purchase_id(wish.viewer, wish.key),
        package=offer.sku,
        coins=offer.coins,
        bonus_coins=offer.bonus_coins,
        amount_minor=offer.amount_minor,
        currency=offer.currency,
        channel=WEB,
        country=wish.country,
        provider=wish.provider,
        correlation_id=wish.correlation_id,
        created_at=now,
        expires_at=now + PAYABLE_FOR,
    )


async def _require_few_open(
    tx: Transaction, viewer: str, limits: PurchaseQuotas, now: datetime
) -> None:
    """Refuse one purchase too many; the quota's lock keeps the purchases of a viewer apart."""
    await quotas.use(tx, viewer, limits.purchases)
    if await purchases.count_open(tx, viewer, since=now - PAYABLE_FOR) >= limits.open_max:
        raise TooManyOpenPurchases(open_max=limits.open_max)


def purchase_id(viewer: str, key: str) -> UUID:
    """
    Derive the id of a purchase, which is also the provider's idempotency key.

    Neither a user nor a key contains a line break, so no two pairs of them meet in one id. Its
    viewer, the provider and operators see it, and they know the viewer: nothing is learned from it.
    """
    return uuid5(NAMESPACE, f"purchase|{viewer}\n{key}")


async def read_purchase(tx: Transaction, viewer: str, purchase: UUID) -> Purchase:
    found = await purchases.purchase(tx, viewer, purchase)
    if found is None:
        raise NoSuchPurchase(purchase=purchase)
    return found


async def read_purchases(
    tx: Transaction, viewer: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Purchase]:
    return await purchases.page(tx, viewer, before=before, limit=limit)


async def read_disputes(tx: Transaction, limit: int) -> list[money.DisputeLine]:
    return await money.newest_disputes(tx, limit)


async def read_books(tx: Transaction) -> books.Books:
    return await books.read_books(tx)


async def _recorded(tx: Transaction, wish: Wish) -> Purchase | None:
    found = await purchases.purchase_of_key(tx, wish.viewer, wish.key)
    if found is None:
        return None
    purchase, request_hash = found
    if request_hash != wish.request_hash:
        raise KeyReused(purchase=purchase.id)
    tx.after_commit(lambda: count_key(ROUTE, Key.REPEATED))
    return purchase
