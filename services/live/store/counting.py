"""Gifts, and what they add to: rooms, scores, totals, supporters, gifters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.live.domain.gifts import (
    Added,
    Gift,
    LotKey,
    Reversal,
    Room,
    ScoreKey,
    SupporterKey,
    TotalKey,
)
from shared.postgres.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Gifter:
    """
    What a viewer gave in all, and of that openly.

    `level` and `revision` are what was announced of all; others see the level of `open_coins`.
    """

    viewer: str
    coins: int
    level: int
    revision: int
    open_coins: int = 0


async def lock_rooms(tx: Transaction, rooms: Iterable[str]) -> dict[str, Room]:
    """Read rooms and keep them still, opening those that are new; locked in sorted order."""
    names = sorted(set(rooms))
    if not names:
        return {}
    await tx.execute(_ENSURE_ROOMS, {"rooms": names})
    rows = await tx.execute(_LOCK_ROOMS, {"rooms": names})
    return {
        row.room: Room(row.room, row.sequence, row.gifts, row.coins, row.last_sent_at)
        for row in rows
    }


async def lock_roomless(tx: Transaction, gifts: Iterable[UUID]) -> None:
    """Keep what is heard of gifts outside of rooms still, which no room's lock does."""
    ordered = sorted(set(gifts))
    if ordered:
        await tx.execute(_LOCK_ROOMLESS, {"gifts": ordered})


async def room(tx: Transaction, name: str) -> Room:
    """Return a room's totals; a room nobody gave in yet has none."""
    row = (await tx.execute(_ROOM, {"room": name})).first()
    return Room(name, row.sequence, row.gifts, row.coins) if row else Room(name)


@dataclass(frozen=True, slots=True)
class Counted:
    """
    A gift that was just counted.

    It is new if it was not counted, and shown, in a counting before. `message` is what was decided
    about its message if anything `is_decided`.
    """

    is_new: bool
    is_decided: bool
    message: str | None


async def count_gifts(
    tx: Transaction, gifts: Iterable[Gift], *, counting: int
) -> dict[UUID, Counted]:
    """Remember the gifts that were not counted in this counting, and return those."""
    ordered = sorted(gifts, key=lambda gift: gift.gift)
    if not ordered:
        return {}
    rows = await tx.execute(
        _COUNT_GIFTS,
        {
            "gifts": [gift.gift for gift in ordered],
            "rooms": [gift.room for gift in ordered],
            "viewers": [gift.viewer for gift in ordered],
            "creators": [gift.creator for gift in ordered],
            "coins": [gift.coins for gift in ordered],
            "anonymous": [gift.anonymous for gift in ordered],
            "sent_at": [gift.sent_at for gift in ordered],
            "streams": [gift.stream for gift in ordered],
            "belong": [gift.belongs for gift in ordered],
            "counting": counting,
        },
    )
    return {
        row.gift: Counted(row.is_new, row.decision is not None, (row.decision or {}).get("message"))
        for row in rows
    }


async def find_gifts(tx: Transaction, gifts: Iterable[UUID]) -> dict[UUID, Gift]:
    """Return those of the gifts that were counted, and are not to be counted again."""
    asked = list(gifts)
    if not asked:
        return {}
    return {row.gift: _gift(row) for row in await tx.execute(_FIND_GIFTS, {"gifts": asked})}


async def find_reversals(tx: Transaction, gifts: Iterable[UUID]) -> dict[LotKey, tuple[int, int]]:
    """Return the (revision, coins) heard of gifts, by the lot that had paid."""
    rows = await tx.execute(_FIND_REVERSALS, {"gifts": list(gifts)})
    return {(row.gift, row.lot): (row.revision, row.reversed_coins) for row in rows}


async def save_reversals(tx: Transaction, reversals: Iterable[Reversal]) -> None:
    told = list(reversals)
    if told:
        await tx.execute(
            _SAVE_REVERSALS,
            {
                "gifts": [reversal.gift for reversal in told],
                "lots": [reversal.lot for reversal in told],
                "rooms": [reversal.room for reversal in told],
                "revisions": [reversal.revision for reversal in told],
                "coins": [reversal.reversed_coins for reversal in told],
            },
        )


async def save_rooms(tx: Transaction, rooms: Iterable[Room]) -> None:
    changed = list(rooms)
    if changed:
        await tx.execute(
            _SAVE_ROOMS,
            {
                "rooms": [room.room for room in changed],
                "sequences": [room.sequence for room in changed],
                "gifts": [room.gifts for room in changed],
                "coins": [room.coins for room in changed],
                "last_sent_at": [room.last_sent_at for room in changed],
            },
        )


async def add_scores(tx: Transaction, scores: Mapping[ScoreKey, Added]) -> set[ScoreKey]:
    """Add to scores; return those who had none before."""
    if not scores:
        return set()
    keys = sorted(scores)
    rows = await tx.execute(
        _ADD_SCORES,
        {
            "rooms": [room for room, _, _ in keys],
            "periods": [period for _, period, _ in keys],
            "viewers": [viewer for _, _, viewer in keys],
            **_added([scores[key] for key in keys]),
        },
    )
    found = {(row.room, row.period, row.viewer): row.gifts for row in rows}
    return {key for key, gifts in found.items() if gifts == scores[key].gifts}


