"""The disputes over purchases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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


_line = RowMapper(DisputeLine, tables.Dispute)
_NEWEST = text(f"""
    SELECT {_line.columns} FROM disputes
    ORDER BY state <> 'open', recorded_at DESC, dispute LIMIT :limit
""")  # noqa: S608 - our own text only


async def newest(tx: Transaction, limit: int) -> list[DisputeLine]:
    """Return the disputes that still run, then the newest of the others. There are few of them."""
    return [_line(row) for row in await tx.execute(_NEWEST, {"limit": limit})]


def in_order(line: DisputeLine) -> tuple[bool, float, str]:
    """Return what sorts lines as `newest` does."""
    return line.state != "open", -line.recorded_at.timestamp(), line.dispute


_CHANGING = ("state", "reason", "amount_minor", "currency", "revision")
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
