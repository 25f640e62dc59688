"""Gifts, and what they add to: rooms, scores, totals, supporters, gifters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text

from services.live import tables
from services.live.domain.gift_totals import (
    Gift,
    Increment,
    LotKey,
    Reversal,
    RoomTotals,
    ScoreKey,
    SupporterKey,
    TotalKey,
)
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, unnest, update_rows

Key = TypeVar("Key", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Gifter:
    """
    What a viewer gave in all, and of that openly.

    `level` and `revision` are those of the last `live.level_reached`; others see the level of
    `open_coins`.
    """

    viewer: str
    coins: int
    level: int
    revision: int
    open_coins: int = 0


@dataclass(frozen=True, slots=True)
class CountedGift:
    """
    A gift that was just counted.

    It is new if no earlier rebuild counted it, so no feed has shown it. `message` is the newest
    decision about its message, if it `is_decided`.
    """

    is_new: bool
    is_decided: bool
    message: str | None


_room = RowMapper(RoomTotals, tables.Room)
_gift = RowMapper(Gift, tables.Gift)
_gifter = RowMapper(Gifter, tables.Gifter)
_ROOM_TOTALS = ("sequence", "gifts", "coins", "last_sent_at")
_GIFT = tuple(field.name for field in fields(Gift))
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


async def lock_gifts_outside_rooms(tx: Transaction, gifts: Iterable[UUID]) -> None:
    """Lock gifts that no room's lock covers, in sorted order."""
    ordered = sorted(set(gifts))
    if ordered:
        await tx.execute(_LOCK_GIFTS, {"gift": ordered})


_LOCK_GIFTS = text(f"""
    SELECT pg_advisory_xact_lock(hashtextextended('gift:' || gift, 0))
    FROM {unnest(tables.Gift, "gift", numbered=True)} ORDER BY position
""")


async def read_room(tx: Transaction, room: str) -> RoomTotals:
    """Return a room's totals; they are 0 without a gift."""
    row = (await tx.execute(_READ_ROOM, {"room": room})).first()
    return _room(row) if row else RoomTotals(room)


_READ_ROOM = text(f"SELECT {_room.columns} FROM rooms WHERE room = :room")


async def insert_gifts(
    tx: Transaction, gifts: Iterable[Gift], *, generation: int
) -> dict[UUID, CountedGift]:
    """Store the gifts that were not counted in this generation, and return those."""
    ordered = sorted(gifts, key=lambda gift: gift.gift)
    if not ordered:
        return {}
    rows = await tx.execute(_INSERT_GIFTS, {**arrays(ordered, *_GIFT), "generation": generation})
    return {
        row.gift: CountedGift(
            row.is_new, row.decision is not None, (row.decision or {}).get("message")
        )
        for row in rows
    }


_INSERT_GIFTS = text(f"""
    INSERT INTO gifts ({", ".join(_GIFT)}, first_generation, generation)
    SELECT new.*, CAST(:generation AS integer), CAST(:generation AS integer)
    FROM {unnest(tables.Gift, *_GIFT)}
    ON CONFLICT (gift) DO UPDATE
    SET generation = excluded.generation, viewer = excluded.viewer, stream = excluded.stream,
        belongs = excluded.belongs
        WHERE gifts.generation < excluded.generation
    RETURNING gift, first_generation = generation AS is_new,
        (SELECT to_jsonb(messages) FROM messages WHERE messages.gift = gifts.gift) AS decision
""")


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


async def find_reversals(tx: Transaction, gifts: Iterable[UUID]) -> dict[LotKey, tuple[int, int]]:
    """Return the newest (revision, coins) of gifts, by gift and lot."""
    rows = await tx.execute(_FIND_REVERSALS, {"gifts": list(gifts)})
    return {(row.gift, row.lot): (row.revision, row.reversed_coins) for row in rows}


_FIND_REVERSALS = text("""
    SELECT gift, lot, revision, reversed_coins FROM reversals
    WHERE gift = ANY(CAST(:gifts AS uuid[]))
""")


async def save_reversals(tx: Transaction, reversals: Iterable[Reversal]) -> None:
    changed = list(reversals)
    if changed:
        await tx.execute(_SAVE_REVERSALS, arrays(changed, *_REVERSAL))


_SAVE_REVERSALS = insert_rows(
    tables.Reversal,
    *_REVERSAL,
    then="""
        ON CONFLICT (gift, lot) DO UPDATE
        SET revision = excluded.revision, reversed_coins = excluded.reversed_coins
    """,
)


async def save_rooms(tx: Transaction, rooms: Iterable[RoomTotals]) -> None:
    changed = list(rooms)
    if changed:
        await tx.execute(_SAVE_ROOMS, arrays(changed, "room", *_ROOM_TOTALS))


_SAVE_ROOMS = update_rows(tables.Room, ("room",), _ROOM_TOTALS)


async def add_scores(tx: Transaction, scores: Mapping[ScoreKey, Increment]) -> set[ScoreKey]:
    """Add to scores; return the keys that had none before."""
    if not scores:
        return set()
    rows = await tx.execute(_ADD_SCORES, _increments(scores, "room", "period", "viewer"))
    found = {(row.room, row.period, row.viewer): row.gifts for row in rows}
    return {key for key, gifts in found.items() if gifts == scores[key].gifts}


