"""
A team's messages become handled events, in one transaction of the team's own database.

Claim and work commit together, so a message that comes twice is handled once. What fails waits in a
table and is tried again after 1 s, 5 s, 30 s and 5 min; then, or at once when it can never be
read, it is parked there with its reason. While the database is away nothing is given back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from ..amqp.delivery import Delivery
from ..amqp.receive import Batch, BatchReceiver, Dead
from ..contracts.decoding import Received, Unreadable, contract_of, original_publisher, read_body
from ..postgres.errors import is_contention, is_unavailable
from .metrics import RECEIVED
from .tables import Connection, Tables

log = logging.getLogger(__name__)

DELAYS_SECONDS = (1.0, 5.0, 30.0, 300.0)
COMMAND_SECONDS_MAX = 30.0
CONNECTIONS_MAX = 4


class Receiver(BatchReceiver[Connection]):
    """Handles the messages of a queue or log, and later those that failed."""

    def __init__(
        self, queue: str, database: str, schema: str, delays_seconds: Sequence[float]
    ) -> None:
        super().__init__(queue, RECEIVED)
        self.tables = Tables(schema)
        self._delays_seconds = delays_seconds
        self._database = database
        self._pool: asyncpg.Pool | None = None
        # A handler never runs twice at the same time in one process.
        self._one_at_a_time = asyncio.Lock()

    async def pool(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._database,
                min_size=0,
                max_size=CONNECTIONS_MAX,
                command_timeout=COMMAND_SECONDS_MAX,
            )
        return self._pool

    def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def retry_waiting(self, stopping: asyncio.Event) -> None:
        """Handle the messages that have waited long enough, one by one."""
        while not stopping.is_set():
            if not await self._retry_next():
                return

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self._one_at_a_time, (await self.pool()).acquire() as connection:
            try:
                async with connection.transaction():
                    yield connection
            except asyncpg.InternalClientError:
                # The server died inside an exchange, and the driver lost its place in it.
                connection.terminate()
                raise

    async def ping(self) -> None:
        await (await self.pool()).fetchval("SELECT 1")

    async def is_away(self, error: Exception) -> bool:
        """Whether it is the database that is away, and not another server a handler asked."""
        if not is_unavailable(error):
            return False
        try:
            await self.ping()
        except Exception as failure:  # noqa: BLE001 - it did not answer
            return is_unavailable(failure)
        return False

    def read(self, delivery: Delivery) -> Received | None:
        try:
            contract = contract_of(delivery.type, self._contracts)
        except Unreadable:
            # Not for us, or newer than we are.
            return None
        publisher = original_publisher(delivery.user_id, delivery.headers)
        return read_body(delivery.body, contract, publisher=publisher)

    async def claim(self, tx: Connection, message_ids: Sequence[UUID]) -> set[UUID]:
        return await self.tables.claim(tx, message_ids)

    async def dead_letter(self, tx: Connection, dead: Dead) -> None:
        for delivery, error in dead:
            log.error("message.dead_lettered %s %s", self.queue, error)
            await self.tables.set_aside(tx, delivery, seconds=None, reason=str(error))

    async def set_aside(self, tx: Connection, delivery: Delivery, error: Exception) -> str:
        log.error("message.failed %s type=%s", self.queue, delivery.type[:100], exc_info=error)
        seconds = self._delays_seconds[0]
        await self.tables.set_aside(tx, delivery, seconds=seconds, reason=repr(error))
        return "retried"

    def warn(self, event: str, **about: object) -> None:
        log.warning("%s %s %s", event, self.queue, about)

    async def _retry_next(self) -> bool:
        """Try one waiting message again; return whether there was one."""
        due: tuple[Delivery, int] | None = None
        try:
            async with self.transaction() as connection:
                due = await self.tables.due(connection)
                if due is None:
                    return False
                envelope = self.read(due[0])
                batch = Batch([envelope]) if envelope else Batch(ignored=1)
                await self.handle(connection, batch)
                await self.tables.done(connection, due[0])
        except Exception as error:
            if due is None or is_contention(error) or await self.is_away(error):
                raise
            await self._set_aside_again(*due, error)
        else:
            self.count_batch(batch)
        return True

    async def _set_aside_again(self, delivery: Delivery, attempts: int, error: Exception) -> None:
        log.error("message.failed_again %s type=%s", self.queue, delivery.type, exc_info=error)
        more = attempts < len(self._delays_seconds) and not isinstance(error, Unreadable)
        seconds = self._delays_seconds[attempts] if more else None
        async with self.transaction() as connection:
            await self.tables.failed_again(
                connection, delivery, attempts=attempts, seconds=seconds, reason=repr(error)
            )
        self.count(delivery.type, "retried" if more else "dead_lettered")
