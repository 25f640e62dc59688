"""Why payouts are under review, and what people decided about them."""

from datetime import datetime, timedelta
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.payouts import Payout
from services.payout.domain.reviews import Decision, Review, Risks
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

# More reversed gifts than this need no exact sum.
REVERSALS_COUNTED_MAX = 1_000

review_of = RowMapper(Review, tables.PayoutReview)
_decision = RowMapper(Decision, tables.PayoutDecision)
_risks = RowMapper(Risks)


async def add(tx: Transaction, review: Review) -> None:
    about = {name: getattr(review, name) for name in Review.__slots__}
    await tx.execute(_ADD, {**about, "reasons": list(review.reasons)})


_ADD = text("""
    INSERT INTO payout_reviews
        (creator, payout, revision, reasons, opened_at, decide_by, promised_by)
    VALUES (:creator, :payout, :revision, CAST(:reasons AS text[]), :opened_at, :decide_by,
            :promised_by)
""")


async def newest(tx: Transaction, creator: str, payout: UUID) -> Review | None:
    """Return the last review of a payout, decided or not."""
    row = (await tx.execute(_NEWEST, {"creator": creator, "payout": payout})).first()
    return review_of(row) if row else None


_NEWEST = text(f"""
    SELECT {review_of.columns} FROM payout_reviews
    WHERE creator = :creator AND payout = :payout ORDER BY revision DESC LIMIT 1
""")  # noqa: S608 - our own text only


async def decisions_of(tx: Transaction, creator: str, payout: UUID) -> list[Decision]:
    """Return what people decided about a payout, the oldest first; to decide by it, lock it."""
    rows = await tx.execute(_DECISIONS, {"creator": creator, "payout": payout})
    return [_decision(row) for row in rows]


_DECISIONS = text(f"""
    SELECT {_decision.columns} FROM payout_decisions
    WHERE creator = :creator AND payout = :payout ORDER BY at, operator
""")  # noqa: S608 - our own text only


async def add_decision(tx: Transaction, payout: Payout, decision: Decision) -> None:
    rows = arrays([decision], *Decision.__slots__)
    await tx.execute(_DECIDE, {"creator": [payout.creator], "payout": [payout.id], **rows})


_DECIDE = insert_rows(tables.PayoutDecision, "creator", "payout", *Decision.__slots__)


async def read_risks(
    tx: Transaction, creator: str, *, now: datetime, warning_days: int, reversed_days: int
) -> Risks:
    """
    Return what is known of the money behind a creator's diamonds.

    To decide by it, hold the creator's lock.
    A lot with a fraud warning counts while diamonds of it have matured and stand.
    """
    values = {
        "creator": creator,
        "warned_since": now - timedelta(days=warning_days),
        "reversed_since": now - timedelta(days=reversed_days),
        "limit": REVERSALS_COUNTED_MAX,
    }
    return _risks((await tx.execute(_RISKS, values)).one())


# Of a range with one end PostgreSQL expects a third of the table, where it has no statistics.
# OFFSET 0 keeps the look-up of each warned lot a look-up by key, on any statistics.
_RISKS = text("""
    SELECT (
        SELECT count(*) FROM fraud_warnings CROSS JOIN LATERAL (
            SELECT FROM earnings
            WHERE earnings.lot = fraud_warnings.lot AND creator = :creator
              AND matured AND diamonds > reversed_diamonds
            LIMIT 1 OFFSET 0
        ) AS recent
        WHERE flagged_at BETWEEN CAST(:warned_since AS timestamptz) AND 'infinity'
    ) AS flagged_lots, (
        SELECT coalesce(sum(reversed_coins), 0)::bigint FROM (
            SELECT reversed_coins FROM reversals
            WHERE creator = :creator AND shared_by IS NULL
              AND newest_at > CAST(:reversed_since AS timestamptz)
            ORDER BY newest_at DESC LIMIT :limit
        ) AS latest
    ) AS reversed_coins
""")
