"""
What is on offer, in memory: a gift is priced without asking the database.

Each instance looks at one number every second, and reads the catalogue again if it changed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.gift.domain.catalogue import Catalogue
from services.gift.store import catalogue as store
from shared.messaging.broker import pause
from shared.postgres.database import Database, Transaction, is_unavailable

log = structlog.get_logger()

REFRESH_EVERY_SECONDS = 1.0


class CatalogueCache:
    """The catalogue as this instance knows it; `seeds` are for an installation without any."""

    def __init__(self, database: Database, seeds: Catalogue) -> None:
        self._database = database
        self._seeds = seeds
        self._catalogue: Catalogue | None = None
        self._reading = asyncio.Lock()

    async def current(self) -> Catalogue:
        """Return what is on offer; the first caller waits until it is read."""
        if self._catalogue is None:
            async with self._reading:
                if self._catalogue is None:
                    self._catalogue = await self._read()
        return self._catalogue

    async def refresh(self) -> None:
        """Read the catalogue again if it was changed."""
        known = await self.current()
        async with self._database.reference.transaction() as tx:
            if await store.revision(tx) != known.revision:
                self._catalogue = await store.read(tx)
                log.info("catalogue.read", revision=self._catalogue.revision)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Work on what the database has; this instance offers a change as soon as it is made."""
        await self.current()
        async with self._database.reference.transaction() as tx:
            yield tx
        await self.refresh()

    async def run(self, stopping: asyncio.Event) -> None:
        """Look again and again."""
        while not stopping.is_set():
            try:
                await self.refresh()
            except Exception as error:
                if not is_unavailable(error):
                    raise
                log.warning("catalogue.unavailable", error=repr(error)[:200])
            await pause(REFRESH_EVERY_SECONDS, stopping)

    async def _read(self) -> Catalogue:
        async with self._database.reference.transaction() as tx:
            await _seed(tx, self._seeds)
            return await store.read(tx)


async def _seed(tx: Transaction, seeds: Catalogue) -> None:
    """Fill an empty catalogue; of several instances the first does, and none overwrites."""
    if not await store.is_empty(tx):
        return
    await store.lock(tx)
    if await store.is_empty(tx):
        ids = [gift_type.id for gift_type in seeds.gift_types]
        await store.save(tx, seeds.gift_types, repriced=ids, operator=store.SEEDS)
        log.info("catalogue.seeded", gifts=len(ids))
