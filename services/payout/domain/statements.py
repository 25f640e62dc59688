"""
What a creator's statement says: what stood at its beginning, what changed, what stands at its end.

A month ends with an entry, not with a time: its statement covers the creator's entries after that
of the month before, up to its own last one. Entries are never changed, so neither is a statement.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.payout.domain.finance import GRACE
from services.payout.domain.money import CLEARING, EXCHANGE, FEES, PAYABLE
from services.payout.domain.rates import DIAMONDS
from shared.errors import Kind, Refusal
from shared.ledger.entries import SYSTEM_PREFIX

WITHHELD = "@withheld"
_MONTHS = 12
_PERIOD = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?")


class NoStatement(Refusal):
    """There is no statement of this period."""

    kind = Kind.NOT_FOUND


class Line(StrEnum):
    """A line of a statement, in the order in which they are shown."""

    GIFTS = "gifts"
    BONUSES = "bonuses"
    # Gifts whose money was taken back, and those whose money came back.
    CLAWBACKS = "clawbacks"
    RESTORATIONS = "restorations"
    # Diamonds that covered an earlier loss of the operator.
    RECOVERIES = "recoveries"
    ADJUSTMENTS = "adjustments"
    # Other entries that change what a creator has.
    OTHERS = "others"
    PAYOUTS = "payouts"
    FEES = "fees"
    WITHHELD = "withheld"
    EXCHANGE = "exchange"
    # A new rate, and the fractions of a cent that its rounding leaves.
    REVALUATIONS = "revaluations"


# What a creator is paid for: a month with any of them has a self-billing number.
EARNED = frozenset((Line.GIFTS, Line.BONUSES, Line.CLAWBACKS, Line.RESTORATIONS, Line.ADJUSTMENTS))
_LINE_OF_KIND = {
    "earn": Line.GIFTS,
    "bonus": Line.BONUSES,
    "clawback": Line.CLAWBACKS,
    "restore": Line.RESTORATIONS,
    "recover": Line.RECOVERIES,
    "adjustment": Line.ADJUSTMENTS,
    "paid": Line.PAYOUTS,
    "returned": Line.PAYOUTS,
}
# Entries that move diamonds between the creator's own accounts: in money they round.
_ROUNDING_KINDS = frozenset(
    ("reserve", "failed", "rejected", "mature", "revalue", "paid", "returned")
)
_LINE_OF_ACCOUNT = {
    CLEARING: Line.PAYOUTS,
    FEES: Line.FEES,
    WITHHELD: Line.WITHHELD,
    EXCHANGE: Line.EXCHANGE,
}


@dataclass(frozen=True, slots=True)
class Period:
    """A month or a year, from the first day of `start` to the day before `end`."""

    start: date
    end: date

    @property
    def name(self) -> str:
        return f"{self.start:%Y-%m}" if next_month(self.start) == self.end else f"{self.start:%Y}"

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PostingSum:
    """
    What entries of one kind in one month moved on one account.

    In diamonds an entry is counted with its first posting, in money with each.
    """

    month: date
    kind: str
    account: str
    asset: str
    entries: int
    amount: int
    # The part of it that arrived at the account.
    came: int
    last_entry: int


@dataclass(slots=True)
class Change:
    """One line in one asset: positive is more for the creator, `entries` how many made it up."""

    line: Line
    asset: str
    amount: int = 0
    entries: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """A statement in one asset: opening and changes are closing, exactly."""

    asset: str
    opening: int
    changes: Sequence[Change]

    @property
    def closing(self) -> int:
        return self.opening + sum(change.amount for change in self.changes)


@dataclass(frozen=True, slots=True)
class Month:
    """
    A closed month of a creator.

    `number` counts the year's self-bills, None of a month in which nothing was earned. The diamonds
    that ever became available up to its last entry are `available_in`, those that left
    `available_out`.
    """

    creator: str
    month: date
    number: int | None
    last_entry: int
    available_in: int
    available_out: int


@dataclass(frozen=True, slots=True)
class Statement:
    """
    A statement of a month or a year, which can still change while it is not closed.

    `numbers` are the self-bills of its months; `closed_at` is None where nothing was to be closed.
    """

    creator: str
    period: Period
    is_closed: bool
    closed_at: datetime | None
    numbers: Sequence[tuple[date, int]]
    diamonds: Balance
    money: Sequence[Balance]


@dataclass(frozen=True, slots=True)
class PeriodTotals:
    """What a creator earned in a period, corrections included, and was paid, by currency."""

    earned_diamonds: int
    paid_minor: Mapping[str, int]


def totals_of(changes: Iterable[Change]) -> PeriodTotals:
    """Sum up the lines of a period, or of several."""
    earned = 0
    paid: dict[str, int] = {}
    for change in changes:
        if change.asset != DIAMONDS and change.line is Line.PAYOUTS:
            paid[change.asset] = paid.get(change.asset, 0) - change.amount
        elif change.asset == DIAMONDS and change.line in EARNED:
            earned += change.amount
    return PeriodTotals(earned, {asset: minor for asset, minor in sorted(paid.items()) if minor})


def next_month(first_day: date) -> date:
    """Return the first day of the following month."""
    years, month = divmod(first_day.month, _MONTHS)
    return date(first_day.year + years, month + 1, 1)


def month_of(day: date) -> date:
    return day.replace(day=1)


def last_month_end(now: datetime, zone: str) -> date:
    """Return the first day after the newest month that is over for certain."""
    return month_of((now - GRACE).astimezone(ZoneInfo(zone)).date())


def parse_period(name: str) -> Period:
    """Read `2026-11` or `2026`."""
    found = _PERIOD.fullmatch(name)
    # No creator has a statement of the years 0 and 9999, and dates end there.
    if found is None or not 0 < int(found[1]) < date.max.year:
        raise NoStatement(period=name)
    year = int(found[1])
    if found[2] is None:
        return Period(date(year, 1, 1), date(year + 1, 1, 1))
    first_day = date(year, int(found[2]), 1)
    return Period(first_day, next_month(first_day))


def changes_of(sums: Iterable[PostingSum]) -> list[Change]:
    """
    Return the lines that some sums of postings come to, without those of nothing.

    In diamonds a creator has the accounts of the ledger. In money they are owed what stands in
    creator payable; what of that was paid out, kept as a fee or withheld has its own line.
    """
    changes: dict[tuple[Line, str], Change] = {}

    def add(line: Line, asset: str, amount: int, entries: int = 0) -> None:
        change = changes.setdefault((line, asset), Change(line, asset))
        change.amount += amount
        change.entries += entries

    for each in sums:
        if each.asset == DIAMONDS:
            is_own = not each.account.startswith(SYSTEM_PREFIX)
            line = _LINE_OF_KIND.get(each.kind, Line.OTHERS)
            add(line, each.asset, each.amount if is_own else 0, each.entries)
        elif each.account == PAYABLE:
            add(_line_of_owed(each.kind), each.asset, -each.amount, each.entries)
        elif each.account in _LINE_OF_ACCOUNT:
            add(_LINE_OF_ACCOUNT[each.account], each.asset, each.amount, each.entries)
            # It is part of what is owed less.
            add(_line_of_owed(each.kind), each.asset, -each.amount)
    order = list(Line)
    return sorted(
        (change for change in changes.values() if change.amount),
        key=lambda change: (change.asset, order.index(change.line)),
    )


def is_billed(changes: Iterable[Change]) -> bool:
    """Whether something was earned, or an earning corrected: then there is a self-bill."""
    return any(change.line in EARNED for change in changes)


def balance_of(asset: str, opening: int, changes: Iterable[Change]) -> Balance:
    return Balance(asset, opening, [change for change in changes if change.asset == asset])


def _line_of_owed(kind: str) -> Line:
    if kind in _ROUNDING_KINDS:
        return Line.REVALUATIONS
    return _LINE_OF_KIND.get(kind, Line.OTHERS)
