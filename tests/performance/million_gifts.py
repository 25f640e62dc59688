"""A million gifts of a month in live's database, as the service would have counted them."""

from services.live.domain.levels import THRESHOLDS

GIFTS = 1_000_000
GIFTERS = GIFTS // 10
ROOMS = GIFTS // 500
CROWDED = "old-crowded"
# Two fifths of all gifts go to one room, four of each gifter; half of those are of this day.
CROWDED_GIFTS = 4 * GIFTERS
DAY_SECONDS = 86_400


def gifter(number: int) -> str:
    """Name one of those who gave in the crowded room; they are spread over its standing."""
    return f"old-viewer-{(number * 7_919 + 1) % GIFTERS}"


def statements() -> list[str]:
    """Return what fills the tables that standings are read from; nothing was shown of it."""
    return [
        "SET synchronous_commit = off",
        _GIFTS,
        _SCORES,
        _TOTALS,
        _ROOMS,
        _SUPPORTERS,
        _GIFTERS,
        # As it would have happened by itself within minutes, amid what is measured.
        "VACUUM ANALYZE",
        "CHECKPOINT",
    ]


_PERIODS = """CROSS JOIN LATERAL (VALUES
        ('all'),
        ('day:' || to_char(sent_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')),
        ('week:' || to_char(sent_at AT TIME ZONE 'UTC', 'IYYY-"W"IW'))
    ) AS counted_in (period)"""
_GIFTS = f"""
    INSERT INTO gifts (
        gift, room, viewer, creator, coins, anonymous, sent_at, stream, first_generation, generation
    )
    SELECT md5('old' || n)::uuid,
        CASE WHEN n <= {CROWDED_GIFTS} THEN '{CROWDED}' ELSE 'old-room-' || n % {ROOMS} END,
        'old-viewer-' || CASE WHEN n <= {CROWDED_GIFTS} THEN n ELSE n::bigint * 7919 END
            % {GIFTERS},
        CASE WHEN n <= {CROWDED_GIFTS} THEN 'old-star' ELSE 'old-creator-' || n % {ROOMS} END,
        1 + n::bigint * 7919 % 997, n % 53 = 0,
        CASE WHEN n <= {CROWDED_GIFTS} AND n / {GIFTERS} % 2 = 0
            THEN date_trunc('day', now(), 'UTC')
            ELSE now() - n::bigint * 31 % {30 * DAY_SECONDS} * interval '1 second' END,
        NULL, 0, 0
    FROM generate_series(1, {GIFTS}) AS n
"""
# In the order in which they would have come.
_SCORES = f"""
    INSERT INTO scores (room, period, viewer, gifts, coins, first_at)
    SELECT room, period, viewer, count(*), sum(coins), min(sent_at) AS first_at
    FROM gifts {_PERIODS}
    WHERE room LIKE 'old-%' AND NOT anonymous
    GROUP BY room, period, viewer ORDER BY first_at
"""
_TOTALS = f"""
    INSERT INTO totals (room, period, gifts, coins, gifters)
    SELECT room, period, count(*), sum(coins),
        count(DISTINCT viewer) FILTER (WHERE NOT anonymous)
    FROM gifts {_PERIODS}
    WHERE room LIKE 'old-%'
    GROUP BY room, period
"""
_ROOMS = """
    INSERT INTO rooms (room, sequence, gifts, coins, last_sent_at)
    SELECT room, 0, count(*), sum(coins), max(sent_at)
    FROM gifts WHERE room LIKE 'old-%' GROUP BY room
"""
_SUPPORTERS = """
    INSERT INTO supporters (creator, viewer, gifts, coins, first_at)
    SELECT creator, viewer, count(*), sum(coins), min(sent_at)
    FROM gifts WHERE room LIKE 'old-%' AND NOT anonymous GROUP BY creator, viewer
"""
# One in a hundred hides, also of those who gave most.
_GIFTERS = f"""
    INSERT INTO gifters (viewer, gifts, coins, level, hidden)
    SELECT viewer, count(*), sum(coins),
        width_bucket(sum(coins)::bigint, ARRAY{list(THRESHOLDS)}::bigint[]),
        hashtext(viewer) % 100 = 0
    FROM gifts WHERE room LIKE 'old-%' GROUP BY viewer
"""
