"""
The hub hands the entries of rooms to all watchers of this process, as gifts come.

What this process counted is handed out from memory at once. What other instances counted is read
for all watched rooms in one query when they commit, and with it a bounded part of missed entries
(catch_up.py). Watchers of one format share the same bytes; those that keep up have them written to
their connections in one loop, without a task to wake. A watcher that cannot keep up gets only
the greatest step of each combo (backlog.py); if that is too much as well, it is let go and resumes
where it was. No other watcher waits for it.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import groupby

import structlog

from services.live.api.catch_up import CatchUp
from services.live.api.feed_formats import Event, FeedFormat
from services.live.api.watchers import Watcher
from services.live.domain.feed import FEEDS_MAX, TooManyFeeds
from services.live.store.feed import (
    FEED_TOPIC,
    Entry,
    Position,
    read_entries,
    read_newest_sequence,
)
from shared.http.connection import Connection, framed
from shared.postgres.database import Database, is_unavailable
from shared.postgres.wakeups import stopped_by, wait

log = structlog.get_logger()

# Other instances wake us when they commit; what they could not tell is found by looking.
LOOK_SECONDS = 1.0
# However many wake us, and however many entries were missed.
BETWEEN_LOOKS_SECONDS = 0.01
# How far back a watcher may begin. One that asks for more gets a `reset`, and begins there.
PAST_MAX = 1_000
RESET = "reset"
# Entries of one room read at a time; a watcher further behind catches up in several rounds.
ROUND_MAX = 200
BEAT_EVERY_SECONDS = 2.0
# A watcher that was let go and does not even take the end of its stream is cut off.
CUT_OFF_SECONDS = 10.0


class Hub:
    """All watchers of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rooms: dict[str, set[Watcher]] = {}
        # The newest entry that is known of each watched room.
        self._newest: dict[str, int] = {}
        self._feeds: Counter[str] = Counter()
        self._catch_up = CatchUp()
        # Another instance has committed entries, or a watcher here is behind.
        self._woken = asyncio.Event()
        self._stopped = False

    @asynccontextmanager
    async def watch(
        self,
        room: str,
        *,
        after: int | None,
        last: int,
        format_: FeedFormat | None = None,
        connection: Connection | None = None,
        viewer: str | None = None,
    ) -> AsyncIterator[Watcher]:
        """
        Watch a room from a position; without one from now on, and the `last` few before.

        We never gave out a position ahead of the room: it means now, and must not reach the query
        of all rooms. A watcher too far behind begins later, with a `reset`.
        """
        with self._one_more_feed_of(viewer):
            async with self._database.transaction() as tx:
                newest = await read_newest_sequence(tx, room)
            earliest = max(0, newest - PAST_MAX)
            position = max(0, newest - last) if after is None else min(after, newest)
            watcher = Watcher(
                room, max(position, earliest), format_ or FeedFormat(), connection, viewer
            )
            if position < earliest:
                watcher.hand_over(_reset(asked=position, begins=earliest))
            self._newest[room] = max(newest, self._newest.get(room, 0))
            self._rooms.setdefault(room, set()).add(watcher)
            if self._stopped:
                watcher.let_go()
            # For what is before, and for what came since the newest one was read.
            self._woken.set()
            try:
                yield watcher
            finally:
                watchers = self._rooms[room]
                watchers.discard(watcher)
                if not watchers:
                    del self._rooms[room], self._newest[room]

    @contextmanager
    def _one_more_feed_of(self, viewer: str | None) -> Iterator[None]:
        """Count the feeds of a viewer, under all their tokens; refuse one too many."""
        if viewer is None:
            yield
            return
        if self._feeds[viewer] >= FEEDS_MAX:
            raise TooManyFeeds(feeds_max=FEEDS_MAX)
        self._feeds[viewer] += 1
        try:
            yield
        finally:
            self._feeds[viewer] -= 1
            if not self._feeds[viewer]:
                del self._feeds[viewer]

    def show(self, entries: Sequence[Entry]) -> None:
        """Hand out what was just committed here; watchers further behind read it later."""
        for room, added in groupby(sorted(entries, key=_position), key=lambda entry: entry.room):
            if room in self._rooms:
                self._give(room, list(added))

    async def run(self, stopping: asyncio.Event) -> None:
        """Hand out what is new until we stop; then end every stream."""
        beating = asyncio.create_task(self._beat(stopping))
        self._database.wakeups.follow(self._woken, {FEED_TOPIC})
        async with stopped_by(stopping, self._woken):
            while not stopping.is_set():
                self._woken.clear()
                more = await self._look()
                await asyncio.sleep(BETWEEN_LOOKS_SECONDS)
                if not more:
                    await wait(self._woken, LOOK_SECONDS)
        self._database.wakeups.leave(self._woken)
        # Watchers on the way in end as well: no task would hand them anything.
        self._stopped = True
        for watcher in self._watchers():
            watcher.let_go()
        await beating

    async def _look(self) -> bool:
        """Hand out one round, if the database answers; return whether a watcher is behind."""
        try:
            return await self._hand_out()
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("feed.unavailable", error=repr(error)[:200])
            return False

    async def _hand_out(self) -> bool:
        """Read one round for all rooms; return whether a watcher is still behind."""
        heads, behind = self._readers()
        missed = self._catch_up.choose(behind, self._newest) if behind else []
        if not heads and not missed:
            return False
        async with self._database.transaction() as tx:
            entries = await read_entries(tx, [*heads, *missed], limit=ROUND_MAX)
        read: set[Position] = set()
        more = len(behind) > len(missed)
        for position, found in groupby(entries, key=lambda one: (one.entry.room, one.after)):
            read.add(position)
            new = [one.entry for one in found]
            more = more or len(new) == ROUND_MAX
            if position[0] in self._rooms:
                self._give(position[0], new)
        for room, sequence in set(missed) - read:
            # Nothing follows: it is not behind.
            if room in self._newest:
                self._newest[room] = sequence
        return more

    def _readers(self) -> tuple[list[Position], list[Watcher]]:
        """Return the positions after which no entry is known yet, and the watchers behind those."""
        heads, behind = [], []
        for room, watchers in self._rooms.items():
            newest, furthest = self._newest[room], -1
            for watcher in watchers:
                if watcher.gone:
                    continue
                if watcher.position < newest:
                    behind.append(watcher)
                elif watcher.position > furthest:
                    furthest = watcher.position
            if furthest >= 0:
                heads.append((room, furthest))
        return heads, behind

    def _give(self, room: str, entries: Sequence[Entry]) -> None:
        """Hand entries that follow each other to every watcher that needs them next."""
        first, last = entries[0].sequence, entries[-1].sequence
        self._newest[room] = max(last, self._newest[room])
        written: dict[tuple[FeedFormat, int], tuple[list[Event], bytes]] = {}
        for watcher in self._rooms.get(room, ()):
            position = watcher.position
            if position >= last or watcher.gone:
                continue
            if position + 1 < first:
                # Another instance counted what is between.
                self._woken.set()
                continue
            key = (watcher.format, position)
            if key not in written:
                events = watcher.format.write(entries[max(0, position + 1 - first) :])
                chunk = b"".join([event.written for event in events])
                written[key] = events, framed(chunk) if chunk else b""
            events, in_frame = written[key]
            watcher.position = last
            if events:
                watcher.take(events, in_frame)

    async def _beat(self, stopping: asyncio.Event) -> None:
        """Give signs of life in quiet rooms, and cut off watchers that take no end."""
        while not stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), BEAT_EVERY_SECONDS)
            now = asyncio.get_running_loop().time()
            for watcher in list(self._watchers()):
                if not watcher.gone:
                    watcher.beat(now)
                elif now - watcher.let_go_at >= CUT_OFF_SECONDS:
                    watcher.cut_off()

    def _watchers(self) -> Iterable[Watcher]:
        return (watcher for watchers in self._rooms.values() for watcher in watchers)


def _reset(*, asked: int, begins: int) -> bytes:
    """Return the event that says where a watcher begins, later than it asked for."""
    data = json.dumps({"asked_after": str(asked), "begins_after": str(begins)})
    return f"event: {RESET}\nid: {begins}\ndata: {data}\n\n".encode()


def _position(entry: Entry) -> Position:
    return entry.room, entry.sequence
