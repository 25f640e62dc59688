"""
Wakes what waits for a commit: in this process at once, in other processes by NOTIFY.

A commit wakes topics, `outbox.3` or `refunds`. A task owns topics while no other process does
their work, or follows topics to see what other processes commit. NOTIFY goes out after the
commit, on a session of its own: inside a transaction it would let all commits of the server wait
for each other. A wake-up may be lost with a process or a session, so a task that waits for one
also looks now and then by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

CHANNEL = "wakeups"
# How often an idle session is used, so that a dead server is noticed.
CHECK_SECONDS = 10.0


class Woken(asyncio.Event):
    """An event that knows which topics have set it; none, if something else has."""

    def __init__(self) -> None:
        super().__init__()
        self._topics: set[str] = set()

    def note(self, topics: Iterable[str]) -> None:
        self._topics.update(topics)

    def take(self) -> set[str]:
        """Return the topics since the last time, and wait for others."""
        self.clear()
        topics, self._topics = self._topics, set()
        return topics


class Wakeups:
    """The tasks of this process that wait for commits, and the session to other processes."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
        self._connect = connect
        self._owners: dict[asyncio.Event, frozenset[str]] = {}
        self._followers: dict[asyncio.Event, frozenset[str]] = {}
        self._unsent: set[str] = set()
        self._changed = asyncio.Event()

    def own(self, event: asyncio.Event, topics: Iterable[str]) -> None:
        """Set the event when a topic is woken; other processes need not know of our commits."""
        self._owners[event] = frozenset(topics)

    def follow(self, event: asyncio.Event, topics: Iterable[str]) -> None:
        """Set the event when another process wakes a topic."""
        self._followers[event] = frozenset(topics)

    def leave(self, event: asyncio.Event) -> None:
        """Set the event no more."""
        self._owners.pop(event, None)
        self._followers.pop(event, None)

    def wake(self, topics: set[str]) -> None:
        """Wake the owners of topics, and in other processes also their followers."""
        _set(self._owners, topics)
        if others := topics.difference(*self._owners.values()):
            self._unsent |= others
            self._changed.set()

    async def exchange(self, stopping: asyncio.Event) -> None:
        """Send and receive wake-ups until we stop; raises when the session breaks."""
        db = await self._connect()
        db.add_termination_listener(lambda _: self._changed.set())
        try:
            await db.add_listener(CHANNEL, self._receive)
            # What was sent while no session listened is lost.
            for event in (*self._owners, *self._followers):
                event.set()
            async with stopped_by(stopping, self._changed):
                while not stopping.is_set():
                    self._changed.clear()
                    await self._send(db)
                    await wait(self._changed, CHECK_SECONDS)
        finally:
            db.terminate()

    async def _send(self, db: asyncpg.Connection) -> None:
        topics, self._unsent = self._unsent, set()
        try:
            if topics:
                await db.execute("SELECT pg_notify($1, $2)", CHANNEL, " ".join(sorted(topics)))
            else:
                await db.execute("SELECT 1")
        except BaseException:
            self._unsent |= topics
            raise

    def _receive(self, db: Any, sender: int, _channel: str, payload: object) -> None:
        if sender != db.get_server_pid():
            topics = set(str(payload).split())
            _set(self._owners, topics)
            _set(self._followers, topics)


def _set(events: dict[asyncio.Event, frozenset[str]], topics: set[str]) -> None:
    for event, wanted in events.items():
        if not wanted.isdisjoint(topics):
            if isinstance(event, Woken):
                event.note(wanted & topics)
            event.set()


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not longer than some seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


@asynccontextmanager
async def stopped_by(stopping: asyncio.Event, event: asyncio.Event) -> AsyncIterator[None]:
    """Set the event when we stop, so that a task has to wait for one event only."""

    async def pass_on() -> None:
        await stopping.wait()
        event.set()

    passing = asyncio.create_task(pass_on())
    try:
        yield
    finally:
        passing.cancel()