async def lower_scores(tx: Transaction, scores: Mapping[ScoreKey, int]) -> None:
    if scores:
        keys = sorted(scores)
        await tx.execute(
            _LOWER_SCORES,
            {
                "rooms": [room for room, _, _ in keys],
                "periods": [period for _, period, _ in keys],
                "viewers": [viewer for _, _, viewer in keys],
                "coins": [scores[key] for key in keys],
            },
        )


async def add_totals(
    tx: Transaction, totals: Mapping[TotalKey, Added], gifters: Mapping[TotalKey, int]
) -> None:
    """Add to what rooms were given in each period, and by how many."""
    if totals:
        keys = sorted(totals)
        await tx.execute(
            _ADD_TOTALS,
            {
                "rooms": [room for room, _ in keys],
                "periods": [period for _, period in keys],
                "gifts": [totals[key].gifts for key in keys],
                "coins": [totals[key].coins for key in keys],
                "gifters": [gifters.get(key, 0) for key in keys],
            },
        )


async def add_supporters(
    tx: Transaction, supporters: Mapping[SupporterKey, Added]
) -> dict[SupporterKey, tuple[int, int]]:
    """Add to what creators were given by whom; return the (gifts, coins) it comes to."""
    if not supporters:
        return {}
    keys = sorted(supporters)
    rows = await tx.execute(
        _ADD_SUPPORTERS,
        {
            "creators": [creator for creator, _ in keys],
            "viewers": [viewer for _, viewer in keys],
            **_added([supporters[key] for key in keys]),
        },
    )
    return {(row.creator, row.viewer): (row.gifts, row.coins) for row in rows}


async def add_gifters(
    tx: Transaction, gifters: Mapping[str, Added], openly: Mapping[str, int]
) -> dict[str, Gifter]:
    """Add to what viewers gave in all, and of that openly; return what it comes to."""
    if not gifters:
        return {}
    names = sorted(gifters)
    rows = await tx.execute(
        _ADD_GIFTERS,
        {
            "viewers": names,
            "gifts": [gifters[name].gifts for name in names],
            "coins": [gifters[name].coins for name in names],
            "openly": [openly.get(name, 0) for name in names],
        },
    )
    return {row.viewer: Gifter(*row) for row in rows}


async def save_levels(tx: Transaction, gifters: Sequence[Gifter]) -> None:
    if gifters:
        await tx.execute(
            _SAVE_LEVELS,
            {
                "viewers": [gifter.viewer for gifter in gifters],
                "levels": [gifter.level for gifter in gifters],
                "revisions": [gifter.revision for gifter in gifters],
            },
        )


def _added(rows: Sequence[Added]) -> dict[str, list[Any]]:
    return {
        "gifts": [row.gifts for row in rows],
        "coins": [row.coins for row in rows],
        "first": [row.first_at for row in rows],
    }


def _gift(row: Row) -> Gift:
    return Gift(
        gift=row.gift,
        room=row.room,
        viewer=row.viewer,
        creator=row.creator,
        anonymous=row.anonymous,
        coins=row.coins,
        sent_at=row.sent_at,
        stream=row.stream,
        belongs=row.belongs,
    )


_ENSURE_ROOMS = text("""
    INSERT INTO rooms (room)
    SELECT room FROM unnest(CAST(:rooms AS text[])) WITH ORDINALITY AS new (room, position)
    ORDER BY position
    ON CONFLICT DO NOTHING
""")
_LOCK_ROOMS = text("""
    SELECT room, sequence, gifts, coins, last_sent_at FROM rooms
    WHERE room = ANY(CAST(:rooms AS text[])) ORDER BY room FOR UPDATE
""")
_ROOM = text("SELECT sequence, gifts, coins FROM rooms WHERE room = :room")
_LOCK_ROOMLESS = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('gift:' || gift, 0))
    FROM unnest(CAST(:gifts AS uuid[])) WITH ORDINALITY AS asked (gift, position)
    ORDER BY position
""")
_COUNT_GIFTS = text("""
    INSERT INTO gifts (
        gift, room, viewer, creator, coins, anonymous, sent_at, stream, belongs, born, counted
    )
    SELECT new.*, CAST(:counting AS integer), CAST(:counting AS integer) FROM unnest(
        CAST(:gifts AS uuid[]), CAST(:rooms AS text[]), CAST(:viewers AS text[]),
        CAST(:creators AS text[]), CAST(:coins AS bigint[]), CAST(:anonymous AS boolean[]),
        CAST(:sent_at AS timestamptz[]), CAST(:streams AS uuid[]), CAST(:belong AS boolean[])
    ) AS new
    ON CONFLICT (gift) DO UPDATE
    SET counted = excluded.counted, viewer = excluded.viewer, stream = excluded.stream,
        belongs = excluded.belongs
        WHERE gifts.counted < excluded.counted
    RETURNING gift, born = counted AS is_new,
        (SELECT to_jsonb(messages) FROM messages WHERE messages.gift = gifts.gift) AS decision
