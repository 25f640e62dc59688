"""What the wallet's decisions look like to others, and how a repeated question is known."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from services.wallet.domain.coins import COINS, CauseReused, Lot
from services.wallet.domain.limits import Budget
from shared.contracts.envelope import Cause
from shared.contracts.wallet import (
    DebtOpened,
    DebtSettled,
    LimitReached,
    LimitReminder,
    LotKind,
    LotRestored,
    LotReversed,
    ReversedGift,
)
from shared.contracts.wallet import Lot as LotPart
from shared.ledger.entries import DEBT, Entry, LockedAccounts
from shared.messaging.facts import Fact

GIFTS_MAX = 1_000


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
    gifts: Sequence[tuple[UUID, int]],
    *,
    grew: bool,
    cause: Cause,
    now: datetime,
) -> Iterator[Fact]:
    """Say which gifts stand reversed by how much now, in parts that fit into a message."""
    contract = LotReversed if grew else LotRestored
    parts = [gifts[start : start + GIFTS_MAX] for start in range(0, len(gifts), GIFTS_MAX)]
    for number, part in enumerate(parts, start=1):
        event = contract(
            viewer=accounts.user,
            purchase=lot.purchase,
            lot=lot.id,
            revision=lot.revision,
            part=number,
            parts=len(parts),
            gifts=tuple(ReversedGift(gift=gift, reversed_coins=coins) for gift, coins in part),
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
