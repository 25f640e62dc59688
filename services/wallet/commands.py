"""What the wallet does, a whole batch at a time, inside its caller's transaction."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from services.wallet import domain, store
from services.wallet.domain import COINS, CauseReused, Lot, NoSuchWallet, Origin
from services.wallet.settings import Settings
from shared.contracts import wallet
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Envelope
from shared.contracts.gift import GiftRequested
from shared.contracts.purchase import PurchasePaid
from shared.contracts.wallet import CoinsCredited, GiftPaid, GiftPaymentRefused, LotKind
from shared.database import Transaction
from shared.errors import Refusal
from shared.ledger.book import open_book
from shared.ledger.rules import DEBT, HELD, MAIN, Holder, Outcome
from shared.messaging.outbox import Fact, announce

GIFT_CAUSE = "gift:{}"
PURCHASE_CAUSE = "purchase:{}"


async def pay_for_gifts(tx: Transaction, received: Sequence[Envelope[GiftRequested]]) -> None:
    """
    Pay each gift, or announce for good why not, in the order in which they were asked.

    A gift that was decided before is announced again, word for word.
    """
    book = await open_book(
        tx, COINS, ((asked.data.viewer, GIFT_CAUSE.format(asked.data.gift)) for asked in received)
    )
    lots = await store.open_lots(tx, book.holders)
    now = datetime.now(UTC)
    facts: list[Fact] = []
    payments: list[store.Payment] = []
    for asked in received:
        holder, cause = book[asked.data.viewer], GIFT_CAUSE.format(asked.data.gift)
        request_hash = _gift_hash(asked.data)
        outcome = holder.outcomes.get(cause)
        if outcome is None:
            event, payment = _decide(
                holder,
                lots[holder.user],
                asked.data,
                cause=cause,
                request_hash=request_hash,
                now=now,
            )
            outcome = holder.conclude(event.model_dump_json())
            payments += [payment] if payment else []
        else:
            _require_same(outcome, request_hash)
            event = _said_before(outcome)
        facts.append(Fact(event, outcome.version, asked.cause))
    await book.write(tx)
    await store.record_payments(tx, payments)
    await announce(tx, facts)


async def credit_purchases(
    tx: Transaction, received: Sequence[Envelope[PurchasePaid]], settings: Settings
) -> None:
    """Open the lots of each paid purchase and let their coins arrive, once."""
    book = await open_book(
        tx,
        COINS,
        ((paid.data.viewer, PURCHASE_CAUSE.format(paid.data.purchase)) for paid in received),
    )
    facts: list[Fact] = []
    opened: list[store.NewLot] = []
    for envelope in received:
        paid = envelope.data
        holder, cause = book[paid.viewer], PURCHASE_CAUSE.format(paid.purchase)
        request_hash = _request_hash(paid.coins, paid.bonus_coins, paid.amount_minor, paid.currency)
        outcome = holder.outcomes.get(cause)
        if outcome is None:
            lots = _lots_of(paid, settings)
            coins = sum(new.lot.remaining for new in lots)
            domain.credit(holder, cause=cause, coins=coins, request_hash=request_hash)
            outcome = holder.conclude(_coins_credited(holder, paid, lots).model_dump_json())
            opened += lots
        _require_same(outcome, request_hash)
        fact = CoinsCredited.model_validate_json(outcome.result)
        facts.append(Fact(fact, outcome.version, envelope.cause))
    await book.write(tx)
    await store.add_lots(tx, opened)
    await announce(tx, facts)


async def balances(tx: Transaction, user: str) -> tuple[int, int, int]:
    """Return a user's spendable coins, those held back, and what is owed."""
    found = await store.balances(tx, user)
    if not found:
        raise NoSuchWallet
    return found.get(MAIN, 0), found.get(HELD, 0), -found.get(DEBT, 0)


async def history(
    tx: Transaction, user: str, *, before: int | None, limit: int
) -> list[store.Line]:
    return await store.history(tx, user, before=before, limit=limit)


async def books(tx: Transaction) -> store.Books:
    return await store.books(tx)


