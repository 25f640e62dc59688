"""Statements: months are closed by a job, and read as they are, closed or not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from services.payout.domain import statements as domain
from services.payout.domain.rates import DIAMONDS
from services.payout.domain.statements import (
    Balance,
    Change,
    Line,
    Month,
    NoStatement,
    Period,
    PeriodTotals,
    PostingSum,
    Statement,
    last_month_end,
    totals_of,
)
from services.payout.store import statements as store
from shared.ledger.book import open_book
from shared.ledger.entries import MAIN
from shared.postgres.database import Part, Transaction

CLOSED_MAX = 50
MONTHS_SHOWN_MAX = 240


@dataclass(frozen=True, slots=True)
class ListedPeriod:
    """A period there is a statement of; `closed_at` is None while it can still change."""

    period: Period
    number: int | None
    closed_at: datetime | None
    totals: PeriodTotals


async def close_months(part: Part, *, now: datetime, zone: str) -> bool:
    """Close the months that are over, of some creators; return whether there may be more."""
    end = last_month_end(now, zone)
    async with part.transaction() as tx:
        creators = await store.due(tx, end, CLOSED_MAX)
        if not creators:
            return False
        # An entry gets its time under its creator's lock. Having had every lock, no entry of a
        # month that is over can still be on its way; summing up keeps nobody waiting.
        await open_book(tx, DIAMONDS, [(creator, "statement") for creator in creators])
    async with part.transaction() as tx:
        await _close(tx, creators, end, zone)
    return len(creators) == CLOSED_MAX


async def list_statements(tx: Transaction, creator: str, zone: str) -> list[ListedPeriod]:
    """List the months and years that a creator has statements of, the newest first."""
    months = await store.list_months(tx, creator, MONTHS_SHOWN_MAX)
    lines = await store.list_lines(tx, creator)
    sums = (await store.open_sums(tx, [creator], zone))[creator]
    for month, of_month in groupby(sums, key=attrgetter("month")):
        lines.setdefault(month, []).extend(domain.changes_of(of_month))
    closed = {each.month for each in months}
    listed = [
        ListedPeriod(_month(month), None, None, totals_of(lines[month]))
        for month in sorted({each.month for each in sums} - closed, reverse=True)
    ]
    listed += [
        ListedPeriod(
            _month(each.month), each.number, each.closed_at, totals_of(lines.get(each.month, ()))
        )
        for each in months
    ]
    closed_until = store.by_creator(await store.read_closed(tx, [creator]), creator).closed_until
    years = groupby(list(listed), key=lambda each: each.period.start.year)
    for year, of_year in years:
        newest = next(of_year)
        period = Period(date(year, 1, 1), date(year + 1, 1, 1))
        closed_at = newest.closed_at if closed_until >= period.end else None
        changes = (change for month, each in lines.items() if month.year == year for change in each)
        listed.append(ListedPeriod(period, None, closed_at, totals_of(changes)))
    return listed


async def read_statement(
    tx: Transaction, creator: str, period: Period, *, zone: str, now: datetime
) -> Statement:
    """Read a statement; of a period that is not over, what is known so far."""
    known = store.by_creator(await store.read_closed(tx, [creator]), creator)
    before: dict[tuple[str, Line], Change] = {}
    within: dict[tuple[str, Line], Change] = {}
    for row in await store.period_changes(tx, creator, period.start, period.end):
        change = Change(Line(row.line), row.asset, row.amount, row.entries)
        _add(before if row.is_before else within, [change])
    is_closed = known.closed_until >= period.end
    if not is_closed:
        sums = (await store.open_sums(tx, [creator], zone))[creator]
        _add(before, domain.changes_of(each for each in sums if each.month < period.start))
        during = (each for each in sums if period.start <= each.month < period.end)
        _add(within, domain.changes_of(during))
    is_ahead = period.start > now.astimezone(ZoneInfo(zone)).date()
    if not within and (is_ahead or not before):
        raise NoStatement(period=period.name)
    months = await store.months_between(tx, creator, period.start, period.end)
    balances = list(_balances(before.values(), within.values()))
    # A period without entries was over when the month was, not when anything was closed.
    closed_at = months[-1].closed_at if months else None
    return Statement(
        creator=creator,
        period=period,
        numbers=[(each.month, each.number) for each in months if each.number is not None],
        closed_at=closed_at if is_closed else None,
        is_closed=is_closed,
        diamonds=next(each for each in balances if each.asset == DIAMONDS),
        money=[each for each in balances if each.asset != DIAMONDS],
    )


async def _close(tx: Transaction, creators: Sequence[str], end: date, zone: str) -> None:
    closed = await store.read_closed(tx, creators)
    sums = await store.open_sums(tx, creators, zone)
    newest = await store.newest_months(tx, creators)
    numbers = await store.last_numbers(tx, creators)
    months: list[tuple[Month, Sequence[Change]]] = []
    for creator in creators:
        last = newest.get(creator)
        over = [each for each in sums[creator] if each.month < end]
        for month, group in groupby(over, key=attrgetter("month")):
            of_month = list(group)
            changes = domain.changes_of(of_month)
            number = None
            if domain.is_billed(changes):
                number = numbers[creator, month.year] = numbers.get((creator, month.year), 0) + 1
            last = _following(last, creator, month, number, of_month)
            months.append((last, changes))
        entry = last.last_entry if last is not None else closed[creator].closed_entry
        closed[creator] = replace(closed[creator], closed_until=end, closed_entry=entry)
    await store.add_months(tx, months)
    await store.save_closed(tx, list(closed.values()))


def _following(
    last: Month | None,
    creator: str,
    month: date,
    number: int | None,
    sums: Sequence[PostingSum],
) -> Month:
    """Return the month that follows another one, by what its entries moved."""
    available = [each for each in sums if (each.account, each.asset) == (MAIN, DIAMONDS)]
    came = sum(each.came for each in available)
    left = came - sum(each.amount for each in available)
    return Month(
        creator=creator,
        month=month,
        number=number,
        last_entry=max(each.last_entry for each in sums),
        available_in=came + (last.available_in if last else 0),
        available_out=left + (last.available_out if last else 0),
    )


def _month(first_day: date) -> Period:
    return Period(first_day, domain.next_month(first_day))


def _add(known: dict[tuple[str, Line], Change], changes: Iterable[Change]) -> None:
    for change in changes:
        key = change.asset, change.line
        sum_ = known.setdefault(key, Change(change.line, change.asset))
        sum_.amount += change.amount
        sum_.entries += change.entries


def _balances(before: Iterable[Change], within: Iterable[Change]) -> Iterable[Balance]:
    opening: dict[str, int] = {DIAMONDS: 0}
    for change in before:
        opening[change.asset] = opening.get(change.asset, 0) + change.amount
    order = list(Line)
    changes = sorted(
        (change for change in within if change.amount), key=lambda each: order.index(each.line)
    )
    for asset in sorted({*opening, *(change.asset for change in changes)}):
        balance = domain.balance_of(asset, opening.get(asset, 0), changes)
        # A currency that the operator left long ago is no line of today's statements.
        if asset == DIAMONDS or balance.opening or balance.changes:
            yield balance
