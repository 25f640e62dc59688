"""Rooms, gifts, and reversals of gifts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from uuid import UUID

from services.live import columns as tables
from services.live.domain.gift_totals import Gift, Reversal, RoomTotals, ScoreKey
from services.live.domain.levels import Gifter
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, prefixed, unnest, update_rows
from shared.postgres.statements import text

_room = RowMapper(RoomTotals, tables.Room)
_gift = RowMapper(Gift, tables.Gift)
_REVERSAL = tuple(field.name for field in fields(Reversal))


async def lock_rooms(tx: Transaction, rooms: Iterable[str]) -> dict[str, RoomTotals]:
    """Lock rooms in sorted order, create those that are new, and return their totals."""
    names = sorted(set(rooms))
    if not names:
        return {}
    await tx.execute(_CREATE_ROOMS, {"room": names})
    return {row.room: _room(row) for row in await tx.execute(_LOCK_ROOMS, {"rooms": names})}


_CREATE_ROOMS = insert_rows(tables.Room, "room", then="ON CONFLICT DO NOTHING")
_LOCK_ROOMS = text(f"""
    SELECT {_room.columns} FROM rooms WHERE room = ANY(CAST(:rooms AS text[]))
    ORDER BY room FOR UPDATE
""")


async def read_room(tx: Transaction, room: str) -> RoomTotals:
    """Return a room's totals; they are 0 without a gift."""
    row = (await tx.execute(_READ_ROOM, {"room": room})).first()
    return _room(row) if row else RoomTotals(room)


_READ_ROOM = text(f"SELECT {_room.columns} FROM rooms WHERE room = :room")


async def find_gifts(tx: Transaction, gifts: Iterable[UUID]) -> dict[UUID, Gift]:
    """Return the gifts that were counted in this generation."""
    wanted = list(gifts)
    if not wanted:
        return {}
    return {row.gift: _gift(row) for row in await tx.execute(_FIND_GIFTS, {"gifts": wanted})}


_FIND_GIFTS = text(f"""
    SELECT {_gift.columns} FROM gifts
    WHERE gift = ANY(CAST(:gifts AS uuid[]))
      AND generation = coalesce((SELECT generation FROM rebuilds), 0)
""")


async def save_reversals(
    tx: Transaction, reversals: Iterable[Reversal], scores: Mapping[ScoreKey, int]
) -> None:
    """Store reversals, and add coins, which may be negative, to scores that are there."""
    changed = list(reversals)
    if not changed:
        return
    room, period, viewer = map(list, zip(*scores, strict=True)) if scores else ([], [], [])
    columns = {"room": room, "period": period, "viewer": viewer, "coins": [*scores.values()]}
    await tx.execute(
        _SAVE_REVERSALS,
        {**prefixed("reversal", arrays(changed, *_REVERSAL)), **prefixed("score", columns)},
    )


_SAVE_REVERSALS = text(f"""
    WITH saved AS (
        INSERT INTO reversals ({", ".join(_REVERSAL)})
        SELECT * FROM {unnest(tables.Reversal, *_REVERSAL, prefix="reversal")}
        ON CONFLICT (gift, lot) DO UPDATE
        SET revision = excluded.revision, reversed_coins = excluded.reversed_coins
    )
    UPDATE scores SET coins = scores.coins + found.change
    FROM {unnest(tables.Score, "room", "period", "viewer", "coins", prefix="score")}
    CROSS JOIN LATERAL (
        SELECT scores.ctid AS place, new.coins AS change FROM scores
        WHERE scores.room = new.room AND scores.period = new.period AND scores.viewer = new.viewer
        OFFSET 0
    ) AS found
    WHERE scores.ctid = found.place
""")


async def save_levels(tx: Transaction, gifters: Sequence[Gifter]) -> None:
    if gifters:
        await tx.execute(_SAVE_LEVELS, arrays(gifters, "viewer", "level", "revision"))


_SAVE_LEVELS = update_rows(tables.Gifter, ("viewer",), ("level", "revision"))
