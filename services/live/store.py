"""Every statement the live service sends to PostgreSQL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text

from services.live.domain import Room, Tally
from shared.database import Transaction


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a room's feed; `shown` is JSON."""

    room: str
    sequence: int
    shown: str


@dataclass(frozen=True, slots=True)
class Top:
    """A viewer who gave much."""

    viewer: str
    coins: int
    gifts: int


@dataclass(frozen=True, slots=True)
class Books:
    """All rooms in three numbers."""

    rooms: int
    gifts: int
    coins: int


async def lock_rooms(tx: Transaction, rooms: Iterable[str]) -> dict[str, Room]:
    """Read rooms and keep them still, opening those that are new; locked in sorted order."""
    names = sorted(set(rooms))
    await tx.execute(_ENSURE, {"rooms": names})
    rows = await tx.execute(_LOCK, {"rooms": names})
    return {row.room: Room(row.room, row.sequence, row.gifts, row.coins) for row in rows}


async def known(tx: Transaction, gifts: Iterable[tuple[str, UUID]]) -> set[tuple[str, UUID]]:
    """Return which gifts are in their room's feed already; the rooms are locked."""
    asked = list(gifts)
    rows = await tx.execute(
        _KNOWN, {"rooms": [room for room, _ in asked], "gifts": [gift for _, gift in asked]}
    )
    return {(row.room, row.gift) for row in rows}


async def reversals(
    tx: Transaction, gifts: Iterable[tuple[str, UUID]]
) -> dict[tuple[str, UUID, UUID], tuple[int, int]]:
    """Return the (revision, coins) heard of gifts, by the lot that had paid; rooms are locked."""
    asked = list(gifts)
    rows = await tx.execute(
        _REVERSALS, {"rooms": [room for room, _ in asked], "gifts": [gift for _, gift in asked]}
    )
    return {(row.room, row.gift, row.lot): (row.revision, row.reversed_coins) for row in rows}


async def take_back(
    tx: Transaction,
    rooms: Iterable[Room],
    known: Mapping[tuple[str, UUID, UUID], tuple[int, int]],
    scores: Mapping[tuple[str, str], int],
) -> None:
    """Write what stands reversed, and what rooms and viewers come to by it."""
    await tx.execute(
        _SAVE_REVERSALS,
        {
            "rooms": [room for room, _, _ in known],
            "gifts": [gift for _, gift, _ in known],
            "lots": [lot for _, _, lot in known],
            "revisions": [revision for revision, _ in known.values()],
            "coins": [coins for _, coins in known.values()],
        },
    )
    changed = list(rooms)
    await tx.execute(
        _UPDATE_ROOMS,
        {
            "rooms": [room.room for room in changed],
            "sequences": [room.sequence for room in changed],
            "gifts": [room.gifts for room in changed],
            "coins": [room.coins for room in changed],
        },
    )
    if scores:
        keys = sorted(scores)
        await tx.execute(
            _CHANGE_SCORES,
            {
                "rooms": [room for room, _ in keys],
                "viewers": [viewer for _, viewer in keys],
                "coins": [scores[key] for key in keys],
            },
        )


async def write(tx: Transaction, rooms: Iterable[Room], added: Tally) -> None:
    changed = list(rooms)
    await tx.execute(
        _UPDATE_ROOMS,
        {
            "rooms": [room.room for room in changed],
            "sequences": [room.sequence for room in changed],
            "gifts": [room.gifts for room in changed],
            "coins": [room.coins for room in changed],
        },
    )
    await tx.execute(
        _ADD_ENTRIES,
        {
            "rooms": [gift.room for gift, _ in added.entries],
            "sequences": [sequence for _, sequence in added.entries],
            "gifts": [gift.gift for gift, _ in added.entries],
            "shown": [to_json(gift.shown).decode() for gift, _ in added.entries],
        },
    )
    if added.scores:
        scores = [added.scores[key] for key in sorted(added.scores)]
        await tx.execute(
            _ADD_SCORES,
            {
                "rooms": [score.room for score in scores],
                "viewers": [score.viewer for score in scores],
                "gifts": [score.gifts for score in scores],
                "coins": [score.coins for score in scores],
                "first": [score.first_at for score in scores],
            },
        )


async def room(tx: Transaction, name: str) -> Room:
    """Return a room's totals; a room nobody gave in yet has none."""
    row = (await tx.execute(_ROOM, {"room": name})).first()
    return Room(name, row.sequence, row.gifts, row.coins) if row else Room(name)


async def top_gifters(tx: Transaction, name: str, *, limit: int) -> list[Top]:
    """Return who gave most in a room; of equals, who came first."""
    rows = await tx.execute(_TOP, {"room": name, "limit": limit})
    return [Top(row.viewer, row.coins, row.gifts) for row in rows]


