"""Whose turn it is to be asked for, or to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.purchase.domain.purchases import CHECK_DOUBLINGS_MAX, CHECK_SECONDS_FIRST
from services.purchase.domain.refund_evidence import LOOK_SECONDS
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class UnresolvedLine:
    """A refund of which nobody knows whether its money went back, and whose it is."""

    viewer: str
    purchase: UUID
    refund: UUID
    payment: str
    amount_minor: int
    currency: str
    submitted_at: datetime | None
    unresolved_at: datetime


async def due(tx: Transaction, *, now: datetime, limit: int) -> list[tuple[tuple[str, UUID], UUID]]:
    """Return refunds whose turn it seems to be, with their purchases; none of them is locked."""
    rows = await tx.execute(_DUE, {"now": now, "limit": limit})
    return [((row.viewer, row.purchase), row.id) for row in rows]


async def claim(tx: Transaction, ids: Sequence[UUID], *, now: datetime) -> set[UUID]:
    """Take those of locked purchases whose turn it still is; nobody else gets them for a while."""
    rows = await tx.execute(
        _CLAIM,
        {
            "ids": list(ids),
            "now": now,
            "first_seconds": CHECK_SECONDS_FIRST,
            "doublings_max": CHECK_DOUBLINGS_MAX,
            "look_seconds": list(LOOK_SECONDS),
        },
    )
    return {row.id for row in rows}


async def submit(tx: Transaction, ids: Sequence[UUID], *, now: datetime) -> None:
    """Remember that the provider is about to be asked for these: from then on they may be made."""
    if ids:
        await tx.execute(_SUBMIT, {"ids": list(ids), "now": now})


async def give_to_a_person(tx: Transaction, ids: Sequence[UUID], *, now: datetime) -> set[UUID]:
    """Remember that a person has to find out what became of these; return which are new."""
    if not ids:
        return set()
    return {row.id for row in await tx.execute(_UNRESOLVED, {"ids": list(ids), "now": now})}


async def unresolved(tx: Transaction, limit: int) -> list[UnresolvedLine]:
    """Return the refunds a person has to find out about, the oldest first."""
    return [UnresolvedLine(*row) for row in await tx.execute(_READ, {"limit": limit})]


_DUE = text("""
    SELECT viewer, purchase, id FROM refunds
    WHERE next_check_at <= CAST(:now AS timestamptz) OR look_at <= CAST(:now AS timestamptz)
    ORDER BY coalesce(next_check_at, look_at) LIMIT :limit
""")
_CLAIM = text("""
    UPDATE refunds
    SET checks = checks + 1,
        next_check_at = CASE WHEN next_check_at IS NOT NULL
            THEN CAST(:now AS timestamptz) + make_interval(
                secs => :first_seconds * power(2, least(checks, :doublings_max))
            )
        END,
        looks = CASE WHEN look_at IS NULL THEN looks ELSE looks + 1 END,
        look_at = CASE WHEN look_at IS NOT NULL AND looks + 2 <= cardinality(
                CAST(:look_seconds AS integer[])
            )
            THEN settled_at + make_interval(
                secs => (CAST(:look_seconds AS integer[]))[looks + 2]
            )
        END
    WHERE id = ANY(CAST(:ids AS uuid[]))
      AND (next_check_at <= CAST(:now AS timestamptz) OR look_at <= CAST(:now AS timestamptz))
    RETURNING id
""")
_SUBMIT = text("""
    UPDATE refunds SET submitted_at = coalesce(submitted_at, CAST(:now AS timestamptz))
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")
_UNRESOLVED = text("""
    UPDATE refunds SET unresolved_at = CAST(:now AS timestamptz)
    WHERE id = ANY(CAST(:ids AS uuid[])) AND unresolved_at IS NULL
    RETURNING id
""")
_READ = text("""
    SELECT r.viewer, r.purchase, r.id, p.payment, r.amount_minor, r.currency, r.submitted_at,
           r.unresolved_at
    FROM refunds AS r JOIN purchases AS p ON p.viewer = r.viewer AND p.id = r.purchase
    WHERE r.state = 'frozen' AND r.unresolved_at IS NOT NULL
    ORDER BY r.unresolved_at LIMIT :limit
""")
