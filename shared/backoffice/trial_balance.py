"""The trial balance of a ledger, for any hour that is closed."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from shared.contracts.base import like
from shared.errors import Kind, Refusal
from shared.http import AllParts, Moment, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.csv import SHEET, Format, csv_of
from shared.http.fields import Instant
from shared.identity.tokens import Identity, Unauthenticated
from shared.ledger.archive_store import ArchiveUnavailable
from shared.ledger.hours import end_of_last_closed_hour
from shared.ledger.recall import ARCHIVED, archived_around
from shared.postgres.database import Transaction
from shared.postgres.statements import text

FINANCE_SCOPE = "finance:read"
FinanceReader = Annotated[Identity, operator_with(FINANCE_SCOPE)]
Until = Annotated[
    Moment | None,
    Query(
        description="The end of the last hour that counts, closed ten minutes later; the last"
        " closed hour if missing.",
        examples=["2026-11-23T11:00:00Z"],
    ),
]


class HourOpen(Refusal):
    """Books can be read up to the last hour that is closed."""

    kind = Kind.INVALID


class AccountLine(Body):
    """What one account comes to: the sum of all its postings."""

    account: Annotated[str, like("main", "@spent")]
    """
    The account: all those of people together by kind, and the books' own, which begin with `@`.
    """
    unit: Annotated[str, like("coins", "USD")]
    """What is counted: `coins`, `diamonds`, or the minor units of a currency."""
    debit: Annotated[int, like(1_250_000)]
    """The sum of the postings that added to it."""
    credit: Annotated[int, like(499_500)]
    """The sum of the postings that took from it, without a sign."""
    balance: Annotated[int, like(750_500)]
    """`debit` less `credit`."""


class TrialBalance(Body):
    """Every account at the end of an hour; in each unit the balances sum to zero."""

    until: Annotated[Instant, like("2026-11-23T11:00:00Z")]
    """The end of the last hour that counts, itself excluded."""
    accounts: list[AccountLine]
    """Every account that has a posting, by unit and name."""
    balanced: Annotated[bool, like(True)]
    """Whether the balances of each unit sum to zero, as they must."""


def closed_hour(until: datetime | None, *, now: datetime) -> datetime:
    """Return the end of a closed hour, or refuse one that is still open."""
    last = end_of_last_closed_hour(now)
    if until is None:
        return last
    if until > last or (until.minute, until.second, until.microsecond) != (0, 0, 0):
        raise HourOpen(last_closed=last)
    return until


async def account_lines(
    tx: Transaction, until: datetime, *, has_archives: bool
) -> list[AccountLine]:
    """Sum up every account of a part before a moment, out of the table and out of archives."""
    found = [await tx.execute(_OF_TABLE, {"until": until})]
    if has_archives:
        found.append(await tx.execute(_OF_TOTALS, {"until": until}))
        # Of an archive that was still going on, each entry has to be looked at.
        found += [
            await tx.execute(_OF_ARCHIVE, {"until": until, "archived": archived})
            async for archived in archived_around(tx, until)
        ]
    return add_lines(chain.from_iterable(found))


def add_lines(lines: Iterable[Any]) -> list[AccountLine]:
    """Add what is known of each account up: rows, or the lines of several parts."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for line in lines:
        debit, credit = sums.get((line.unit, line.account), (0, 0))
        sums[line.unit, line.account] = debit + line.debit, credit + line.credit
    return [
        AccountLine(account=account, unit=unit, debit=debit, credit=credit, balance=debit - credit)
        for (unit, account), (debit, credit) in sorted(sums.items())
    ]


def add_trial_balance(router: APIRouter, service: str, *, has_archives: bool = False) -> None:
    """Add the route that shows a service's trial balance to accountants."""

    async def read_trial_balance(
        _: FinanceReader,
        db: AllParts,
        until: Until = None,
        format: Format = "json",  # noqa: A002 - as asked for
    ) -> TrialBalance | Response:
        """Read every account at the end of a closed hour; `format=csv` for a spreadsheet."""
        end = closed_hour(until, now=datetime.now(UTC))
        # Entries before a closed hour are there, and stay: so the parts need no common instant.
        read = partial(account_lines, until=end, has_archives=has_archives)
        lines = add_lines(chain.from_iterable(await db.read_each(read)))
        if format == "csv":
            return csv_of(lines, AccountLine)
        sums: dict[str, int] = {}
        for line in lines:
            sums[line.unit] = sums.get(line.unit, 0) + line.balance
        return TrialBalance(until=end, accounts=lines, balanced=not any(sums.values()))

    refused: tuple[type[Refusal], ...] = (Unauthenticated, ScopeMissing, HourOpen)
    router.add_api_route(
        f"/operator/{service}/trial-balance",
        read_trial_balance,
        tags=["finance"],
        name=f"read_{service}_trial_balance",
        response_model=TrialBalance,
        responses=SHEET | refusals(*refused, *([ArchiveUnavailable] if has_archives else [])),
    )


# What people own is one line an account: a trial balance names no persons.
_TRIAL_BALANCE = """
    SELECT leg.account, coalesce(leg.asset, entries.asset) AS unit,
           coalesce(sum(leg.amount) FILTER (WHERE leg.amount > 0), 0)::bigint AS debit,
           coalesce(-sum(leg.amount) FILTER (WHERE leg.amount < 0), 0)::bigint AS credit
    FROM {entries}, unnest(string_to_array(accounts, ','), amounts, assets)
        AS leg (account, amount, asset)
    WHERE recorded_at < CAST(:until AS timestamptz)
    GROUP BY 1, 2
"""
_OF_TABLE = text(_TRIAL_BALANCE.replace("{entries}", "entries"))
_OF_ARCHIVE = text(_TRIAL_BALANCE.replace("{entries}", f"{ARCHIVED} AS entries"))
_OF_TOTALS = text("""
    SELECT account, asset AS unit, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
    FROM archive_totals JOIN archives ON number = archive
    WHERE last_at < CAST(:until AS timestamptz)
    GROUP BY 1, 2
""")
