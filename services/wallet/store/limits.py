"""Spending limits and counters; the budgets of a batch also know exclusions and suspensions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TypeAlias

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
from shared.postgres.statements import text

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
    defaults = rules.defaults
    found = {user: Budget(today, defaults, rules.rates, rules.time_zone) for user in users}
    requests: dict[str, dict[About, list[LimitRequest]]] = {}
    first = min(starts_on(period, today) for period in Period)
    asked = {"users": list(found), "now": now, "today": today, "first": first}
    for row in await tx.execute(_BUDGETS, asked):
        budget, what = found[row["user_id"]], row["what"]
        if what == "spending":
            budget.days[row["day"], row["unit"]] = Spent(row["coins"], row["amount"])
        elif what == "suspension":
            budget.stopped = WalletFrozen()
        elif what == "exclusion":
            # Of several the longest comes last, and an operator's stop outlasts them all.
            budget.stopped = SelfExcluded(until=row.at)
        else:
            about = (row.period, row.unit, row.set_by)
            of_user = requests.setdefault(row.user_id, {})
            of_user.setdefault(about, []).append(LimitRequest(row.amount, row.at))
    for user, of_user in requests.items():
        found[user].limits = (*_limits_at(of_user, now), *_defaults_at(defaults, of_user, now))
    return found


def _limits_at(requests: Mapping[About, Sequence[LimitRequest]], now: datetime) -> Iterator[Limit]:
    for (period, unit, set_by), of_limit in requests.items():
        if (amount := limit_at(of_limit, now)) is not None:
            yield Limit(Period(period), unit, amount, set_by)


def _defaults_at(
    defaults: Sequence[Limit], requests: Mapping[About, Sequence[LimitRequest]], now: datetime
) -> list[Limit]:
    return [each for each in defaults if not is_set(requests.get(about_of(each), ()), now)]


async def spent_since(tx: Transaction, user: str, first: date) -> dict[tuple[date, str], Spent]:
    rows = await tx.execute(_SPENDINGS, {"user": user, "first": first})
    return {(row.day, row.currency): Spent(row.coins, row.amount_minor) for row in rows}


async def requests_of(
    tx: Transaction, user: str, *, now: datetime
) -> dict[About, list[LimitRequest]]:
    """
    Return the requests for each limit of a user, oldest first.

    The first one is the newest whose time has come: older requests have no effect any more.
    """
    found: dict[About, list[LimitRequest]] = {}
    for row in await tx.execute(_REQUESTED, {"user": user, "now": now}):
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
    SELECT number, period, unit, set_by, amount, from_at FROM (
        SELECT limits.*, max(number) FILTER (WHERE from_at <= CAST(:now AS timestamptz))
                   OVER (PARTITION BY period, unit, set_by) AS newest
        FROM limits WHERE user_id = {user}
    ) AS requested
    WHERE number >= coalesce(newest, 0)
"""
_REQUESTED = text(_LIMITS.format(user=":user") + " ORDER BY number")
# Of each user alone, so that no table is read whole. What was spent is read back to the first day
# of the widest window, if the user has any limit but the default of a day.
_BUDGETS = text(f"""
    SELECT found.* FROM unnest(CAST(:users AS text[])) AS asked (of_user), LATERAL (
        SELECT 'limit' AS what, of_user AS user_id, number, period, unit, set_by, amount,
               from_at AS at, CAST(NULL AS date) AS day, CAST(NULL AS bigint) AS coins
        FROM ({_LIMITS.format(user="of_user")}) AS requested
        UNION ALL
        SELECT 'exclusion', of_user, NULL, NULL, NULL, NULL, NULL, until, NULL, NULL
        FROM exclusions
        WHERE user_id = of_user AND ended_at IS NULL AND until > CAST(:now AS timestamptz)
        UNION ALL
        SELECT 'suspension', of_user, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM suspensions WHERE user_id = of_user AND suspended
        UNION ALL
        SELECT 'spending', of_user, NULL, NULL, currency, NULL, amount_minor, NULL, day, coins
        FROM spendings
        WHERE user_id = of_user AND day >= CASE
            WHEN EXISTS (SELECT FROM limits WHERE user_id = of_user) THEN CAST(:first AS date)
            ELSE CAST(:today AS date) END
        ORDER BY what, number, at
    ) AS found
""")  # noqa: S608 - our own text only
_SPENDINGS = text("""
    SELECT day, currency, coins, amount_minor FROM spendings
    WHERE user_id = :user AND day >= :first
""")
_ADD_LIMIT = text("""
    INSERT INTO limits (user_id, period, unit, set_by, amount, from_at)
    VALUES (:user, :period, :unit, :set_by, :amount, :from_at)
""")
