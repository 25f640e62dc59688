"""What the wallet's decisions look like to others, and how a repeated question is known."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from pydantic import TypeAdapter

from services.wallet.domain.coins import COINS, CauseReused, Lot
from services.wallet.domain.gift_payments import Slice
from services.wallet.domain.limits import Budget
from shared.contracts.envelope import Cause, WrittenEvent, quoted
from shared.contracts.spending_controls import LimitReached, LimitReminder
from shared.contracts.wallet import (
    DebtOpened,
    DebtSettled,
    GiftPaid,
    LotKind,
    LotRestored,
    LotReversed,
    ReversedGift,
)
from shared.contracts.wallet import Lot as LotPart
from shared.ledger.entries import DEBT, Entry, LockedAccounts
from shared.messaging.facts import Fact

GIFTS_MAX = 1_000
_GIFTS = TypeAdapter(tuple[ReversedGift, ...])


def write_gift_paid(
    *, viewer: str, gift: str, coins: int, slices: Iterable[Slice], balance_coins: int
) -> WrittenEvent:
    """Write `wallet.gift_paid`; `gift` is the id as text."""
    parts = [
        f'{{"lot":"{lot.id}","kind":"{lot.origin.value}","coins":{taken},'
        f'"diamond_rate_bp":{lot.diamond_rate_bp}}}'
        for lot, taken, _ in slices
    ]
    data = (
        f'{{"viewer":{quoted(viewer)},"gift":"{gift}","coins":{coins},'
        f'"slices":[{",".join(parts)}],"balance_coins":{balance_coins}}}'
    )
    return WrittenEvent(GiftPaid, GiftPaid.id_of(viewer, gift), viewer, viewer, data.encode())


def limit_facts(
    accounts: LockedAccounts, budget: Budget, cause: Cause, now: datetime
) -> Iterator[Fact]:
    """Say which thresholds of the viewer's limits were just reached, and forget them."""
    for mark in budget.marks:
        event = (LimitReached if mark.percent == 100 else LimitReminder)(
            viewer=accounts.user,
            period=mark.limit.period.value,
            unit=mark.limit.unit,
            set_by=mark.limit.set_by,
            starts_on=mark.starts_at.date().isoformat(),
            starts_at=mark.starts_at.astimezone(UTC),
            percent=mark.percent,
            limit=mark.limit.amount,
            spent=mark.spent,
        )
        yield Fact(event, accounts.version, cause, now)
    budget.marks.clear()


def reversal_facts(
    accounts: LockedAccounts,
    lot: Lot,
    parts: Sequence[str],
    *,
    grew: bool,
    cause: Cause,
    now: datetime,
) -> Iterator[Fact]:
    """Publish which gifts stand reversed by how much now; each part, as JSON, is a message."""
    contract = LotReversed if grew else LotRestored
    for number, part in enumerate(parts, start=1):
        event = contract(
            viewer=accounts.user,
            purchase=lot.purchase,
            lot=lot.id,
            revision=lot.revision,
            part=number,
            parts=len(parts),
            gifts=_GIFTS.validate_json(part),
        )
        yield Fact(event, accounts.version, cause, now)


def debt_fact(accounts: LockedAccounts, lot: Lot, change: int, cause: Cause, now: datetime) -> Fact:
    """Say that the viewer owes more for a lot, or less."""
    contract = DebtOpened if change > 0 else DebtSettled
    event = contract(
        viewer=accounts.user,
        purchase=lot.purchase,
        lot=lot.id,
        revision=lot.revision,
        coins=abs(change),
        debt_coins=-accounts.balance(DEBT, COINS),
    )
    return Fact(event, accounts.version, cause, now)


def lot_part(lot: Lot, coins: int) -> LotPart:
    """Name coins of a lot to others."""
    return LotPart(lot=lot.id, kind=LotKind(lot.origin.value), coins=coins)


def request_hash(*values: object) -> bytes:
    return hashlib.blake2b(repr(values).encode(), digest_size=16).digest()


def require_same(outcome: Entry, asked: bytes) -> None:
    """Refuse a reference that comes again with other contents."""
    if outcome.request_hash != asked:
        raise CauseReused(cause=outcome.reference)
