"""How many may set something up at a time, so that those who wait hold no connection meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.errors import Kind, Refusal

# Of the ten connections of an instance each takes one, or two.
SLOTS = 3
WAIT_SECONDS_MAX = 3.0


class SetUpBusy(Refusal):
    """Many creators set something up at the moment; try again."""

    kind = Kind.UNAVAILABLE


class Slots:
    """Places for commands that hold the lock that gifts of a creator wait for."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(SLOTS)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._free.acquire(), WAIT_SECONDS_MAX)
        except TimeoutError:
            raise SetUpBusy from None
        try:
            yield
        finally:
            self._free.release()
