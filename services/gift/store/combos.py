"""
Taps in a row.

Rows are locked in the order of their keys, after the gifts they count: a batch of requests and one
of outcomes never wait for each other in a circle. All instances go by the database's clock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.gift import columns as tables
from services.gift.domain.combos import WINDOW_SECONDS, Combo, ComboKey, Running
from services.gift.domain.gifts import Gift
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import RowMapper, arrays, prefixed, unnest
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Tap:
    """Gifts that join the running combo of their key; without one they start `combo`."""

    key: ComboKey
    gifts: int
    combo: UUID
    correlation_id: str
    target: str | None = None


async def tap(tx: Transaction, taps: Sequence[Tap]) -> dict[ComboKey, UUID]:
    """
    Add gifts to their combos, one tap a key.

    A key that is not returned has a combo that is over, though it has not ended yet.
    """
    rows = await tx.execute(
        _TAP,
        {
            **_keys([tap.key for tap in taps]),
            "ids": [tap.combo for tap in taps],
            "gifts": [tap.gifts for tap in taps],
            "correlation_ids": [tap.correlation_id for tap in taps],
            "targets": [tap.target for tap in taps],
            "window": WINDOW_SECONDS,
        },
    )
    return {_combo_key(row): row.id for row in rows}


async def lock_running(
    tx: Transaction, keys: Collection[ComboKey], gifts: Sequence[Gift]
) -> tuple[dict[ComboKey, Running], set[UUID]]:
    """
    Lock the running combos of these keys; return them, and which of the gifts were reversed.

    The gifts are locked: a reversal that arrived before is seen, and none arrives meanwhile.
    """
    rows = await tx.execute(
        _LOCK_RUNNING,
        {**_keys(keys), **prefixed("gift", arrays(gifts, "viewer", gift="id"))},
    )
    listed = list(keys)
    running = {
        listed[row.place - 1]: Running(row.id, row.repeat_count, row.coins)
        for row in rows
        if row.place is not None
    }
    return running, {row.id for row in rows if row.place is None}


async def end(tx: Transaction, keys: Collection[ComboKey]) -> list[Combo]:
    """End the combos of these keys that are over; the tap that found them over locked them."""
    rows = await tx.execute(_END, {**_keys(keys), "window": WINDOW_SECONDS})
    return [_combo(row) for row in rows]


async def end_any(tx: Transaction, *, limit: int) -> list[Combo]:
    """End combos that are over; locked ones are left for the next time."""
    rows = await tx.execute(_END_ANY, {"window": WINDOW_SECONDS, "limit": limit})
    return [_combo(row) for row in rows]


async def recount(tx: Transaction, *, untouched_seconds: int, limit: int) -> int:
    """
    Let running combos without a tap for so long count their open gifts again.

    Return how many were wrong. They are locked before their gifts are counted: an outcome of one
    of those waits meanwhile to count it down.
    """
    asked = {"seconds": untouched_seconds, "limit": limit}
    found = list(await tx.execute(_LOCK_MISCOUNTED, asked))
    if found:
        pairs = {"viewers": [row.viewer for row in found], "ids": [row.id for row in found]}
        await tx.execute(_RECOUNT, pairs)
    return len(found)


async def ended(
    tx: Transaction,
    *,
    since: datetime,
    until: datetime,
    after: tuple[str, UUID] | None,
    limit: int,
) -> list[Combo]:
    """Return combos with gifts that ended in that time, by viewer and id from `after` on."""
    viewer, combo = after or ("", UUID(int=0))
    asked = {"since": since, "until": until, "after": viewer, "combo": combo, "limit": limit}
    return [_combo(row) for row in await tx.execute(_ENDED, asked)]


def _keys(keys: Collection[ComboKey]) -> dict[str, Any]:
    return arrays(keys, *ComboKey._fields)


def _combo_key(row: Row) -> ComboKey:
    return ComboKey(**{name: row[name] for name in ComboKey._fields})


_combo = RowMapper(Combo, tables.Combo)
_COLUMNS = _combo.columns
_KEY = ", ".join(ComboKey._fields)
_KEYS = """
    CAST(:viewer AS text[]), CAST(:room AS text[]), CAST(:creator AS text[]),
    CAST(:gift_type AS text[]), CAST(:anonymous AS boolean[])
