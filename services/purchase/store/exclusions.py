"""Which viewers excluded themselves, and until when."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.purchase import columns as tables
from shared.postgres.database import Transaction
from shared.postgres.rows import unnest
from shared.postgres.statements import text

_COLUMNS = ("viewer", "exclusion", "until", "ended")
_ADD = text(f"""
    INSERT INTO exclusions (viewer, exclusion, until, ended)
    SELECT viewer, exclusion, max(until), bool_or(ended)
    FROM {unnest(tables.Exclusion, *_COLUMNS)}
    GROUP BY viewer, exclusion ORDER BY viewer, exclusion
    ON CONFLICT (viewer, exclusion) DO UPDATE SET ended = exclusions.ended OR excluded.ended
""")  # noqa: S608 - our own text only


async def add(tx: Transaction, exclusions: Sequence[tuple[str, UUID, datetime, bool]]) -> None:
    """Record viewers, exclusions, their ends, and whether they are over already."""
    columns = zip(_COLUMNS, zip(*exclusions, strict=True), strict=True)
    await tx.execute(_ADD, {name: list(values) for name, values in columns})


_EXCLUDED = text("""
    SELECT max(until) FROM exclusions
    WHERE viewer = :viewer AND NOT ended AND until > CAST(:now AS timestamptz)
""")


async def excluded_until(tx: Transaction, viewer: str, *, now: datetime) -> datetime | None:
    rows = await tx.execute(_EXCLUDED, {"viewer": viewer, "now": now})
    until: datetime | None = rows.scalar_one_or_none()
    return until