""")
_FIND_GIFTS = text("""
    SELECT gift, room, viewer, creator, coins, anonymous, sent_at, stream, belongs FROM gifts
    WHERE gift = ANY(CAST(:gifts AS uuid[]))
      AND counted = coalesce((SELECT counting FROM rebuilds), 0)
""")
_FIND_REVERSALS = text("""
    SELECT gift, lot, revision, reversed_coins FROM reversals
    WHERE gift = ANY(CAST(:gifts AS uuid[]))
""")
_SAVE_REVERSALS = text("""
    INSERT INTO reversals (gift, lot, room, revision, reversed_coins)
    SELECT * FROM unnest(
        CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]), CAST(:rooms AS text[]),
        CAST(:revisions AS bigint[]), CAST(:coins AS bigint[])
    )
    ON CONFLICT (gift, lot) DO UPDATE
    SET revision = excluded.revision, reversed_coins = excluded.reversed_coins
""")
_SAVE_ROOMS = text("""
    UPDATE rooms SET sequence = new.sequence, gifts = new.gifts, coins = new.coins,
        last_sent_at = new.last_sent_at
    FROM unnest(
        CAST(:rooms AS text[]), CAST(:sequences AS bigint[]), CAST(:gifts AS bigint[]),
        CAST(:coins AS bigint[]), CAST(:last_sent_at AS timestamptz[])
    ) AS new (room, sequence, gifts, coins, last_sent_at)
    WHERE rooms.room = new.room
""")
# Who was not there before has, afterwards, as many gifts as were added.
_ADD_SCORES = text("""
    INSERT INTO scores (room, period, viewer, gifts, coins, first_at)
    SELECT * FROM unnest(
        CAST(:rooms AS text[]), CAST(:periods AS text[]), CAST(:viewers AS text[]),
        CAST(:gifts AS bigint[]), CAST(:coins AS bigint[]), CAST(:first AS timestamptz[])
    )
    ON CONFLICT (room, period, viewer) DO UPDATE
    SET gifts = scores.gifts + excluded.gifts, coins = scores.coins + excluded.coins,
        first_at = least(scores.first_at, excluded.first_at)
    RETURNING room, period, viewer, gifts
""")
_LOWER_SCORES = text("""
    UPDATE scores SET coins = scores.coins + new.coins
    FROM unnest(
        CAST(:rooms AS text[]), CAST(:periods AS text[]), CAST(:viewers AS text[]),
        CAST(:coins AS bigint[])
    ) AS new (room, period, viewer, coins)
    WHERE scores.room = new.room AND scores.period = new.period AND scores.viewer = new.viewer
""")
_ADD_TOTALS = text("""
    INSERT INTO totals (room, period, gifts, coins, gifters)
    SELECT * FROM unnest(
        CAST(:rooms AS text[]), CAST(:periods AS text[]), CAST(:gifts AS bigint[]),
        CAST(:coins AS bigint[]), CAST(:gifters AS bigint[])
    )
    ON CONFLICT (room, period) DO UPDATE
    SET gifts = totals.gifts + excluded.gifts, coins = totals.coins + excluded.coins,
        gifters = totals.gifters + excluded.gifters
""")
_ADD_SUPPORTERS = text("""
    INSERT INTO supporters (creator, viewer, gifts, coins, first_at)
    SELECT creator, viewer, gifts, coins, coalesce(first_at, 'infinity') FROM unnest(
        CAST(:creators AS text[]), CAST(:viewers AS text[]), CAST(:gifts AS bigint[]),
        CAST(:coins AS bigint[]), CAST(:first AS timestamptz[])
    ) AS new (creator, viewer, gifts, coins, first_at)
    ON CONFLICT (creator, viewer) DO UPDATE
    SET gifts = supporters.gifts + excluded.gifts, coins = supporters.coins + excluded.coins,
        first_at = least(supporters.first_at, excluded.first_at)
    RETURNING creator, viewer, gifts, coins
""")
_ADD_GIFTERS = text("""
    INSERT INTO gifters (viewer, gifts, coins, open_coins)
    SELECT * FROM unnest(
        CAST(:viewers AS text[]), CAST(:gifts AS bigint[]), CAST(:coins AS bigint[]),
        CAST(:openly AS bigint[])
    )
    ON CONFLICT (viewer) DO UPDATE
    SET gifts = gifters.gifts + excluded.gifts, coins = gifters.coins + excluded.coins,
        open_coins = gifters.open_coins + excluded.open_coins
    RETURNING viewer, coins, level, revision, open_coins
""")
_SAVE_LEVELS = text("""
    UPDATE gifters SET level = new.level, revision = new.revision
    FROM unnest(
        CAST(:viewers AS text[]), CAST(:levels AS smallint[]), CAST(:revisions AS bigint[])
    ) AS new (viewer, level, revision)
    WHERE gifters.viewer = new.viewer
""")