"""
_WINDOW = "make_interval(secs => CAST(:window AS double precision))"
_OVER = f"open_gifts = 0 AND last_requested_at <= clock_timestamp() - {_WINDOW}"
_TAP = text(f"""
    INSERT INTO combos (
        viewer, id, room, creator, gift_type, anonymous, started_at, last_requested_at,
        open_gifts, correlation_id, target
    )
    SELECT viewer, id, room, creator, gift_type, anonymous, clock_timestamp(),
           clock_timestamp(), gifts, correlation_id, target
    FROM unnest(
        {_KEYS}, CAST(:ids AS uuid[]), CAST(:gifts AS integer[]),
        CAST(:correlation_ids AS text[]), CAST(:targets AS text[])
    ) AS new ({_KEY}, id, gifts, correlation_id, target)
    ORDER BY {_KEY}
    ON CONFLICT ({_KEY}) WHERE ended_at IS NULL DO UPDATE
    SET open_gifts = combos.open_gifts + excluded.open_gifts,
        last_requested_at = greatest(combos.last_requested_at, excluded.last_requested_at)
    WHERE combos.open_gifts > 0 OR combos.last_requested_at > clock_timestamp() - {_WINDOW}
    RETURNING id, {_KEY}
""")  # noqa: S608 - our own text only
# Nested, so that each combo is found by its key: a plain join may walk all running combos.
_RUNNING = f"""
    CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM combos
        WHERE ended_at IS NULL
          AND combos.viewer = asked.viewer AND combos.room = asked.room
          AND combos.creator = asked.creator AND combos.gift_type = asked.gift_type
          AND combos.anonymous = asked.anonymous
        OFFSET 0 FOR UPDATE
    ) AS running
"""  # noqa: S608 - our own text only
_LOCK_RUNNING = text(f"""
    WITH locked AS MATERIALIZED (
        SELECT place, running.id, running.repeat_count, running.coins
        FROM (
            SELECT * FROM unnest({_KEYS}) WITH ORDINALITY AS given ({_KEY}, place) ORDER BY {_KEY}
        ) AS asked {_RUNNING}
    )
    SELECT place, id, repeat_count, coins FROM locked
    UNION ALL
    SELECT NULL, reversals.gift, NULL, NULL
    FROM {unnest(tables.Reversal, "viewer", "gift", prefix="gift", name="asked")}
    JOIN reversals USING (viewer, gift)
    WHERE reversals.reversed_coins <> reversals.published_coins
""")  # noqa: S608 - our own text only
_END = text(f"""
    UPDATE combos SET ended_at = old.found_at
    FROM (
        SELECT running.viewer, running.id, clock_timestamp() AS found_at
        FROM unnest({_KEYS}) AS asked ({_KEY}) {_RUNNING}
        LIMIT cardinality(CAST(:viewer AS text[]))
    ) AS old
    WHERE combos.viewer = old.viewer AND combos.id = old.id AND {_OVER}
    RETURNING {_COLUMNS}
""")  # noqa: S608 - our own text only
_END_ANY = text(f"""
    UPDATE combos SET ended_at = over.found_at
    FROM (
        SELECT viewer, id, clock_timestamp() AS found_at FROM combos
        WHERE ended_at IS NULL AND {_OVER} LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS over
    WHERE combos.viewer = over.viewer AND combos.id = over.id
    RETURNING {_COLUMNS}
""")  # noqa: S608 - our own text only
_OPEN = f"""
    SELECT {_KEY}, count(*) AS gifts
    FROM (
        SELECT gifts.* FROM open_gifts JOIN gifts USING (viewer)
        WHERE gifts.id = open_gifts.gift AND mode = 'streak' AND room IS NOT NULL
    ) AS open_streaks
    GROUP BY {_KEY}
"""  # noqa: S608 - our own text only
_LOCK_MISCOUNTED = text(f"""
    SELECT combos.viewer, combos.id FROM combos LEFT JOIN ({_OPEN}) AS open USING ({_KEY})
    WHERE ended_at IS NULL AND open_gifts <> coalesce(open.gifts, 0)
      AND last_requested_at <= clock_timestamp() - make_interval(secs => :seconds)
    ORDER BY {_KEY} LIMIT :limit
    FOR UPDATE OF combos SKIP LOCKED
""")  # noqa: S608 - our own text only
_RECOUNT = text(f"""
    UPDATE combos SET open_gifts = counted.gifts
    FROM (
        SELECT old.viewer, old.id, coalesce(open.gifts, 0) AS gifts
        FROM unnest(CAST(:viewers AS text[]), CAST(:ids AS uuid[])) AS asked (viewer, id)
        JOIN combos AS old USING (viewer, id)
        LEFT JOIN ({_OPEN}) AS open
            USING ({_KEY})
    ) AS counted
    WHERE combos.viewer = counted.viewer AND combos.id = counted.id
""")  # noqa: S608 - our own text only
_ENDED = text(f"""
    SELECT {_COLUMNS} FROM combos
    WHERE (viewer, id) > (:after, CAST(:combo AS uuid)) AND sent_gifts > 0
      AND ended_at >= :since AND ended_at < :until
    ORDER BY viewer, id
    LIMIT :limit
""")  # noqa: S608 - our own text only
