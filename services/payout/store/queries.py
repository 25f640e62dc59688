"""What a creator has and is waiting for, and the totals of the diamond ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.payout.domain.rates import FUNDING_RISK, RESTORED
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

HOLDS_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class EarningLine:
    """
    A gift and what it brought; only if `is_named` its creator may know the viewer.

    `shared_by` is who received it, of a gift that another creator shares.
    """

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
    shared_by: str | None
    gift_type: str | None
    count: int | None
    room: str | None
    combo: UUID | None


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
    bonus_diamonds: int
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


_BALANCES = text(
    "SELECT kind, balance FROM accounts WHERE user_id = :creator AND asset = 'diamonds'"
)


async def lifetime(tx: Transaction, creator: str) -> int:
    """Return all diamonds a creator ever earned that were not taken back."""
    found = (await tx.execute(_LIFETIME, {"creator": creator})).scalar_one_or_none()
    return int(found or 0)


_LIFETIME = text("SELECT lifetime_diamonds FROM creators WHERE creator = :creator")
# Each slice with what of it came back, and when a warning lets it be used.
_SLICES = """
    SELECT earnings.*, coalesce(restorations.diamonds, 0) AS back,
           coalesce(restorations.pending, 0) AS back_pending,
           restorations.matures_at AS back_matures_at,
           fraud_warnings.until AS safe_at
    FROM earnings
    LEFT JOIN restorations USING (creator, gift, slice)
    LEFT JOIN fraud_warnings USING (lot)
"""


async def holds(tx: Transaction, creator: str) -> list[Hold]:
    """Return what a creator waits for, by the hour in which it unlocks."""
    values = {"creator": creator, "limit": HOLDS_SHOWN_MAX}
    return [_hold(row) for row in await tx.execute(_HOLDS, values)]


_hold = RowMapper(Hold)
_HOLDS = text(f"""
    WITH waiting AS (
        SELECT matures_at, hold_reason, safe_at, diamonds - reversed_diamonds - back AS diamonds
        FROM ({_SLICES}) AS slices WHERE creator = :creator AND NOT matured
        UNION ALL
        SELECT back_matures_at, '{RESTORED}', safe_at, back_pending
        FROM ({_SLICES}) AS slices WHERE creator = :creator AND back_pending > 0
        UNION ALL
        SELECT matures_at, hold_reason, NULL, diamonds
        FROM bonuses WHERE creator = :creator AND state = 'granted' AND NOT matured
    )
    SELECT date_trunc('hour', greatest(matures_at, safe_at), 'UTC') + interval '1 hour'
               AS unlocks_at,
           CASE WHEN safe_at > matures_at THEN '{FUNDING_RISK}' ELSE hold_reason END AS reason,
           sum(diamonds)::bigint AS diamonds
    FROM waiting
    GROUP BY 1, 2 HAVING sum(diamonds) > 0
    ORDER BY 1, 2 LIMIT :limit
""")  # noqa: S608 - our own text only


async def newest_earnings(
    tx: Transaction, creator: str, *, before: int | None, limit: int
) -> list[EarningLine]:
    """Return a creator's gifts, the newest first, older than the decision `before`."""
    values = {"creator": creator, "before": before, "limit": limit}
    return [_line(row) for row in await tx.execute(_NEWEST, values)]


async def earnings_of_gifts(
    tx: Transaction, creator: str, gifts: Sequence[UUID]
) -> list[EarningLine]:
    """Return what those gifts brought a creator."""
    values = {"creator": creator, "gifts": list(gifts)}
    return [_line(row) for row in await tx.execute(_OF_GIFTS, values)]


_line = RowMapper(EarningLine)
_LINES = f"""
    SELECT gift, viewer, sum(coins)::bigint AS coins, sum(diamonds)::bigint AS diamonds,
           sum(reversed_diamonds)::bigint AS reversed_diamonds, occurred_at AS earned_at,
           max(time) AS matures_at, max(why) AS hold_reason,
           bool_and(matured AND back_pending = 0) AS matured, decision,
           coalesce(bool_and(NOT anonymous), false) AS is_named, max(shared_by) AS shared_by,
           max(gift_type) AS gift_type, max(count) AS count, max(room) AS room,
           (array_agg(combo))[1] AS combo
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


async def diamond_books(tx: Transaction) -> DiamondBooks:
    return _diamond_books((await tx.execute(_BOOKS)).one())


_diamond_books = RowMapper(DiamondBooks)
_BOOKS = text("""
    SELECT
        coalesce(-sum(amount) FILTER (WHERE account = '@earned'), 0)::bigint AS diamonds_earned,
        coalesce(sum(amount) FILTER (WHERE account = '@paid_out'), 0)::bigint AS diamonds_paid_out,
        coalesce(-sum(amount) FILTER (WHERE account = '@adjusted'), 0)::bigint AS diamonds_adjusted,
        coalesce(-sum(amount) FILTER (WHERE account LIKE '@bonus:%'), 0)::bigint AS bonus_diamonds,
        coalesce(-sum(amount) FILTER (WHERE account = '@dispute_loss'), 0)::bigint
            AS dispute_loss_diamonds,
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind = 'pending')
            AS diamonds_pending,
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind = 'main')
            AS diamonds_available,
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind = 'held')
            AS diamonds_reserved,
        (SELECT coalesce(sum(reversed_diamonds), 0)::bigint FROM earnings) AS diamonds_reversed,
        coalesce(sum(amount), 0)::bigint AS postings_sum,
        (SELECT count(*) FROM entries WHERE gift IS NOT NULL)
            + (SELECT coalesce(sum(gifts), 0)::bigint FROM archives) AS gifts,
        (SELECT coalesce(sum(coins), 0)::bigint FROM earnings WHERE shared_by IS NULL)
            AS coins_of_gifts
    FROM postings WHERE asset = 'diamonds'
""")


async def money_books(tx: Transaction) -> list[MoneyLine]:
    """Return what creators are owed, were paid and cost, as posted beside their diamonds."""
    return [_money_line(row) for row in await tx.execute(_MONEY)]


_money_line = RowMapper(MoneyLine)
_MONEY = text("""
    SELECT account, asset AS currency, sum(amount)::bigint AS amount_minor FROM postings
    WHERE asset <> 'diamonds' GROUP BY account, asset ORDER BY account, asset
""")
