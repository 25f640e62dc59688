"""Which refunds are due: to be sent to the provider, or to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.purchase.domain.refund_evidence import LOOK_SECONDS
from services.purchase.store.checks import NEXT_CHECK
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_DUE = text("""
    SELECT viewer, purchase, id FROM refunds
    WHERE next_check_at <= CAST(:now AS timestamptz) OR look_at <= CAST(:now AS timestamptz)
    ORDER BY coalesce(next_check_at, look_at) LIMIT :limit
""")


async def due(tx: Transaction, *, now: datetime, limit: int) -> list[tuple[tuple[str, UUID], UUID]]:
    """Return refunds that seem to be due, with their purchases; none of them is locked."""
    rows = await tx.execute(_DUE, {"now": now, "limit": limit})
    return [((row.viewer, row.purchase), row.id) for row in rows]


_CLAIM = text(f"""
    UPDATE refunds
    SET checks = refunds.checks + 1, looks = due.looks, next_check_at = due.next_check_at,
        look_at = due.look_at
    FROM (
        SELECT viewer, purchase, id,
            CASE WHEN next_check_at IS NOT NULL THEN {NEXT_CHECK} END AS next_check_at,
            CASE WHEN look_at IS NULL THEN looks ELSE looks + 1 END AS looks,
            CASE WHEN look_at IS NOT NULL AND looks + 2 <= {len(LOOK_SECONDS)}
                THEN decided_at + make_interval(secs => (ARRAY{list(LOOK_SECONDS)})[looks + 2])
            END AS look_at
        FROM refunds
        WHERE id = ANY(CAST(:ids AS uuid[]))
          AND (next_check_at <= CAST(:now AS timestamptz) OR look_at <= CAST(:now AS timestamptz))
    ) AS due
    WHERE refunds.viewer = due.viewer AND refunds.purchase = due.purchase AND refunds.id = due.id
    RETURNING refunds.id
""")  # noqa: S608 - our own text only


async def claim(tx: Transaction, ids: Sequence[UUID], *, now: datetime) -> set[UUID]:
    """Take those of locked purchases that are still due, until their next turn."""
    return {row.id for row in await tx.execute(_CLAIM, {"ids": list(ids), "now": now})}


_MARK_SUBMITTED = text("""
    UPDATE refunds SET submitted_at = coalesce(submitted_at, CAST(:now AS timestamptz))
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")


async def mark_submitted(tx: Transaction, ids: Sequence[UUID], *, now: datetime) -> None:
    """Record that these are about to be sent: from then on the provider may have made them."""
    if ids:
        await tx.execute(_MARK_SUBMITTED, {"ids": list(ids), "now": now})


_MARK_UNRESOLVED = text("""
    UPDATE refunds SET unresolved_at = CAST(:now AS timestamptz)
    WHERE id = ANY(CAST(:ids AS uuid[])) AND unresolved_at IS NULL
    RETURNING id
""")


async def mark_unresolved(tx: Transaction, ids: Sequence[UUID], *, now: datetime) -> set[UUID]:
    """Record that a person has to find out what became of these; return which are new."""
    if not ids:
        return set()
    return {row.id for row in await tx.execute(_MARK_UNRESOLVED, {"ids": list(ids), "now": now})}


@dataclass(frozen=True, slots=True)
class UnresolvedRefund:
    """
    A refund of which it is unknown whether its money went back; look it up at the provider.

    `submitted_at` is when the provider was first asked for it. If it was made, or a person makes
    it by hand, the service finds that out by itself; if it never will be, decline it.
    """

    viewer: str
    purchase: UUID
    refund: UUID
    payment: str
    amount_minor: int
    currency: str
    submitted_at: datetime | None
    unresolved_at: datetime


_unresolved = RowMapper(UnresolvedRefund)
_UNRESOLVED = text("""
    SELECT r.viewer, r.purchase, r.id AS refund, p.payment, r.amount_minor, r.currency,
           r.submitted_at, r.unresolved_at
    FROM refunds AS r JOIN purchases AS p ON p.viewer = r.viewer AND p.id = r.purchase
    WHERE r.state = 'frozen' AND r.unresolved_at IS NOT NULL
    ORDER BY r.unresolved_at LIMIT :limit
""")


async def unresolved(tx: Transaction, limit: int) -> list[UnresolvedRefund]:
    """Return the refunds a person has to find out about, the oldest first."""
    return [_unresolved(row) for row in await tx.execute(_UNRESOLVED, {"limit": limit})]
