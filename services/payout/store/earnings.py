"""What gifts brought, slice by slice, and the totals of the diamond books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.payout.domain import Earned
from shared.database import Transaction


@dataclass(frozen=True, slots=True)
class NewEarning:
    """The diamonds of one gift, with the number of the decision that booked them."""

    creator: str
    gift: UUID
    viewer: str
    decision: int
    occurred_at: datetime
    matures_at: datetime
    slices: tuple[Earned, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A gift as its creator sees it."""

    gift: UUID
    viewer: str
    coins: int
    diamonds: int
    earned_at: datetime
    matures_at: datetime
    decision: int


@dataclass(frozen=True, slots=True)
class DiamondBooks:
    """The diamond ledger; `postings_sum` is zero, or something is badly wrong."""

    diamonds_earned: int
    diamonds_paid_out: int
    diamonds_available: int
    diamonds_reserved: int
    postings_sum: int
    gifts: int
    coins_of_gifts: int


async def add(tx: Transaction, earnings: Sequence[NewEarning]) -> None:
    rows = [
        (earning, number, slice_)
        for earning in earnings
        for number, slice_ in enumerate(earning.slices)
    ]
    if not rows:
        return
    await tx.execute(
        _ADD,
        {
            "creators": [earning.creator for earning, _, _ in rows],
            "gifts": [earning.gift for earning, _, _ in rows],
            "slices": [number for _, number, _ in rows],
            "decisions": [earning.decision for earning, _, _ in rows],
            "viewers": [earning.viewer for earning, _, _ in rows],
            "lots": [slice_.lot for _, _, slice_ in rows],
            "kinds": [slice_.lot_kind for _, _, slice_ in rows],
            "coins": [slice_.coins for _, _, slice_ in rows],
            "rates": [slice_.rate_bp for _, _, slice_ in rows],
            "diamonds": [slice_.diamonds for _, _, slice_ in rows],
            "occurred": [earning.occurred_at for earning, _, _ in rows],
            "matures": [earning.matures_at for earning, _, _ in rows],
        },
    )


async def balances(tx: Transaction, creator: str) -> dict[str, int]:
    """Return the balance of each account of a creator; empty if there is none yet."""
    rows = await tx.execute(_BALANCES, {"creator": creator})
    return {row.kind: row.balance for row in rows}


async def lifetime(tx: Transaction, creator: str) -> int:
    """Return all diamonds a creator ever earned."""
    return int((await tx.execute(_LIFETIME, {"creator": creator})).scalar_one())


async def newest(tx: Transaction, creator: str, *, before: int | None, limit: int) -> list[Line]:
    """Return a creator's gifts, the newest first, older than the decision `before`."""
    rows = await tx.execute(_NEWEST, {"creator": creator, "before": before, "limit": limit})
    return [Line(*row) for row in rows]


async def books(tx: Transaction) -> DiamondBooks:
    return DiamondBooks(*(await tx.execute(_BOOKS)).one())


_ADD = text("""
    INSERT INTO earnings (
        creator, gift, slice, decision, viewer, lot, lot_kind, coins, rate_bp, diamonds,
        occurred_at, matures_at
    )
    SELECT * FROM unnest(
        CAST(:creators AS text[]), CAST(:gifts AS uuid[]), CAST(:slices AS smallint[]),
        CAST(:decisions AS bigint[]), CAST(:viewers AS text[]), CAST(:lots AS uuid[]),
        CAST(:kinds AS text[]), CAST(:coins AS bigint[]), CAST(:rates AS integer[]),
        CAST(:diamonds AS bigint[]), CAST(:occurred AS timestamptz[]),
        CAST(:matures AS timestamptz[])
    )
""")
_BALANCES = text(
    "SELECT kind, balance FROM accounts WHERE user_id = :creator AND unit = 'diamonds'"
)
_LIFETIME = text("""
    SELECT coalesce(sum(diamonds), 0)::bigint FROM earnings WHERE creator = :creator
""")
_NEWEST = text("""
    SELECT gift, viewer, sum(coins)::bigint, sum(diamonds - reversed_diamonds)::bigint,
           occurred_at, max(matures_at), decision
    FROM earnings
    WHERE creator = :creator
      AND decision < coalesce(CAST(:before AS bigint), 9223372036854775807)
    GROUP BY decision, gift, viewer, occurred_at
    ORDER BY decision DESC
    LIMIT :limit
""")
_BOOKS = text("""
    SELECT
        coalesce(-sum(amount) FILTER (WHERE account = '@earned'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE account = '@paid_out'), 0)::bigint,
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind = 'main'),
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind = 'held'),
        coalesce(sum(amount), 0)::bigint,
        (SELECT count(*) FROM outcomes WHERE cause LIKE 'gift:%'),
        (SELECT coalesce(sum(coins), 0)::bigint FROM earnings)
    FROM postings
""")
