"""The disputes over purchases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from uuid import UUID

from services.purchase import columns as tables
from services.purchase.domain.purchases import Dispute, Purchase
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, unnest
from shared.postgres.statements import text

_dispute = RowMapper(Dispute, tables.Dispute, id="dispute")
_OF_PURCHASES = text(f"""
    SELECT viewer, purchase, {_dispute.columns} FROM disputes
    WHERE (viewer, purchase) IN (SELECT * FROM {unnest(tables.Dispute, "viewer", "purchase")})
""")  # noqa: S608 - our own text only


async def of_purchases(
    tx: Transaction, keys: Sequence[tuple[str, UUID]]
) -> dict[tuple[str, UUID], list[Dispute]]:
    """Return the disputes recorded over purchases, by purchase."""
    found: dict[tuple[str, UUID], list[Dispute]] = {key: [] for key in keys}
    viewers, purchases = [viewer for viewer, _ in keys], [purchase for _, purchase in keys]
    for row in await tx.execute(_OF_PURCHASES, {"viewer": viewers, "purchase": purchases}):
        found[row["viewer"], row["purchase"]].append(_dispute(row))
    return found


async def of_purchase(tx: Transaction, purchase: Purchase) -> list[Dispute]:
    key = (purchase.viewer, purchase.id)
    return (await of_purchases(tx, [key]))[key]


@dataclass(frozen=True, slots=True)
class DisputeLine:
    """A cardholder's bank asks for the money of a purchase back."""

    viewer: str
    purchase: UUID
    dispute: str
    state: str
    reason: str
    amount_minor: int
    currency: str
    recorded_at: datetime
    evidence_due_at: datetime | None
    evidence_submitted: bool


@dataclass(frozen=True, slots=True)
class Exposure:
    """How many disputes are open in a currency, and what they come to."""

    currency: str
    disputes: int
    amount_minor: int


_line = RowMapper(DisputeLine, tables.Dispute)
_OPEN_FIRST = text(f"""
    (SELECT {_line.columns} FROM disputes WHERE state = 'open'
     ORDER BY evidence_submitted, evidence_due_at, recorded_at, dispute LIMIT :limit)
    UNION ALL
    (SELECT {_line.columns} FROM disputes WHERE state <> 'open'
     ORDER BY recorded_at DESC, dispute LIMIT :limit)
    LIMIT :limit
""")  # noqa: S608 - our own text only
_DUE = text(f"""
    SELECT {_line.columns} FROM disputes
    WHERE state = 'open' AND NOT evidence_submitted AND evidence_due_at <= :due_before
    ORDER BY evidence_due_at, recorded_at, dispute LIMIT :limit
""")  # noqa: S608 - our own text only


async def in_order(tx: Transaction, limit: int) -> list[DisputeLine]:
    """
    Return the open disputes, then the newest of the others.

    Of the open ones those that wait for evidence come first, the soonest due before all.
    """
    return [_line(row) for row in await tx.execute(_OPEN_FIRST, {"limit": limit})]


async def due(tx: Transaction, limit: int, *, due_before: datetime) -> list[DisputeLine]:
    """Return the open disputes whose evidence is due by then and not there, soonest first."""
    about = {"limit": limit, "due_before": due_before}
    return [_line(row) for row in await tx.execute(_DUE, about)]


def sort_key(line: DisputeLine) -> tuple[bool, bool, float, float, str]:
    """Return what sorts lines as the statements do."""
    recorded = line.recorded_at.timestamp()
    if line.state != "open":
        return True, False, 0.0, -recorded, line.dispute
    due_at = line.evidence_due_at.timestamp() if line.evidence_due_at is not None else inf
    return False, line.evidence_submitted, due_at, recorded, line.dispute


_exposure = RowMapper(Exposure)
_EXPOSURES = text("""
    SELECT currency, count(*) AS disputes, CAST(sum(amount_minor) AS bigint) AS amount_minor
    FROM disputes WHERE state = 'open' GROUP BY currency
""")


async def exposures(tx: Transaction) -> list[Exposure]:
    """Return what the open disputes come to, by currency."""
    return [_exposure(row) for row in await tx.execute(_EXPOSURES, {})]


_CHANGING = (
    *("state", "reason", "amount_minor", "currency", "revision"),
    *("evidence_due_at", "evidence_submitted"),
)
_SAVE = insert_rows(
    tables.Dispute,
    *("viewer", "purchase", "dispute", "payment", *_CHANGING),
    then="ON CONFLICT (viewer, purchase, dispute) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _CHANGING),
)


async def save(tx: Transaction, moved: Sequence[tuple[Purchase, Dispute]]) -> None:
    """Record disputes as they are now; their purchases are locked."""
    if moved:
        about = {
            "viewer": [purchase.viewer for purchase, _ in moved],
            "purchase": [purchase.id for purchase, _ in moved],
        }
        rows = arrays([each for _, each in moved], "payment", *_CHANGING, dispute="id")
        await tx.execute(_SAVE, {**about, **rows})
