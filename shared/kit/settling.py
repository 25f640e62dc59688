"""
A batch of messages becomes handled facts, in one transaction of the team's own database.

Claim and work commit together, so a message handled twice is handled once. What fails waits in a
table and is tried again after 1 s, 5 s, 30 s and 5 min; then, or at once when it can never be
read, it is parked there with its reason. While the database is away nothing is given back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

import asyncpg

from ..amqp.connection import pause
from ..contracts.base import Event
from ..contracts.decoding import Received, Unreadable, contract_of, read_body
from ..postgres.errors import is_contention, is_unavailable
from .metrics import LAG_SECONDS, MESSAGES, PAUSED
from .tables import Connection, Message, Tables

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[Any, Sequence[Any]], Awaitable[None]]
# What else is to be remembered in the batch's own transaction: how far a log was read.
Also: TypeAlias = Callable[[Connection], Awaitable[None]]

DELAYS_SECONDS = (1.0, 5.0, 30.0, 300.0)
# Tries of a whole batch that lost to others, before its messages are done one by one.
TRIES_MAX = 3
TRY_AGAIN_SECONDS = 0.2
DATABASE_WAIT_SECONDS_MAX = 5.0
COMMAND_SECONDS_MAX = 30.0
CONNECTIONS_MAX = 4


class Settler:
    """Settles what arrives; `handlers` by contract, `name` is what metrics call it."""

    def __init__(
        self, name: str, database: str, schema: str, delays_seconds: Sequence[float]
    ) -> None:
        self.handlers: dict[type[Event], Handler] = {}
        self.tables = Tables(schema)
        self._name = name
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

    async def settle(
        self, messages: Sequence[Message], stopping: asyncio.Event, also: Also | None = None
    ) -> None:
        """Settle a batch for good; raises only if we stop while the database is away."""
        try:
            await self._when_possible(lambda: self._commit(messages, also), stopping)
        except Exception as error:
            if stopping.is_set():
                raise
            log.warning("batch.failed %s size=%d %r", self._name, len(messages), error)
            # Item by item, so that one bad message cannot fail its neighbours.
            for message in messages:
                await self._settle_one(message, stopping)
            if also is not None:
                await self._when_possible(lambda: self._commit([], also), stopping)

    async def try_again(self, stopping: asyncio.Event) -> None:
        """Handle what waited long enough, one by one."""
        while not stopping.is_set():
            if not await self._try_next():
                return

    async def wait_for_database(self, stopping: asyncio.Event) -> None:
        """Return once the database answers, or we stop."""
        delay_seconds = TRY_AGAIN_SECONDS
        while not stopping.is_set():
            try:
                await (await self.pool()).fetchval("SELECT 1")
            except Exception as error:
                if not is_unavailable(error):
                    raise
                PAUSED.labels(self._name).set(1)
                log.warning("consumer.paused %s %.200r", self._name, error)
                await pause(delay_seconds, stopping)
                delay_seconds = min(delay_seconds * 2, DATABASE_WAIT_SECONDS_MAX)
            else:
                PAUSED.labels(self._name).set(0)
                return

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with (await self.pool()).acquire() as connection:
            try:
                async with connection.transaction():
                    yield connection
            except asyncpg.InternalClientError:
                # The server died inside an exchange, and the driver lost its place in it.
                connection.terminate()
                raise

    async def _is_away(self, error: Exception) -> bool:
        """Whether it is the database that is away, and not something else a handler asked."""
        if not is_unavailable(error):
            return False
        try:
            await (await self.pool()).fetchval("SELECT 1")
        except Exception as failure:  # noqa: BLE001 - it did not answer
            return is_unavailable(failure)
        return False

    async def _settle_one(self, message: Message, stopping: asyncio.Event) -> None:
        try:
            await self._when_possible(lambda: self._commit([message], None), stopping)
        except Exception as error:
            if stopping.is_set():
                raise
            log.exception("message.failed %s type=%s", self._name, message.type[:100])
            reason = repr(error)

            async def put_off() -> None:
                async with self._transaction() as connection:
                    await self.tables.delay(
                        connection, message, seconds=self._delays_seconds[0], reason=reason
                    )

            await self._when_possible(put_off, stopping)
            self._count(message.type, "delayed")

    async def _try_next(self) -> bool:
        """Try one waiting message again; whether there was one."""
        held: list[tuple[Message, int]] = []
        try:
            async with self._one_at_a_time, self._transaction() as connection:
                due = await self.tables.due(connection)
                if due is None:
                    return False
                held.append(due)
                settled = await self._handle(connection, [due[0]], again=True)
                await self.tables.done(connection, due[0])
            settled.count(self._name)
        except Exception as error:
            if not held or is_contention(error) or await self._is_away(error):
                raise
            await self._put_off_again(*held[0], error)
        return True

    async def _put_off_again(self, message: Message, attempts: int, error: Exception) -> None:
        log.error("message.failed_again %s type=%s", self._name, message.type, exc_info=error)
        more = attempts < len(self._delays_seconds) and not isinstance(error, Unreadable)
        seconds = self._delays_seconds[attempts] if more else None
        async with self._transaction() as connection:
            await self.tables.failed_again(
                connection, message, attempts=attempts, seconds=seconds, reason=repr(error)
            )
        self._count(message.type, "delayed" if seconds is not None else "parked")

    async def _when_possible(
        self, work: Callable[[], Awaitable[None]], stopping: asyncio.Event
    ) -> None:
        """Do the work; while the database is away wait for it, however long it takes."""
        tries = 0
        while True:
            try:
                await work()
            except Exception as error:
                if await self._is_away(error):
                    await pause(TRY_AGAIN_SECONDS, stopping)
                    await self.wait_for_database(stopping)
                    if stopping.is_set():
                        raise
                elif (is_contention(error) or is_unavailable(error)) and tries < TRIES_MAX:
                    tries += 1
                else:
                    raise
            else:
                return

    async def _commit(self, messages: Sequence[Message], also: Also | None) -> None:
        async with self._one_at_a_time, self._transaction() as connection:
            settled = await self._handle(connection, messages)
            if also is not None:
                await also(connection)
        settled.count(self._name)

    async def _handle(
        self, connection: Connection, messages: Sequence[Message], *, again: bool = False
    ) -> "_Settled":
        settled = _Settled(self.handlers, messages)
        for message, error in settled.dead:
            if again:
                raise error
            log.error("message.parked %s %s", self._name, error)
            await self.tables.park(connection, message, str(error))
        new = await self.tables.claim(connection, [each.id for each in settled.readable])
        groups: dict[Handler, list[Received]] = {}
        for envelope in settled.readable:
            if envelope.id in new:
                # The same message twice inside one batch is one message.
                new.discard(envelope.id)
                settled.fresh.append(envelope)
                groups.setdefault(self._handler(envelope), []).append(envelope)
        for handler, envelopes in groups.items():
            await handler(connection, envelopes)
        return settled

    def _handler(self, envelope: Received) -> Handler:
        return self.handlers[type(envelope.data)]

    def _count(self, kind: str, outcome: str) -> None:
        known = {contract.type() for contract in self.handlers}
        MESSAGES.labels(self._name, kind if kind in known else "other", outcome).inc()


class _Settled:
    """What a batch consists of, and what became of it."""

    def __init__(self, known: Collection[type[Event]], messages: Sequence[Message]) -> None:
        contracts: Mapping[str, type[Event]] = {each.type(): each for each in known}
        self.readable: list[Received] = []
        self.fresh: list[Received] = []
        self.dead: list[tuple[Message, Unreadable]] = []
        self.ignored = 0
        for message in messages:
            try:
                contract = contract_of(message.type, contracts)
            except Unreadable:
                # Not for us, or newer than we are.
                self.ignored += 1
                continue
            try:
                envelope = read_body(message.body, contract, publisher=message.publisher)
            except Unreadable as error:
                self.dead.append((message, error))
            else:
                self.readable.append(envelope)

    def count(self, name: str) -> None:
        for envelope in self.fresh:
            MESSAGES.labels(name, envelope.type, "handled").inc()
        for outcome, count in (
            ("repeated", len(self.readable) - len(self.fresh)),
            ("ignored", self.ignored),
            ("parked", len(self.dead)),
        ):
            if count:
                MESSAGES.labels(name, "other", outcome).inc(count)
        if self.fresh:
            oldest = min(envelope.time for envelope in self.fresh)
            age_seconds = (datetime.now(UTC) - oldest).total_seconds()
            LAG_SECONDS.labels(name).observe(max(0.0, age_seconds))
