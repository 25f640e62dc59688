"""One client of a feed: what is still to be written to its connection, and how it ends."""

import asyncio
from collections.abc import Sequence

from services.live.api.backlog import Backlog
from services.live.api.feed_formats import Event, FeedFormat
from shared.http.connection import Connection

# Events that may wait for a watcher; it is let go with more.
BEHIND_MAX = 1_000
# A quiet stream gives a sign of life, well before anything between us and the client gives up.
HEARTBEAT_SECONDS = 10.0
HEARTBEAT = ": still here\n\n"


class Watcher:
    """A client that watches a room; `position` is the last entry handed over."""

    __slots__ = (
        "_backlog",
        "_connection",
        "_task",
        "_wake",
        "format",
        "gone",
        "let_go_at",
        "moved_at",
        "position",
        "reader",
        "room",
    )

    def __init__(
        self,
        room: str,
        position: int,
        format_: FeedFormat,
        connection: Connection | None,
        viewer: str | None = None,
    ) -> None:
        self.room = room
        # The viewer whose turn it is to read missed entries.
        self.reader: object = viewer or self
        self._connection = connection
        self.position = position
        self.format = format_
        self.gone = False
        self.moved_at = asyncio.get_running_loop().time()
        self.let_go_at = 0.0
        self._backlog = Backlog()
        self._wake: asyncio.Future[None] | None = None
        self._task = asyncio.current_task()

    def take(self, events: Sequence[Event], in_frame: bytes) -> None:
        """
        Write at once what other watchers get as well; if that cannot be, let it wait.

        `in_frame` is all events as a chunk of a body.
        """
        connection = self._connection
        if (
            connection is not None
            and self._wake is not None
            and not self._wake.done()
            and connection.write_chunk(in_frame)
        ):
            self.moved_at = asyncio.get_running_loop().time()
            return
        self._backlog.add_events(events, is_full=self._is_full)
        if len(self._backlog) > BEHIND_MAX:
            self.let_go()
        self._wake_up()

    def hand_over(self, chunk: bytes) -> None:
        """Let a chunk wait for this watcher, behind all that waits already."""
        self._backlog.add(chunk)
        self._wake_up()

    async def next(self) -> bytes | None:
        """Return all there is to write, once there is something and room; None at the end."""
        while not self._backlog or self._is_full:
            if self._backlog and self._connection is not None:
                # What has been taken from the backlog cannot give way to something newer.
                await self._connection.drain()
            elif self.gone:
                return None
            else:
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake
        chunk = self._backlog.take_all()
        self.moved_at = asyncio.get_running_loop().time()
        return chunk

    def let_go(self) -> None:
        """End this watcher's stream; what it has not read, it asks for again."""
        self._end()
        self._backlog.clear()
        self._wake_up()

    def end_with(self, chunk: bytes) -> None:
        """End this watcher's stream after all it was handed, and this."""
        if not self.gone:
            self._end()
            self.hand_over(chunk)

    def cut_off(self) -> None:
        """Stop waiting for a client that takes nothing any more."""
        if self._task is not None:
            self._task.cancel()

    def beat(self, now: float) -> None:
        """Give a sign of life if nothing was written for a while."""
        if not self._backlog and now - self.moved_at >= HEARTBEAT_SECONDS:
            # With its position: a client that has received nothing yet resumes there as well.
            self.hand_over(f"id: {self.position}\n{HEARTBEAT}".encode())

    @property
    def _is_full(self) -> bool:
        return self._connection is not None and self._connection.is_full

    def _end(self) -> None:
        if not self.gone:
            self.gone = True
            self.let_go_at = asyncio.get_running_loop().time()

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
