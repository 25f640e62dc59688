"""The rows of refunds."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.purchase import columns as tables
from services.purchase.domain.refund_evidence import LOOK_SECONDS
from services.purchase.domain.refunds import Refund, RefundState
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, unnest, update_rows
from shared.postgres.statements import text

# Woken when the coins of a refund are held, and the provider may give its money back.
REFUND_DUE = "refunds"
_refund = RowMapper(Refund, tables.Refund)
_SELECT = f"SELECT {_refund.columns} FROM refunds"  # noqa: S608 - our own text only

_NEW = ("viewer", "purchase", "id", "requested_by", "state", "currency", "requested_at")
_ADD = insert_rows(
    tables.Refund,
    *(*_NEW, "idempotency_key", "request_hash"),
    then="ON CONFLICT DO NOTHING RETURNING id",
)


async def add(tx: Transaction, refund: Refund, *, key: str, request_hash: bytes) -> bool:
    """Record a refund; False if its key is known, or another is open."""
    row = {**arrays([refund], *_NEW), "idempotency_key": [key], "request_hash": [request_hash]}
    return bool(await tx.execute(_ADD, row))


_WITH_HASH = f"SELECT {_refund.columns}, request_hash FROM refunds"  # noqa: S608 - our own text
_OF_KEY = text(f"{_WITH_HASH} WHERE viewer = :viewer AND idempotency_key = :key")


async def of_key(tx: Transaction, viewer: str, key: str) -> tuple[Refund, bytes] | None:
    """Return the refund that was requested under a key, and the hash of the request."""
    row = (await tx.execute(_OF_KEY, {"viewer": viewer, "key": key})).first()
    return (_refund(row), row.request_hash) if row else None


_OF_PURCHASES = text(f"""
    {_SELECT} WHERE (viewer, purchase) IN (
        SELECT * FROM {unnest(tables.Refund, "viewer", "purchase")}
    )
    ORDER BY requested_at, id
""")  # noqa: S608 - our own text only


async def of_purchases(
    tx: Transaction, keys: Sequence[tuple[str, UUID]]
) -> dict[tuple[str, UUID], list[Refund]]:
    """Return all refunds of purchases, always in the same order: the oldest first."""
    viewers, purchases = [viewer for viewer, _ in keys], [purchase for _, purchase in keys]
    found: dict[tuple[str, UUID], list[Refund]] = {key: [] for key in keys}
    for row in await tx.execute(_OF_PURCHASES, {"viewer": viewers, "purchase": purchases}):
        found[row["viewer"], row["purchase"]].append(_refund(row))
    return found


_BY_ID = text(f"{_SELECT} WHERE id = ANY(CAST(:ids AS uuid[]))")


async def by_id(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, Refund]:
    return {row.id: _refund(row) for row in await tx.execute(_BY_ID, {"ids": list(ids)})}


_KEY = ("viewer", "purchase", "id")
_CHANGING = (
    *("state", "coins", "amount_minor", "tax_minor", "reason", "decided_at"),
    "provider_refund",
)
# A refund that was sent is looked at again: its money may still go, or come back.
_SAVE = update_rows(
    tables.Refund,
    _KEY,
    _CHANGING,
    also="""
        next_check_at = CASE
            WHEN new.state <> 'frozen' THEN NULL
            WHEN refunds.state = 'frozen' THEN refunds.next_check_at
            ELSE CAST(:now AS timestamptz)
        END,
        looks = CASE WHEN refunds.state = new.state THEN refunds.looks ELSE 0 END,
        look_at = CASE
            WHEN new.state NOT IN ('refunded', 'declined') THEN NULL
            WHEN refunds.state = new.state THEN refunds.look_at
            WHEN refunds.submitted_at IS NOT NULL OR refunds.checks > 0
                THEN CAST(:look_at AS timestamptz)
        END
    """,
)


async def save(tx: Transaction, refunds: Sequence[Refund], *, now: datetime) -> None:
    """Write what became of refunds whose purchases are locked."""
    if refunds:
        look_at = now + timedelta(seconds=LOOK_SECONDS[0])
        changed = arrays(refunds, *_KEY, *_CHANGING)
        await tx.execute(_SAVE, {**changed, "now": now, "look_at": look_at})
        if any(refund.state is RefundState.HELD for refund in refunds):
            tx.wake(REFUND_DUE)


_MARK_VOIDED = text("""
    UPDATE refunds SET voided_at = coalesce(voided_at, CAST(:now AS timestamptz))
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")


async def mark_voided(tx: Transaction, ids: Sequence[UUID], *, now: datetime) -> None:
    """Record that the wallet has voided the coins of these refunds."""
    await tx.execute(_MARK_VOIDED, {"ids": list(ids), "now": now})
