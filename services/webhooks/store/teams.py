"""Which teams there are: those that were granted events, and those that have endpoints."""

from services.webhooks.domain.teams import Team
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_team = RowMapper(Team)


async def list_after(tx: Transaction, after: str | None, limit: int) -> list[Team]:
    """Return teams by their names, in the order of their bytes."""
    return [_team(row) for row in await tx.execute(_LIST, {"after": after, "limit": limit})]


_LIST = text("""
    SELECT team COLLATE "C" AS team, coalesce(events, 0) AS events,
           coalesce(endpoints, 0) AS endpoints, coalesce(failing, 0) AS failing,
           coalesce(disabled, 0) AS disabled
    FROM (SELECT team, count(*) AS events FROM grants GROUP BY team) AS granted
    FULL JOIN (
        SELECT team, count(*) AS endpoints,
               count(*) FILTER (WHERE disabled IS NULL AND failures > 0) AS failing,
               count(*) FILTER (WHERE disabled IS NOT NULL) AS disabled
        FROM endpoints WHERE deleted_at IS NULL GROUP BY team
    ) AS used USING (team)
    WHERE CAST(:after AS text) IS NULL OR team COLLATE "C" > CAST(:after AS text)
    ORDER BY team COLLATE "C" LIMIT :limit
""")
