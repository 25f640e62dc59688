"""How long gifts took: a few of each minute, found by the index of decisions."""

from datetime import datetime

from services.gift.domain.latency import Decided
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_decided = RowMapper(Decided)


async def sample(tx: Transaction, *, until: datetime, minutes: int, limit: int) -> list[Decided]:
    """Return at most `limit` gifts that a part decided in each of the last whole minutes."""
    asked = {"until": until, "minutes": minutes, "limit": limit}
    return [_decided(row) for row in await tx.execute(_SAMPLE, asked)]


# A gift that was requested again waited for what was broken, not for us.
_SAMPLE = text("""
    SELECT minute, greatest(0, extract(epoch FROM decided_at - requested_at) * 1000)::integer
               AS milliseconds
    FROM generate_series(
        CAST(:until AS timestamptz) - make_interval(mins => CAST(:minutes AS integer)),
        CAST(:until AS timestamptz) - interval '1 minute', interval '1 minute'
    ) AS minute, LATERAL (
        SELECT requested_at, decided_at FROM gifts
        WHERE decided_at >= minute AND decided_at < minute + interval '1 minute' AND attempt = 1
        LIMIT :limit
    ) AS gift
""")
