"""How many requests may set something up at a time; those that wait hold no connection."""

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


class SetupSlots:
    """Slots for requests that hold the lock that new gifts to a creator wait for."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(SLOTS)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Hold a slot; refuse if none becomes free in time."""
        try:
            await asyncio.wait_for(self._free.acquire(), WAIT_SECONDS_MAX)
        except TimeoutError:
            raise SetUpBusy from None
        try:
            yield
        finally:
            self._free.release()