# A score that was not there before has, afterwards, as many gifts as were added.
_ADD_SCORES = insert_rows(
    tables.Score,
    *("room", "period", "viewer", "gifts", "coins", "first_at"),
    then="""
        ON CONFLICT (room, period, viewer) DO UPDATE
        SET gifts = scores.gifts + excluded.gifts, coins = scores.coins + excluded.coins,
            first_at = least(scores.first_at, excluded.first_at)
        RETURNING room, period, viewer, gifts
    """,
)


async def change_scores(tx: Transaction, scores: Mapping[ScoreKey, int]) -> None:
    """Add coins, which may be negative, to scores that are there."""
    if scores:
        keys = sorted(scores)
        columns = _keys(keys, "room", "period", "viewer")
        await tx.execute(_CHANGE_SCORES, {**columns, "coins": [scores[key] for key in keys]})


_CHANGE_SCORES = text(f"""
    UPDATE scores SET coins = scores.coins + new.coins
    FROM {unnest(tables.Score, "room", "period", "viewer", "coins")}
    WHERE scores.room = new.room AND scores.period = new.period AND scores.viewer = new.viewer
""")


async def add_totals(
    tx: Transaction, totals: Mapping[TotalKey, Increment], gifters: Mapping[TotalKey, int]
) -> None:
    """Add to what rooms were given in each period, and by how many gifters."""
    if totals:
        columns = _increments(totals, "room", "period")
        columns["gifters"] = [gifters.get(key, 0) for key in sorted(totals)]
        await tx.execute(_ADD_TOTALS, columns)


_ADD_TOTALS = insert_rows(
    tables.Total,
    *("room", "period", "gifts", "coins", "gifters"),
    then="""
        ON CONFLICT (room, period) DO UPDATE
        SET gifts = totals.gifts + excluded.gifts, coins = totals.coins + excluded.coins,
            gifters = totals.gifters + excluded.gifters
    """,
)


async def add_supporters(
    tx: Transaction, supporters: Mapping[SupporterKey, Increment]
) -> dict[SupporterKey, tuple[int, int]]:
    """Add to what viewers gave to creators; return the new (gifts, coins) of each pair."""
    if not supporters:
        return {}
    rows = await tx.execute(_ADD_SUPPORTERS, _increments(supporters, "creator", "viewer"))
    return {(row.creator, row.viewer): (row.gifts, row.coins) for row in rows}


_ADD_SUPPORTERS = text(f"""
    INSERT INTO supporters (creator, viewer, gifts, coins, first_at)
    SELECT creator, viewer, gifts, coins, coalesce(first_at, 'infinity')
    FROM {unnest(tables.Supporter, "creator", "viewer", "gifts", "coins", "first_at")}
    ON CONFLICT (creator, viewer) DO UPDATE
    SET gifts = supporters.gifts + excluded.gifts, coins = supporters.coins + excluded.coins,
        first_at = least(supporters.first_at, excluded.first_at)
    RETURNING creator, viewer, gifts, coins
""")


async def add_gifters(
    tx: Transaction, gifters: Mapping[str, Increment], open_coins: Mapping[str, int]
) -> dict[str, Gifter]:
    """Add to what viewers gave in all, and of that openly; return the new sums."""
    if not gifters:
        return {}
    names = sorted(gifters)
    rows = await tx.execute(
        _ADD_GIFTERS,
        {
            "viewer": names,
            **arrays([gifters[name] for name in names], "gifts", "coins"),
            "open_coins": [open_coins.get(name, 0) for name in names],
        },
    )
    return {row.viewer: _gifter(row) for row in rows}


_ADD_GIFTERS = insert_rows(
    tables.Gifter,
    *("viewer", "gifts", "coins", "open_coins"),
    then="""
        ON CONFLICT (viewer) DO UPDATE
        SET gifts = gifters.gifts + excluded.gifts, coins = gifters.coins + excluded.coins,
            open_coins = gifters.open_coins + excluded.open_coins
        RETURNING viewer, coins, level, revision, open_coins
    """,
)


async def save_levels(tx: Transaction, gifters: Sequence[Gifter]) -> None:
    if gifters:
        await tx.execute(_SAVE_LEVELS, arrays(gifters, "viewer", "level", "revision"))


_SAVE_LEVELS = update_rows(tables.Gifter, ("viewer",), ("level", "revision"))


def _keys(keys: Sequence[tuple[str, ...]], *columns: str) -> dict[str, list[Any]]:
    return {
        column: list(values)
        for column, values in zip(columns, zip(*keys, strict=True), strict=True)
    }


def _increments(increments: Mapping[Key, Increment], *columns: str) -> dict[str, list[Any]]:
    """Return keys and increments as arrays, sorted by key: locks are taken in that order."""
    keys = sorted(increments)
    ordered = [increments[key] for key in keys]
    return {**_keys(keys, *columns), **arrays(ordered, "gifts", "coins", "first_at")}
