"""Group commit: requests that arrive during a commit share the next one."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from shared.postgres.database import is_unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

COMMIT_BATCH_MAX = 500
# What a batch costs is mostly the same for one item and for ten.
GATHER_SECONDS = 0.005
GATHER_BATCH_MAX = 16
# An item that comes so soon after a batch is one of a crowd.
CROWD_SECONDS = 0.05


class Batcher(Generic[Item, Result]):
    """
    Turns many single requests into few transactions.

    An idle batcher commits one item at once; a busy one commits all items that arrived during the
    previous commit, and waits for a moment if these are fewer than the batch before. `commit`
    answers one result an item, in order. If it fails, the items are done again one by one, so that
    one bad item fails alone; if the database is away, all of them fail at once.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        batch_max: int = COMMIT_BATCH_MAX,
    ) -> None:
        self._commit = commit
        self._batch_max = batch_max
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._last_size, self._last_at = 0, -math.inf
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Wait until a transaction that holds the item has committed, and return its result."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None or self._running.done():
            # In a context of its own: what it commits is not of the request that woke it.
            self._running = asyncio.create_task(self._run(), context=Context())
        return await future

    async def drain(self) -> None:
        """Wait until everything submitted has been answered."""
        if self._running is not None:
            await self._running

    async def _run(self) -> None:
        while self._waiting:
            if self._has_few():
                await asyncio.sleep(GATHER_SECONDS)
            batch = self._waiting[: self._batch_max]
            self._waiting = self._waiting[self._batch_max :]
            await self._finish(batch)
            self._last_size, self._last_at = len(batch), time.monotonic()

    def _has_few(self) -> bool:
        """Whether more items are about to come; after a batch of one, none are."""
        is_crowd = time.monotonic() - self._last_at < CROWD_SECONDS
        return is_crowd and len(self._waiting) < min(self._last_size, GATHER_BATCH_MAX)

    async def _finish(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._commit([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - each waiting caller gets it
            if len(batch) == 1 or is_unavailable(error):
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                return
            for single in batch:
                await self._finish([single])
            return
        assert len(results) == len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
