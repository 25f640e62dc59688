"""
Rooms shown to those who watch, as gifts come.

One task reads the feeds of all watched rooms in one query and hands each watcher what is new. A
watcher who cannot keep up is let go, and resumes where it was: nobody else waits for it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from services.live import store
from services.live.store import Entry
from shared.database import Database, is_unavailable

log = structlog.get_logger()

POLL_SECONDS = 0.1
BEHIND_MAX = 1_000
# Entries of one room read at a time; a watcher further behind catches up in several rounds.
ROUND_MAX = 200


@dataclass(eq=False, slots=True)
class Watcher:
    """Somebody who watches a room; `position` is the last entry handed over."""

    room: str
    position: int
    entries: "asyncio.Queue[Entry | None]" = field(
        default_factory=lambda: asyncio.Queue(BEHIND_MAX + 1)
    )
    gone: bool = False

    def hand_over(self, entry: Entry) -> None:
        self.position = entry.sequence
        if self.entries.qsize() >= BEHIND_MAX:
            self.let_go()
        else:
            self.entries.put_nowait(entry)

    def let_go(self) -> None:
        """End this watcher's stream; what it has not read, it asks for again."""
        self.gone = True
        while not self.entries.empty():
            self.entries.get_nowait()
        self.entries.put_nowait(None)


class Hub:
    """All watchers of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: set[Watcher] = set()
        self._changed = asyncio.Event()
        self._stopped = False

    @asynccontextmanager
    async def watch(self, room: str, *, after: int | None, last: int) -> AsyncIterator[Watcher]:
        """
        Watch a room from a position; without one from now on, and the `last` few before.

        A position ahead of the room is one we never gave out: it means now. It must not reach
        the query of all rooms as it is, where it would be everybody's problem.
        """
        async with self._database.transaction() as tx:
            newest = (await store.room(tx, room)).sequence
        watcher = Watcher(room, max(0, newest - last) if after is None else min(after, newest))
        self._watchers.add(watcher)
        if self._stopped:
            watcher.let_go()
        self._changed.set()
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def run(self, stopping: asyncio.Event) -> None:
        """Hand out what is new until we stop; then end every stream."""
        while not stopping.is_set():
            try:
                more = await self._hand_out()
            except Exception as error:
                if not is_unavailable(error):
                    raise
                log.warning("feed.unavailable", error=repr(error)[:200])
                more = False
            if not more:
                await self._rest(stopping)
        # Whoever is on the way in ends as well: nobody would hand them anything.
        self._stopped = True
        for watcher in self._watchers:
            watcher.let_go()

    async def _hand_out(self) -> bool:
        """Read one round for all rooms; return whether some room has more."""
        watchers = [watcher for watcher in self._watchers if not watcher.gone]
        if not watchers:
            return False
        positions: dict[str, int] = {}
        for watcher in watchers:
            position = positions.get(watcher.room, watcher.position)
            positions[watcher.room] = min(position, watcher.position)
        async with self._database.transaction() as tx:
            entries = await store.entries_after(tx, positions, limit=ROUND_MAX)
        by_room: dict[str, list[Entry]] = {}
        for entry in entries:
            by_room.setdefault(entry.room, []).append(entry)
        for watcher in watchers:
            for entry in by_room.get(watcher.room, ()):
                if entry.sequence > watcher.position and not watcher.gone:
                    watcher.hand_over(entry)
        return any(len(found) == ROUND_MAX for found in by_room.values())

    async def _rest(self, stopping: asyncio.Event) -> None:
        """Wait for a moment, or, while nobody watches, for the first who does."""
        if self._watchers:
            await asyncio.sleep(POLL_SECONDS)
            return
        self._changed.clear()
        waits = [asyncio.ensure_future(event.wait()) for event in (self._changed, stopping)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
