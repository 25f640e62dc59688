"""
Rooms shown to those who watch, as gifts come.

What this process counted is handed out from memory at once; what others counted is read, for all
watched rooms in one query, and with it a bounded part of what those who are behind have missed
(backlog.py). Whoever wants to see the same shares the same bytes, and who keeps up
has them written to their connection in one loop, without a task to wake. A watcher who cannot
keep up is let go, and resumes where it was: nobody else waits for it.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import groupby

import structlog

from services.live.commands.backlog import Backlog, Place
from services.live.commands.views import View
from services.live.domain.feeds import FEEDS_MAX, TooManyFeeds
from services.live.store import feed
from services.live.store.feed import Entry
from shared.http.connection import Connection, framed
from shared.postgres.database import Database, is_unavailable

log = structlog.get_logger()

POLL_SECONDS = 0.05
# Between two rounds of the past, however much there is of it.
CATCH_UP_SECONDS = 0.01
BEHIND_MAX = 1_000
# How far back one may begin. Who asks for more is told so, and begins there.
PAST_MAX = 1_000
RESET = "reset"
# Entries of one room read at a time; a watcher further behind catches up in several rounds.
ROUND_MAX = 200
# A quiet stream gives a sign of life, well before anything between us and them gives up.
HEARTBEAT_SECONDS = 10.0
BEAT_EVERY_SECONDS = 2.0
HEARTBEAT = ": still here\n\n"
# Who was let go and does not even take the end of its stream is cut off.
CUT_OFF_SECONDS = 10.0


class Watcher:
    """Somebody who watches a room; `position` is the last entry handed over."""

    __slots__ = (
        "_behind",
        "_connection",
        "_pending",
        "_task",
        "_wake",
        "gone",
        "let_go_at",
        "moved_at",
        "position",
        "reader",
        "room",
        "view",
    )

    def __init__(
        self,
        room: str,
        position: int,
        view: View,
        connection: Connection | None,
        viewer: str | None = None,
    ) -> None:
        self.room = room
        # Whose turn it is to read the past.
        self.reader: object = viewer or self
        self._connection = connection
        self.position = position
        self.view = view
        self.gone = False
        self.moved_at = asyncio.get_running_loop().time()
        self.let_go_at = 0.0
        self._behind = 0
        self._pending: deque[bytes] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._task = asyncio.current_task()

    def take(self, chunk: bytes, in_frame: bytes, entries: int) -> None:
        """Write at once what others get as well; if that cannot be, hand it over."""
        if (
            self._connection is not None
            and self._wake is not None
            and not self._wake.done()
            and self._connection.write_chunk(in_frame)
        ):
            self.moved_at = asyncio.get_running_loop().time()
        else:
            self.hand_over(chunk, entries)

    def hand_over(self, chunk: bytes, entries: int) -> None:
        """Give this watcher something to write; let it go if it has too much of that already."""
        if self._behind + entries > BEHIND_MAX:
            self.let_go()
            return
        self._behind += entries
        self._pending.append(chunk)
        self._rouse()

    async def next(self) -> bytes | None:
        """Return all there is to write, once there is something; None at the end."""
        while not self._pending:
            if self.gone:
                return None
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        chunk = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._behind = 0
        self.moved_at = asyncio.get_running_loop().time()
        return chunk

    def let_go(self) -> None:
        """End this watcher's stream; what it has not read, it asks for again."""
        if not self.gone:
            self.gone = True
            self.let_go_at = asyncio.get_running_loop().time()
        self._pending.clear()
        self._rouse()

    def end_with(self, chunk: bytes) -> None:
        """End this watcher's stream after all it was handed, and this."""
        if not self.gone:
            self.gone = True
            self.let_go_at = asyncio.get_running_loop().time()
            self._pending.append(chunk)
            self._rouse()

    def cut_off(self) -> None:
        """Stop waiting for somebody who takes nothing any more."""
        if self._task is not None:
            self._task.cancel()

    def beat(self, now: float) -> None:
        if not self._pending and now - self.moved_at >= HEARTBEAT_SECONDS:
            # With where it is: who has heard nothing yet resumes there as well.
            self.hand_over(f"id: {self.position}\n{HEARTBEAT}".encode(), 0)

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Hub:
    """All watchers of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rooms: dict[str, set[Watcher]] = {}
        # The newest entry that is known of each watched room.
        self._newest: dict[str, int] = {}
        self._feeds: Counter[str] = Counter()
        self._backlog = Backlog()
        self._changed = asyncio.Event()
        self._stopped = False

    @asynccontextmanager
    async def watch(
        self,
        room: str,
        *,
        after: int | None,
        last: int,
        view: View | None = None,
        connection: Connection | None = None,
        viewer: str | None = None,
    ) -> AsyncIterator[Watcher]:
        """
        Watch a room from a position; without one from now on, and the `last` few before.

        A position ahead of the room is one we never gave out: it means now. It must not reach
        the query of all rooms as it is, where it would be everybody's problem. One that is too
        far behind begins later, and is told so.
        """
        with self._one_more_feed_of(viewer):
            async with self._database.transaction() as tx:
                newest = await feed.position(tx, room)
            earliest = max(0, newest - PAST_MAX)
            position = max(0, newest - last) if after is None else min(after, newest)
            watcher = Watcher(room, max(position, earliest), view or View(), connection, viewer)
            if position < earliest:
                watcher.hand_over(_reset(asked=position, begins=earliest), 0)
            self._newest[room] = max(newest, self._newest.get(room, 0))
            self._rooms.setdefault(room, set()).add(watcher)
            if self._stopped:
                watcher.let_go()
            self._changed.set()
            try:
                yield watcher
            finally:
                watchers = self._rooms[room]
                watchers.discard(watcher)
                if not watchers:
                    del self._rooms[room], self._newest[room]

    @contextmanager
    def _one_more_feed_of(self, viewer: str | None) -> Iterator[None]:
        """Count the feeds of a viewer, under whichever tokens; refuse one too many."""
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
        """Hand out what was just committed here; whoever is not yet there reads it later."""
        for room, added in groupby(sorted(entries, key=_place), key=lambda entry: entry.room):
            if room in self._rooms:
                self._give(room, list(added))

    async def run(self, stopping: asyncio.Event) -> None:
        """Hand out what is new until we stop; then end every stream."""
        beating = asyncio.create_task(self._beat(stopping))
        while not stopping.is_set():
            try:
                more = await self._hand_out()
            except Exception as error:
                if not is_unavailable(error):
                    raise
                log.warning("feed.unavailable", error=repr(error)[:200])
                more = False
            if more:
                await asyncio.sleep(CATCH_UP_SECONDS)
            else:
                await self._rest(stopping)
        # Whoever is on the way in ends as well: nobody would hand them anything.
        self._stopped = True
        for watcher in self._watchers():
            watcher.let_go()
        await beating

    async def _hand_out(self) -> bool:
        """Read one round for all rooms; return whether somebody is still behind."""
        heads, behind = self._readers()
        places = self._backlog.choose(behind, self._newest) if behind else []
        if not heads and not places:
            return False
        async with self._database.transaction() as tx:
            entries = await feed.after(tx, [*heads, *places], limit=ROUND_MAX)
        read: set[Place] = set()
        more = len(behind) > len(places)
        for place, found in groupby(entries, key=lambda one: (one.entry.room, one.after)):
            read.add(place)
            new = [one.entry for one in found]
            more = more or len(new) == ROUND_MAX
            if place[0] in self._rooms:
                self._give(place[0], new)
        for room, position in set(places) - read:
            # Nothing follows: it is not behind.
            if room in self._newest:
                self._newest[room] = position
        return more

    def _readers(self) -> tuple[list[Place], list[Watcher]]:
        """Return the places after which nothing is known to follow yet, and who is behind those."""
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
        """Hand entries that follow each other to everybody who is to see them next."""
        first, last = entries[0].sequence, entries[-1].sequence
        self._newest[room] = max(last, self._newest[room])
        written: dict[tuple[View, int], tuple[bytes, bytes]] = {}
        for watcher in self._rooms.get(room, ()):
            position = watcher.position
            if position >= last or position + 1 < first or watcher.gone:
                continue
            key = (watcher.view, position)
            if key not in written:
                chunk = watcher.view.write(entries[max(0, position + 1 - first) :])
                written[key] = chunk, framed(chunk) if chunk else b""
            chunk, in_frame = written[key]
            watcher.position = last
            if chunk:
                watcher.take(chunk, in_frame, last - position)

    async def _rest(self, stopping: asyncio.Event) -> None:
        """Wait for a moment, or, while nobody watches, for the first who does."""
        if self._rooms:
            await asyncio.sleep(POLL_SECONDS)
            return
        self._changed.clear()
        waits = [asyncio.ensure_future(event.wait()) for event in (self._changed, stopping)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _beat(self, stopping: asyncio.Event) -> None:
        """Give signs of life in quiet rooms, and cut off who takes no end."""
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
    """Say that what one asked for begins later, and lacks what was before."""
    told = json.dumps({"asked_after": str(asked), "begins_after": str(begins)})
    return f"event: {RESET}\nid: {begins}\ndata: {told}\n\n".encode()


def _place(entry: Entry) -> tuple[str, int]:
    return entry.room, entry.sequence
