"""Spending limits and counters; the budgets of a batch also know exclusions and suspensions."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TypeAlias

from sqlalchemy import text

from services.wallet import tables
from services.wallet.domain.limits import (
    Budget,
    Limit,
    LimitRequest,
    Period,
    Rules,
    SelfExcluded,
    Spent,
    WalletFrozen,
    is_set,
    limit_at,
    starts_on,
)
from shared.postgres.database import Transaction
from shared.postgres.rows import insert_rows

# Of which limit: its period, its unit, and who set it.
About: TypeAlias = tuple[str, str, str]


def about_of(limit: Limit) -> About:
    return limit.period.value, limit.unit, limit.set_by


async def budgets(
    tx: Transaction, users: Iterable[str], rules: Rules, *, today: date, now: datetime
) -> dict[str, Budget]:
    """
    Read what each user may spend now; their accounts are locked.

    A default holds unless an operator has set the same limit for the user, or taken it away.
    """
    limits: dict[str, list[Limit]] = {user: [] for user in users}
    found = {user: Budget(today, limits[user], rules.rates, rules.time_zone) for user in limits}
    requests: dict[tuple[str, str, str, str], list[LimitRequest]] = {}
    for row in await tx.execute(_BUDGETS, {"users": list(limits), "now": now}):
        if row.what == "suspension":
            found[row.user_id].stopped = WalletFrozen()
        elif row.what == "exclusion":
            # Of several the longest comes last, and an operator's stop outlasts them all.
            found[row.user_id].stopped = SelfExcluded(until=row.until)
        else:
            about = (row.user_id, row.period, row.unit, row.set_by)
            requests.setdefault(about, []).append(LimitRequest(row.amount, row.from_at))
    for (user, period, unit, set_by), of_limit in requests.items():
        if (amount := limit_at(of_limit, now)) is not None:
            limits[user].append(Limit(Period(period), unit, amount, set_by))
    for user, of_user in limits.items():
        of_user += [
            default
            for default in rules.defaults
            if not is_set(requests.get((user, *about_of(default)), ()), now)
        ]
    since = {
        user: min((starts_on(limit.period, today) for limit in of_user), default=today)
        for user, of_user in limits.items()
    }
    asked = {"users": list(since), "since": list(since.values())}
    for row in await tx.execute(_SPENDINGS, asked):
        budget = found[row.user_id]
        budget.days[row.day, row.currency] = Spent(row.coins, row.amount_minor)
    return found


async def count_spendings(tx: Transaction, budgets_by_user: Mapping[str, Budget]) -> None:
    """Add what a batch has spent."""
    rows = [
        (user, day, currency, spent.coins, spent.amount_minor)
        for user, budget in budgets_by_user.items()
        for (day, currency), spent in budget.added.items()
    ]
    if rows:
        values = [list(column) for column in zip(*rows, strict=True)]
        await tx.execute(_COUNT, dict(zip(_SPENDING, values, strict=True)))


async def spent_since(tx: Transaction, user: str, first: date) -> dict[tuple[date, str], Spent]:
    rows = await tx.execute(_SPENDINGS, {"users": [user], "since": [first]})
    return {(row.day, row.currency): Spent(row.coins, row.amount_minor) for row in rows}


async def requests_of(
    tx: Transaction, user: str, *, now: datetime
) -> dict[About, list[LimitRequest]]:
    """
    Return the requests for each limit of a user, oldest first.

    The first one is the newest whose time has come: older requests have no effect any more.
    """
    found: dict[About, list[LimitRequest]] = {}
    for row in await tx.execute(_REQUESTED, {"users": [user], "now": now}):
        about = (row.period, row.unit, row.set_by)
        found.setdefault(about, []).append(LimitRequest(row.amount, row.from_at))
    return found


async def add_request(tx: Transaction, user: str, about: About, request: LimitRequest) -> None:
    period, unit, set_by = about
    await tx.execute(
        _ADD_LIMIT,
        {
            "user": user,
            "period": period,
            "unit": unit,
            "set_by": set_by,
            "amount": request.amount,
            "from_at": request.from_at,
        },
    )


# Requests for a limit, from the newest one on whose time has come.
_LIMITS = """
    SELECT user_id, number, period, unit, set_by, amount, from_at FROM (
        SELECT limits.*, max(number) FILTER (WHERE from_at <= CAST(:now AS timestamptz))
                   OVER (PARTITION BY user_id, period, unit, set_by) AS newest
        FROM limits WHERE user_id = ANY(CAST(:users AS text[]))
    ) AS requested
    WHERE number >= coalesce(newest, 0)
"""
_REQUESTED = text(f"{_LIMITS} ORDER BY user_id, number")
_BUDGETS = text(f"""
    SELECT 'limit' AS what, user_id, number, period, unit, set_by, amount, from_at,
           CAST(NULL AS timestamptz) AS until
    FROM ({_LIMITS}) AS limits
    UNION ALL
    SELECT 'exclusion', user_id, NULL, NULL, NULL, NULL, NULL, NULL, until FROM exclusions
    WHERE user_id = ANY(CAST(:users AS text[])) AND ended_at IS NULL
      AND until > CAST(:now AS timestamptz)
    UNION ALL
    SELECT 'suspension', user_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM suspensions
    WHERE user_id = ANY(CAST(:users AS text[])) AND suspended
    ORDER BY user_id, number, what DESC, until
""")  # noqa: S608 - our own text only
_SPENDINGS = text("""
    SELECT spendings.user_id, day, currency, coins, amount_minor
    FROM spendings
    JOIN unnest(CAST(:users AS text[]), CAST(:since AS date[])) AS asked (user_id, since)
        ON spendings.user_id = asked.user_id AND spendings.day >= asked.since
""")
_SPENDING = ("user_id", "day", "currency", "coins", "amount_minor")
_COUNT = insert_rows(
    tables.Spending,
    *_SPENDING,
    then="""
        ON CONFLICT (user_id, day, currency) DO UPDATE
        SET coins = spendings.coins + excluded.coins,
            amount_minor = spendings.amount_minor + excluded.amount_minor
    """,
)
_ADD_LIMIT = text("""
    INSERT INTO limits (user_id, period, unit, set_by, amount, from_at)
    VALUES (:user, :period, :unit, :set_by, :amount, :from_at)
""")
