"""What people may spend and have spent: limits, counters, exclusions, stopped wallets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from services.wallet.domain.limits import (
    Budget,
    Limit,
    Period,
    Rules,
    SelfExcluded,
    Spent,
    WalletFrozen,
    starts_on,
)
from shared.database import Transaction


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A limit as it was set; `amount` is None where one was taken away."""

    period: str
    unit: str
    set_by: str
    amount: int | None
    from_at: datetime


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A viewer's wish to be kept from spending."""

    user: str
    id: UUID
    until: datetime
    ended_at: datetime | None = None


async def budgets(
    tx: Transaction, users: Iterable[str], rules: Rules, *, today: date, now: datetime
) -> dict[str, Budget]:
    """
    Read what each user may spend now; their accounts are locked.

    A default holds unless an operator has set the same limit for the user, or taken it away.
    """
    limits: dict[str, list[Limit]] = {user: [] for user in users}
    found = {user: Budget(today, limits[user], rules.rates) for user in limits}
    own: set[tuple[str, str, str, str]] = set()
    for row in await tx.execute(_RESTRAINTS, {"users": list(limits), "now": now}):
        if row.what == "block":
            found[row.user_id].stopped = WalletFrozen()
        elif row.what == "exclusion":
            found[row.user_id].stopped = SelfExcluded(until=row.until)
        else:
            own.add((row.user_id, row.period, row.unit, row.set_by))
            if row.amount is not None:
                limit = Limit(Period(row.period), row.unit, row.amount, row.set_by)
                limits[row.user_id].append(limit)
    for user, of_user in limits.items():
        of_user += [
            default
            for default in rules.defaults
            if (user, default.period.value, default.unit, default.set_by) not in own
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


async def limits_of(tx: Transaction, user: str) -> Sequence[LimitLine]:
    """Return every limit ever set for a user, oldest first."""
    return [LimitLine(*row) for row in await tx.execute(_LIMITS, {"user": user})]


async def add_limit(tx: Transaction, user: str, limit: LimitLine) -> None:
    await tx.execute(
        _ADD_LIMIT,
        {
            "user": user,
            "period": limit.period,
            "unit": limit.unit,
            "set_by": limit.set_by,
            "amount": limit.amount,
            "from_at": limit.from_at,
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


_RESTRAINTS = text("""
    SELECT what, user_id, period, unit, set_by, amount, until FROM (
        SELECT DISTINCT ON (user_id, period, unit, set_by)
               'limit' AS what, user_id, period, unit, set_by, amount,
               CAST(NULL AS timestamptz) AS until
        FROM limits
        WHERE user_id = ANY(CAST(:users AS text[])) AND from_at <= CAST(:now AS timestamptz)
        ORDER BY user_id, period, unit, set_by, number DESC
    ) AS in_force
    UNION ALL
    SELECT 'exclusion', user_id, NULL, NULL, NULL, NULL, until FROM exclusions
    WHERE user_id = ANY(CAST(:users AS text[])) AND ended_at IS NULL
      AND until > CAST(:now AS timestamptz)
    UNION ALL
    SELECT 'block', user_id, NULL, NULL, NULL, NULL, NULL FROM blocks
    WHERE user_id = ANY(CAST(:users AS text[])) AND blocked
""")
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
_LIMITS = text("""
    SELECT period, unit, set_by, amount, from_at FROM limits WHERE user_id = :user ORDER BY number
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
