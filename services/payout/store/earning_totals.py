"""What a creator earned in a period, summed up by the streams and by the types of gifts."""

from datetime import datetime

from services.payout.domain.earning_totals import EarningTotals, GiftEarnings, StreamEarnings
from shared.postgres.database import Row, Transaction
from shared.postgres.statements import text

# Of the rooms that a creator earned in: so many streams of a period are looked at.
STREAMS_MAX = 1_000


async def read_total(
    tx: Transaction, creator: str, since: datetime, until: datetime
) -> EarningTotals:
    """Return what all gifts of a period brought."""
    values = {"creator": creator, "since": since, "until": until}
    return _totals((await tx.execute(_TOTAL, values)).one())


async def list_by_gift(
    tx: Transaction, creator: str, since: datetime, until: datetime, *, limit: int
) -> list[GiftEarnings]:
    """Return what each type of gift brought in a period, the most first."""
    values = {"creator": creator, "since": since, "until": until, "limit": limit}
    rows = await tx.execute(_BY_GIFT, values)
    return [GiftEarnings(row.gift_type, _totals(row)) for row in rows]


async def list_by_stream(
    tx: Transaction, creator: str, since: datetime, until: datetime, *, limit: int
) -> list[StreamEarnings]:
    """Return what gifts in each stream brought in a period, the newest stream first."""
    values = {"creator": creator, "since": since, "until": until, "limit": limit}
    rows = await tx.execute(_BY_STREAM, {**values, "streams_max": STREAMS_MAX})
    return [
        StreamEarnings(
            stream=row.stream,
            room=row.room,
            creator=row.streamed_by,
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            totals=_totals(row),
        )
        for row in rows
    ]


def _totals(row: Row) -> EarningTotals:
    return EarningTotals(row.gifts, row.pieces, row.coins, row.diamonds, row.reversed_diamonds)


# A gift that several lots paid has several slices, numbered from 0.
_SUMS = """
    count(*) FILTER (WHERE slice = 0) AS gifts,
    coalesce(sum(coalesce(count, 1)) FILTER (WHERE slice = 0), 0)::bigint AS pieces,
    coalesce(sum(coins), 0)::bigint AS coins,
    coalesce(sum(diamonds - reversed_diamonds), 0)::bigint AS diamonds,
    coalesce(sum(reversed_diamonds), 0)::bigint AS reversed_diamonds
"""
_IN_PERIOD = """
    creator = :creator AND occurred_at >= CAST(:since AS timestamptz)
    AND occurred_at < CAST(:until AS timestamptz)
"""
_TOTAL = text(f"SELECT {_SUMS} FROM earnings WHERE {_IN_PERIOD}")  # noqa: S608 - our own text only
_BY_GIFT = text(f"""
    SELECT gift_type, {_SUMS} FROM earnings WHERE {_IN_PERIOD}
    GROUP BY gift_type ORDER BY diamonds DESC, gifts DESC, gift_type LIMIT :limit
""")  # noqa: S608 - our own text only
# A gift is of the stream that was open when it was sent. Until its end is known, a stream ends
# where the next one of its room begins. Each stream is looked up by its own time: streams of one
# room do not overlap, so each earning is read once for all of them.
_BY_STREAM = text(f"""
    WITH spans AS MATERIALIZED (
        SELECT stream, room, creator AS streamed_by, opened_at, closed_at,
               coalesce(closed_at, (
                   SELECT min(later.opened_at) FROM streams AS later
                   WHERE later.room = streams.room AND later.opened_at > streams.opened_at
               ), 'infinity') AS ended_at
        FROM streams
        WHERE room = ANY(ARRAY(
            SELECT DISTINCT room FROM earnings WHERE {_IN_PERIOD} AND room IS NOT NULL
        )) AND opened_at < CAST(:until AS timestamptz)
            AND coalesce(closed_at, 'infinity') > CAST(:since AS timestamptz)
        ORDER BY opened_at DESC, stream LIMIT :streams_max
    )
    SELECT spans.*, found.* FROM spans CROSS JOIN LATERAL (
        SELECT {_SUMS} FROM earnings
        WHERE {_IN_PERIOD} AND earnings.room = spans.room
            AND occurred_at >= spans.opened_at AND occurred_at < spans.ended_at
    ) AS found
    WHERE found.gifts > 0
    ORDER BY opened_at DESC, stream LIMIT :limit
""")  # noqa: S608 - our own text only
