"""What people may spend and have spent: limits, counters, exclusions, stopped wallets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import text

from services.wallet.domain.limits import (
    Budget,
    Limit,
    LimitWish,
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

# Of which limit: its period, its unit, and who set it.
About: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A viewer's wish to be kept from spending."""

    user: str
    id: UUID
    until: datetime
    ended_at: datetime | None = None


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
    found = {user: Budget(today, limits[user], rules.rates) for user in limits}
    wishes: dict[tuple[str, str, str, str], list[LimitWish]] = {}
    for row in await tx.execute(_RESTRAINTS, {"users": list(limits), "now": now}):
        if row.what == "block":
            found[row.user_id].stopped = WalletFrozen()
        elif row.what == "exclusion":
            # Of several the longest comes last, and an operator's stop outlasts them all.
            found[row.user_id].stopped = SelfExcluded(until=row.until)
        else:
            about = (row.user_id, row.period, row.unit, row.set_by)
            wishes.setdefault(about, []).append(LimitWish(row.amount, row.from_at))
    for (user, period, unit, set_by), of_limit in wishes.items():
        if (amount := limit_at(of_limit, now)) is not None:
            limits[user].append(Limit(Period(period), unit, amount, set_by))
    for user, of_user in limits.items():
        of_user += [
            default
            for default in rules.defaults
            if not is_set(wishes.get((user, *about_of(default)), ()), now)
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
        users, days, currencies, coins, amounts = (list(each) for each in zip(*rows, strict=True))
        await tx.execute(
            _COUNT,
            {
                "users": users,
                "days": days,
                "currencies": currencies,
                "coins": coins,
                "amounts": amounts,
            },
        )


async def spent_since(tx: Transaction, user: str, first: date) -> dict[tuple[date, str], Spent]:
    rows = await tx.execute(_SPENDINGS, {"users": [user], "since": [first]})
    return {(row.day, row.currency): Spent(row.coins, row.amount_minor) for row in rows}


async def wishes_of(tx: Transaction, user: str, *, now: datetime) -> dict[About, list[LimitWish]]:
    """
    Return what was wished of each limit of a user, oldest first.

    It begins with the newest wish whose time has come: what was before has no part in it any more.
    """
    found: dict[About, list[LimitWish]] = {}
    for row in await tx.execute(_WISHES, {"users": [user], "now": now}):
        about = (row.period, row.unit, row.set_by)
        found.setdefault(about, []).append(LimitWish(row.amount, row.from_at))
    return found


async def add_wish(tx: Transaction, user: str, about: About, wish: LimitWish) -> None:
    period, unit, set_by = about
    await tx.execute(
        _ADD_LIMIT,
        {
            "user": user,
            "period": period,
            "unit": unit,
            "set_by": set_by,
            "amount": wish.amount,
            "from_at": wish.from_at,
        },
    )


async def add_exclusion(
    tx: Transaction, exclusion: Exclusion, *, key: str, request_hash: bytes
) -> tuple[bool, bytes]:
    """Remember an exclusion; return whether it is new, and the hash it was asked with."""
    values = {
        "user": exclusion.user,
        "id": exclusion.id,
        "key": key,
        "hash": request_hash,
        "until": exclusion.until,
    }
    new = bool(await tx.execute(_ADD_EXCLUSION, values))
    stored = await tx.execute(_EXCLUSION_HASH, {"user": exclusion.user, "id": exclusion.id})
    return new, stored.scalar_one()


async def exclusion(tx: Transaction, user: str, *, now: datetime) -> Exclusion | None:
    """Return what keeps a user from spending longest, if anything does."""
    row = (await tx.execute(_EXCLUSION, {"user": user, "now": now})).first()
    return Exclusion(*row) if row else None


async def ended_exclusions(tx: Transaction, *, now: datetime, limit: int) -> list[Exclusion]:
    """Return exclusions that are over and have not been ended."""
    rows = await tx.execute(_OVER, {"now": now, "limit": limit})
    return [Exclusion(*row) for row in rows]


async def end_exclusions(tx: Transaction, over: Sequence[Exclusion], *, now: datetime) -> None:
    users, ids = [each.user for each in over], [each.id for each in over]
    await tx.execute(_END, {"users": users, "ids": ids, "now": now})


async def block(tx: Transaction, user: str, *, blocked: bool) -> bool:
    """Stop a wallet or let it go; return whether that is a change."""
    return bool(await tx.execute(_BLOCK, {"user": user, "blocked": blocked}))


# Everything wished of a limit, from the newest wish on whose time has come.
_LIMITS = """
    SELECT user_id, number, period, unit, set_by, amount, from_at FROM (
        SELECT limits.*, max(number) FILTER (WHERE from_at <= CAST(:now AS timestamptz))
                   OVER (PARTITION BY user_id, period, unit, set_by) AS newest
        FROM limits WHERE user_id = ANY(CAST(:users AS text[]))
    ) AS wished
    WHERE number >= coalesce(newest, 0)
"""
_WISHES = text(f"{_LIMITS} ORDER BY user_id, number")
_RESTRAINTS = text(f"""
    SELECT 'limit' AS what, user_id, number, period, unit, set_by, amount, from_at,
           CAST(NULL AS timestamptz) AS until
    FROM ({_LIMITS}) AS limits
    UNION ALL
    SELECT 'exclusion', user_id, NULL, NULL, NULL, NULL, NULL, NULL, until FROM exclusions
    WHERE user_id = ANY(CAST(:users AS text[])) AND ended_at IS NULL
      AND until > CAST(:now AS timestamptz)
    UNION ALL
    SELECT 'block', user_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM blocks
    WHERE user_id = ANY(CAST(:users AS text[])) AND blocked
    ORDER BY user_id, number, what DESC, until
""")  # noqa: S608 - our own text only
_SPENDINGS = text("""
    SELECT spendings.user_id, day, currency, coins, amount_minor
    FROM spendings
    JOIN unnest(CAST(:users AS text[]), CAST(:since AS date[])) AS asked (user_id, since)
        ON spendings.user_id = asked.user_id AND spendings.day >= asked.since
""")
_COUNT = text("""
    INSERT INTO spendings (user_id, day, currency, coins, amount_minor)
    SELECT * FROM unnest(
        CAST(:users AS text[]), CAST(:days AS date[]), CAST(:currencies AS text[]),
        CAST(:coins AS bigint[]), CAST(:amounts AS bigint[])
    )
    ON CONFLICT (user_id, day, currency) DO UPDATE
    SET coins = spendings.coins + excluded.coins,
        amount_minor = spendings.amount_minor + excluded.amount_minor
""")
_ADD_LIMIT = text("""
    INSERT INTO limits (user_id, period, unit, set_by, amount, from_at)
    VALUES (:user, :period, :unit, :set_by, :amount, :from_at)
""")
_ADD_EXCLUSION = text("""
    INSERT INTO exclusions (user_id, id, idempotency_key, request_hash, until)
    VALUES (:user, :id, :key, :hash, :until)
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_EXCLUSION_HASH = text("""
    SELECT request_hash FROM exclusions WHERE user_id = :user AND id = :id
""")
_EXCLUSION = text("""
    SELECT user_id, id, until, ended_at FROM exclusions
    WHERE user_id = :user AND ended_at IS NULL AND until > CAST(:now AS timestamptz)
    ORDER BY until DESC LIMIT 1
""")
_OVER = text("""
    SELECT user_id, id, until, ended_at FROM exclusions
    WHERE ended_at IS NULL AND until <= CAST(:now AS timestamptz)
    ORDER BY until LIMIT :limit
""")
_END = text("""
    UPDATE exclusions SET ended_at = CAST(:now AS timestamptz)
    FROM unnest(CAST(:users AS text[]), CAST(:ids AS uuid[])) AS over (user_id, id)
    WHERE exclusions.user_id = over.user_id AND exclusions.id = over.id
""")
_BLOCK = text("""
    INSERT INTO blocks (user_id, blocked) VALUES (:user, :blocked)
    ON CONFLICT (user_id) DO UPDATE SET blocked = excluded.blocked
    WHERE blocks.blocked <> excluded.blocked
    RETURNING user_id
""")
