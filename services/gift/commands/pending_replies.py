"""
HTTP callers that wait for the outcome of their gift.

The instance that consumes an outcome replies to its own callers from memory. Outcomes that other
instances consumed are found by one query a part for all pending replies, which their commits wake.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from services.gift.domain.gifts import Gift
from services.gift.store import gifts as store
from shared.messaging.broker import pause
from shared.postgres.database import Database, Part, is_unavailable
from shared.postgres.wakeups import stopped_by, wait

log = structlog.get_logger()

WAIT_SECONDS_MAX = 2.0
# What a commit with outcomes wakes: it may be of another instance.
DECIDED = "gifts.decided"
# A wake-up may be lost.
LOOK_SECONDS = 0.5
# Other instances may commit often; one query finds the outcomes of several commits.
PAUSE_SECONDS = 0.02


@dataclass(slots=True)
class _Waiting:
    """All callers of one gift; a repeated request waits beside the first."""

    viewer: str
    futures: list[asyncio.Future[Gift]] = field(default_factory=list)


class PendingReplies:
    """All callers of this process that wait for a gift."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, _Waiting] = {}

    @asynccontextmanager
    async def expect(self, viewer: str, gift: UUID) -> AsyncIterator[asyncio.Future[Gift]]:
        """Start to wait before the gift is requested, so that no outcome is missed."""
        future: asyncio.Future[Gift] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(gift, _Waiting(viewer))
        waiting.futures.append(future)
        try:
            yield future
        finally:
            waiting.futures.remove(future)
            if not waiting.futures:
                self._waiting.pop(gift, None)

    def resolve(self, gifts: Sequence[Gift]) -> None:
        """Reply to the callers that wait for these gifts."""
        for gift in gifts:
            waiting = self._waiting.get(gift.id)
            for future in waiting.futures if waiting else ():
                _answer(future, gift)

    async def run(self, stopping: asyncio.Event) -> None:
        """Find outcomes that other instances have written, when they have, and now and then."""
        woken = asyncio.Event()
        self._database.wakeups.follow(woken, [DECIDED])
        try:
            async with stopped_by(stopping, woken):
                while not stopping.is_set():
                    await wait(woken, LOOK_SECONDS)
                    woken.clear()
                    await self._look()
                    await pause(PAUSE_SECONDS, stopping)
        finally:
            self._database.wakeups.leave(woken)

    async def _look(self) -> None:
        asked: dict[int | None, tuple[Part, list[tuple[str, UUID]]]] = {}
        for gift, waiting in self._waiting.items():
            part = self._database.part_for(waiting.viewer)
            asked.setdefault(part.number, (part, []))[1].append((waiting.viewer, gift))
        try:
            for part, keys in asked.values():
                async with part.transaction() as tx:
                    self.resolve(await store.decided(tx, keys))
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("outcomes.unavailable", error=repr(error)[:200])


async def wait_for(
    future: asyncio.Future[Gift], gift: Gift, seconds: float = WAIT_SECONDS_MAX
) -> Gift:
    """
    Return the settled gift, or after two seconds the gift as it was.

    The future is this caller's own, so it may be answered or cancelled: others have theirs.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _answer, future, gift)
    try:
        return await future
    finally:
        timer.cancel()


def _answer(future: asyncio.Future[Gift], gift: Gift) -> None:
    if not future.done():
        future.set_result(gift)