async def entries_after(
    tx: Transaction, positions: Mapping[str, int], *, limit: int
) -> list[Entry]:
    """Return what came in each room after a position, in order, at most `limit` a room."""
    parameters: dict[str, Any] = {
        "rooms": list(positions),
        "after": list(positions.values()),
        "limit": limit,
    }
    rows = await tx.execute(_AFTER, parameters)
    return [Entry(row.room, row.sequence, row.shown) for row in rows]


async def forget_everything(tx: Transaction) -> None:
    """Empty the tables that follow from events, and forget that any was heard."""
    await tx.execute(_FORGET_ROOMS)
    await tx.execute(_FORGET_HEARD)


async def books(tx: Transaction) -> Books:
    return Books(*(await tx.execute(_BOOKS)).one())


_ENSURE = text("""
    INSERT INTO rooms (room)
    SELECT room FROM unnest(CAST(:rooms AS text[])) WITH ORDINALITY AS new (room, position)
    ORDER BY position
    ON CONFLICT DO NOTHING
""")
_LOCK = text("""
    SELECT room, sequence, gifts, coins FROM rooms
    WHERE room = ANY(CAST(:rooms AS text[])) ORDER BY room FOR UPDATE
""")
_KNOWN = text("""
    SELECT feed.room, feed.gift FROM feed
    JOIN unnest(CAST(:rooms AS text[]), CAST(:gifts AS uuid[])) AS asked (room, gift)
        USING (room, gift)
""")
_UPDATE_ROOMS = text("""
    UPDATE rooms SET sequence = new.sequence, gifts = new.gifts, coins = new.coins
    FROM unnest(
        CAST(:rooms AS text[]), CAST(:sequences AS bigint[]),
        CAST(:gifts AS bigint[]), CAST(:coins AS bigint[])
    ) AS new (room, sequence, gifts, coins)
    WHERE rooms.room = new.room
""")
_ADD_ENTRIES = text("""
    INSERT INTO feed (room, sequence, gift, shown)
    SELECT room, sequence, gift, shown::jsonb
    FROM unnest(
        CAST(:rooms AS text[]), CAST(:sequences AS bigint[]),
        CAST(:gifts AS uuid[]), CAST(:shown AS text[])
    ) AS new (room, sequence, gift, shown)
""")
_ADD_SCORES = text("""
    INSERT INTO scores (room, viewer, gifts, coins, first_at)
    SELECT * FROM unnest(
        CAST(:rooms AS text[]), CAST(:viewers AS text[]), CAST(:gifts AS bigint[]),
        CAST(:coins AS bigint[]), CAST(:first AS timestamptz[])
    )
    ON CONFLICT (room, viewer) DO UPDATE
    SET gifts = scores.gifts + excluded.gifts, coins = scores.coins + excluded.coins,
        first_at = least(scores.first_at, excluded.first_at)
""")
_REVERSALS = text("""
    SELECT room, gift, lot, revision, reversed_coins FROM reversals
    JOIN unnest(CAST(:rooms AS text[]), CAST(:gifts AS uuid[])) AS asked (room, gift)
        USING (room, gift)
""")
_SAVE_REVERSALS = text("""
    INSERT INTO reversals (room, gift, lot, revision, reversed_coins)
    SELECT * FROM unnest(
        CAST(:rooms AS text[]), CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]),
        CAST(:revisions AS bigint[]), CAST(:coins AS bigint[])
    )
    ON CONFLICT (room, gift, lot) DO UPDATE
    SET revision = excluded.revision, reversed_coins = excluded.reversed_coins
""")
_CHANGE_SCORES = text("""
    UPDATE scores SET coins = scores.coins + new.coins
    FROM unnest(
        CAST(:rooms AS text[]), CAST(:viewers AS text[]), CAST(:coins AS bigint[])
    ) AS new (room, viewer, coins)
    WHERE scores.room = new.room AND scores.viewer = new.viewer
""")
_ROOM = text("SELECT sequence, gifts, coins FROM rooms WHERE room = :room")
_TOP = text("""
    SELECT viewer, coins, gifts FROM scores
    WHERE room = :room ORDER BY coins DESC, first_at, viewer LIMIT :limit
""")
_AFTER = text("""
    SELECT entry.room, entry.sequence, entry.shown
    FROM unnest(CAST(:rooms AS text[]), CAST(:after AS bigint[])) AS asked (room, after)
    CROSS JOIN LATERAL (
        SELECT feed.room, feed.sequence, feed.shown::text AS shown FROM feed
        WHERE feed.room = asked.room AND feed.sequence > asked.after
        ORDER BY feed.sequence LIMIT :limit
    ) AS entry
    ORDER BY entry.room, entry.sequence
""")
_FORGET_ROOMS = text("TRUNCATE rooms, feed, scores, reversals")
_FORGET_HEARD = text("DELETE FROM inbox WHERE queue = 'live.gifts'")
_BOOKS = text("""
    SELECT count(*), coalesce(sum(gifts), 0)::bigint, coalesce(sum(coins), 0)::bigint FROM rooms
""")
