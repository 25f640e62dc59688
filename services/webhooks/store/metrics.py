"""What is measured of deliveries, read now and then."""

from dataclasses import dataclass

from shared.postgres.database import Transaction
from shared.postgres.statements import text

COUNTED_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: how much (up to `COUNTED_MAX`), since when, and where nothing arrives."""

    deliveries: int
    oldest_seconds: float
    endpoints_failing: int
    endpoints_gone: int


async def read_waiting(tx: Transaction) -> Waiting:
    row = (await tx.execute(_WAITING, {"limit": COUNTED_MAX})).one()
    return Waiting(row.deliveries, row.oldest_seconds, row.failing, row.gone)


_WAITING = text("""
    SELECT waiting.deliveries, waiting.oldest_seconds, known.failing, known.gone
    FROM (
        SELECT count(*) AS deliveries,
            coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS oldest_seconds
        FROM (
            SELECT pending.created_at
            FROM deliveries AS pending JOIN endpoints ON endpoints.id = pending.endpoint
            WHERE pending.state = 'pending' AND endpoints.disabled IS NULL
                AND endpoints.deleted_at IS NULL
            ORDER BY pending.expires_at LIMIT :limit
        ) AS oldest
    ) AS waiting
    CROSS JOIN (
        SELECT count(*) FILTER (WHERE failures > 0 AND disabled IS NULL) AS failing,
            count(*) FILTER (WHERE disabled = 'gone') AS gone
        FROM endpoints WHERE deleted_at IS NULL
    ) AS known
""")