def _decide(
    holder: Holder,
    lots: Sequence[Lot],
    asked: GiftRequested,
    *,
    cause: str,
    request_hash: bytes,
    now: datetime,
) -> tuple[GiftPaid | GiftPaymentRefused, store.Payment | None]:
    """Decide one gift against what the gifts before it left; nothing is written yet."""
    try:
        slices = domain.pay_for_gift(
            holder,
            lots,
            cause=cause,
            coins=asked.coins,
            request_hash=request_hash,
            expires_at=asked.expires_at,
            now=now,
        )
    except Refusal as no:
        holder.refuse(cause=cause, request_hash=request_hash)
        return _gift_refused(holder, asked, no), None
    paid = GiftPaid(
        viewer=asked.viewer,
        gift=asked.gift,
        coins=asked.coins,
        slices=tuple(
            [
                wallet.Slice(
                    lot=piece.lot.id,
                    kind=LotKind(piece.lot.origin.value),
                    coins=piece.coins,
                    diamond_rate_bp=piece.lot.diamond_rate_bp,
                )
                for piece in slices
            ]
        ),
        balance_coins=holder.balance(MAIN, COINS),
    )
    return paid, store.Payment(asked.viewer, asked.gift, holder.version, slices)


def _gift_refused(holder: Holder, asked: GiftRequested, no: Refusal) -> GiftPaymentRefused:
    shortfall = no.facts.get("shortfall_coins", 0)
    assert isinstance(shortfall, int)
    return GiftPaymentRefused(
        viewer=asked.viewer,
        gift=asked.gift,
        coins=asked.coins,
        reason=no.code(),
        shortfall_coins=shortfall,
        balance_coins=holder.balance(MAIN, COINS),
    )


def _said_before(outcome: Outcome) -> GiftPaid | GiftPaymentRefused:
    contract = GiftPaid if outcome.moved else GiftPaymentRefused
    return contract.model_validate_json(outcome.result)


def _coins_credited(
    holder: Holder, paid: PurchasePaid, lots: Sequence[store.NewLot]
) -> CoinsCredited:
    return CoinsCredited(
        viewer=paid.viewer,
        purchase=paid.purchase,
        coins=sum(new.lot.remaining for new in lots),
        lots=tuple(
            wallet.Lot(lot=new.lot.id, kind=LotKind(new.lot.origin.value), coins=new.lot.remaining)
            for new in lots
        ),
        balance_coins=holder.balance(MAIN, COINS),
    )


def _lots_of(paid: PurchasePaid, settings: Settings) -> list[store.NewLot]:
    """One lot for what was paid, and one for the bonus, which cost nothing."""
    kinds = (
        (Origin.PAID, paid.coins, paid.amount_minor, settings.paid_diamond_rate_bp),
        (Origin.BONUS, paid.bonus_coins, 0, settings.bonus_diamond_rate_bp),
    )
    return [
        store.NewLot(
            user=paid.viewer,
            lot=Lot(
                id=_lot_id(paid.purchase, origin),
                origin=origin,
                remaining=coins,
                frozen=0,
                diamond_rate_bp=rate,
                funded_at=paid.paid_at,
                expires_at=None,
            ),
            purchase=paid.purchase,
            price_minor=price_minor,
            currency=paid.currency,
            channel=paid.channel,
            country=paid.country,
        )
        for origin, coins, price_minor, rate in kinds
        if coins
    ]


def _lot_id(purchase: UUID, origin: Origin) -> UUID:
    return uuid5(NAMESPACE, f"lot|{purchase}|{origin.value}")


def _gift_hash(asked: GiftRequested) -> bytes:
    """The attempt is left out: asking again is the same question."""
    return _request_hash(asked.creator, asked.gift_type, asked.count, asked.coins)


def _request_hash(*values: object) -> bytes:
    return hashlib.blake2b(repr(values).encode(), digest_size=16).digest()


def _require_same(outcome: Outcome, request_hash: bytes) -> None:
    if outcome.request_hash != request_hash:
        raise CauseReused(cause=outcome.cause)
