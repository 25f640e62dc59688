"""What moved in an hour: summed up once out of entries, and kept."""

from collections.abc import Sequence
from datetime import datetime

from services.wallet import columns as tables
from services.wallet.domain.flow import FlowHour
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

_hour = RowMapper(FlowHour, tables.FlowHour)


async def sum_hours(tx: Transaction, *, since: datetime, until: datetime) -> list[FlowHour]:
    """Sum up the entries of a part in [since, until), by the hour."""
    return [_hour(row) for row in await tx.execute(_SUM, {"since": since, "until": until})]


async def sum_open_hours(tx: Transaction, *, since: datetime, limit: int) -> list[FlowHour] | None:
    """Sum up a part from `since` on, unless that is more than `limit` entries."""
    rows = list(await tx.execute(_SUM_OPEN, {"since": since, "limit": limit}))
    return [_hour(row) for row in rows] if sum(row.entries for row in rows) < limit else None


# An entry's own sums; corrections, refunds and what expires are no flow.
_SUMS = """
    SELECT date_trunc('hour', recorded_at, 'UTC') AS hour,
           coalesce(-sum(amounts[array_position(string_to_array(accounts, ','), '@issued')])
               FILTER (WHERE kind = 'credit'), 0)::bigint AS bought_coins,
           coalesce(-sum(amounts[1]) FILTER (WHERE kind = 'gift'), 0)::bigint AS given_coins,
           count(*) AS entries
    FROM {entries} GROUP BY 1
"""
_SUM = text(
    _SUMS.replace(
        "{entries}",
        """entries WHERE recorded_at >= CAST(:since AS timestamptz)
        AND recorded_at < CAST(:until AS timestamptz) AND kind IN ('credit', 'gift')""",
    )
)
_SUM_OPEN = text(
    _SUMS.replace(
        "{entries}",
        """(
            SELECT recorded_at, kind, accounts, amounts FROM entries
            WHERE recorded_at >= CAST(:since AS timestamptz) LIMIT :limit
        ) AS newest""",
    )
)


async def kept_hours(tx: Transaction, *, since: datetime) -> list[FlowHour]:
    """Return the sums that were kept of hours from `since` on, the oldest first."""
    return [_hour(row) for row in await tx.execute(_KEPT, {"since": since})]


_KEPT = text(f"""
    SELECT {_hour.columns} FROM flow_hours WHERE hour >= CAST(:since AS timestamptz)
    ORDER BY hour
""")  # noqa: S608 - our own text only


async def keep_hours(tx: Transaction, hours: Sequence[FlowHour]) -> None:
    """Keep the sums of hours, unless they are kept already."""
    await tx.execute(_KEEP, arrays(hours, *FlowHour.__slots__))


_KEEP = insert_rows(tables.FlowHour, *FlowHour.__slots__, then="ON CONFLICT DO NOTHING")
