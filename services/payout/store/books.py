"""What a creator has and is waiting for, and the totals of the diamond ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.payout.domain.rates import FUNDING_RISK, RESTORED
from shared.postgres.database import Transaction

HOLDS_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A gift and what it brought; only `is_named` may its creator know the viewer."""

    gift: UUID
    viewer: str
    coins: int
    diamonds: int
    reversed_diamonds: int
    earned_at: datetime
    matures_at: datetime
    hold_reason: str
    matured: bool
    decision: int
    is_named: bool


@dataclass(frozen=True, slots=True)
class Hold:
    """Diamonds that wait: until when, and why."""

    unlocks_at: datetime
    reason: str
    diamonds: int


@dataclass(frozen=True, slots=True)
class DiamondBooks:
    """The diamond ledger; `postings_sum` is zero, or something is badly wrong."""

    diamonds_earned: int
    diamonds_paid_out: int
    diamonds_adjusted: int
    dispute_loss_diamonds: int
    diamonds_pending: int
    diamonds_available: int
    diamonds_reserved: int
    diamonds_reversed: int
    postings_sum: int
    gifts: int
    coins_of_gifts: int


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """What one money account holds, in minor units of its currency."""

    account: str
    currency: str
    amount_minor: int


async def balances(tx: Transaction, creator: str) -> dict[str, int]:
    """Return the balance of each account of a creator; empty if there is none yet."""
    rows = await tx.execute(_BALANCES, {"creator": creator})
    return {row.kind: row.balance for row in rows}


async def lifetime(tx: Transaction, creator: str) -> int:
    """Return all diamonds a creator ever earned and was not taken back."""
    found = (await tx.execute(_LIFETIME, {"creator": creator})).scalar_one_or_none()
    return int(found or 0)


async def holds(tx: Transaction, creator: str) -> Sequence[Hold]:
    """Return what a creator waits for, by the hour in which it unlocks."""
    values = {"creator": creator, "limit": HOLDS_SHOWN_MAX}
    return [Hold(*row) for row in await tx.execute(_HOLDS, values)]


async def newest(tx: Transaction, creator: str, *, before: int | None, limit: int) -> list[Line]:
    """Return a creator's gifts, the newest first, older than the decision `before`."""
    values = {"creator": creator, "before": before, "limit": limit}
    return [Line(*row) for row in await tx.execute(_NEWEST, values)]


async def of_gifts(tx: Transaction, creator: str, gifts: Sequence[UUID]) -> list[Line]:
    """Return what those gifts brought a creator."""
    values = {"creator": creator, "gifts": list(gifts)}
    return [Line(*row) for row in await tx.execute(_OF_GIFTS, values)]


async def books(tx: Transaction) -> DiamondBooks:
    return DiamondBooks(*(await tx.execute(_BOOKS)).one())


async def money(tx: Transaction) -> list[MoneyLine]:
    """Return what creators are owed, were paid and cost, as posted beside their diamonds."""
    return [MoneyLine(*row) for row in await tx.execute(_MONEY)]


_BALANCES = text(
    "SELECT kind, balance FROM accounts WHERE user_id = :creator AND asset = 'diamonds'"
)
_LIFETIME = text("SELECT lifetime_diamonds FROM creators WHERE creator = :creator")
# Each slice with what of it came back, and when a warning lets it be used.
_SLICES = """
    SELECT earnings.*, coalesce(restorations.diamonds, 0) AS back,
           coalesce(restorations.pending, 0) AS back_pending,
           restorations.matures_at AS back_matures_at,
           warnings.until AS safe_at
    FROM earnings
    LEFT JOIN restorations USING (creator, gift, slice)
    LEFT JOIN warnings USING (lot)
"""
_HOLDS = text(f"""
    WITH waiting AS (
        SELECT matures_at, hold_reason, safe_at, diamonds - reversed_diamonds - back AS diamonds
        FROM ({_SLICES}) AS slices WHERE creator = :creator AND NOT matured
        UNION ALL
        SELECT back_matures_at, '{RESTORED}', safe_at, back_pending
        FROM ({_SLICES}) AS slices WHERE creator = :creator AND back_pending > 0
    )
    SELECT date_trunc('hour', greatest(matures_at, safe_at), 'UTC') + interval '1 hour',
           CASE WHEN safe_at > matures_at THEN '{FUNDING_RISK}' ELSE hold_reason END,
           sum(diamonds)::bigint
    FROM waiting
    GROUP BY 1, 2 HAVING sum(diamonds) > 0
    ORDER BY 1, 2 LIMIT :limit
""")  # noqa: S608 - our own text only
_LINES = f"""
    SELECT gift, viewer, sum(coins)::bigint, sum(diamonds)::bigint,
           sum(reversed_diamonds)::bigint, occurred_at, max(time), max(why),
           bool_and(matured AND back_pending = 0), decision,
           coalesce(bool_and(NOT anonymous), false)
    FROM (
        SELECT slices.*,
               CASE WHEN matured AND back_pending = 0 THEN matures_at
                    WHEN back_pending > 0 THEN greatest(back_matures_at, safe_at)
                    ELSE greatest(matures_at, safe_at) END AS time,
               CASE WHEN matured AND back_pending = 0 THEN hold_reason
                    WHEN safe_at > CASE WHEN back_pending > 0 THEN back_matures_at
                                        ELSE matures_at END THEN '{FUNDING_RISK}'
                    WHEN back_pending > 0 THEN '{RESTORED}'
                    ELSE hold_reason END AS why
        FROM ({_SLICES}) AS slices
    ) AS shown
    WHERE creator = :creator
"""  # noqa: S608 - our own text only
_NEWEST = text(f"""
    {_LINES} AND decision < coalesce(CAST(:before AS bigint), 9223372036854775807)
    GROUP BY decision, gift, viewer, occurred_at
    ORDER BY decision DESC
    LIMIT :limit
""")
_OF_GIFTS = text(f"""
    {_LINES} AND gift = ANY(CAST(:gifts AS uuid[]))
    GROUP BY decision, gift, viewer, occurred_at
    ORDER BY decision DESC
""")
_BOOKS = text("""
    SELECT
        coalesce(-sum(amount) FILTER (WHERE account = '@earned'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE account = '@paid_out'), 0)::bigint,
        coalesce(-sum(amount) FILTER (WHERE account = '@adjusted'), 0)::bigint,
        coalesce(-sum(amount) FILTER (WHERE account = '@dispute_loss'), 0)::bigint,
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind = 'pending'),
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind = 'main'),
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind = 'held'),
        (SELECT coalesce(sum(reversed_diamonds), 0)::bigint FROM earnings),
        coalesce(sum(amount), 0)::bigint,
        (SELECT count(*) FROM outcomes WHERE reference LIKE 'gift:%'),
        (SELECT coalesce(sum(coins), 0)::bigint FROM earnings)
    FROM postings WHERE asset = 'diamonds'
""")
_MONEY = text("""
    SELECT account, asset, sum(amount)::bigint FROM postings
    WHERE asset <> 'diamonds' GROUP BY account, asset ORDER BY account, asset
""")
