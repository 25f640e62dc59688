"""From a queue to a handler in a transaction, and back to an ack: in batches, exactly once."""

import asyncio
import hashlib
import time
import traceback
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import aiormq
import structlog
from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage

from shared.contracts.base import Event
from shared.database import Database, Transaction, is_contention, is_unavailable
from shared.errors import Refusal
from shared.messaging import inbox, outbox
from shared.messaging.broker import Broker, close_quietly, pause, supervise
from shared.messaging.delivery import Delivery, Received, Unreadable, message_ids, parked, read
from shared.telemetry import (
    CONSUMER_BATCH_SIZE,
    CONSUMER_CONNECTED,
    CONSUMER_HANDLE_SECONDS,
    CONSUMER_LAG_SECONDS,
    CONSUMER_MESSAGES,
)

log = structlog.get_logger()

Handler: TypeAlias = Callable[[Transaction, Sequence[Received]], Awaitable[None]]

BATCH_MAX = 1_500
PREFETCH_BATCHES = 2
# A large batch is settled in parts that overlap: while PostgreSQL works on one, the next is
# decided. A small one is not: its fixed costs would only be paid several times.
PARTS = 3
SPLIT_FROM = 300
# Batches begin at least so far apart. Idle, the first message is taken at once; busy, a batch
# gathers what makes its fixed costs worthwhile.
SPACING_SECONDS = 0.025
# Tries of one message whose handler raised something nobody foresaw, before it is parked.
TRIES_MAX = 3
TRY_AGAIN_SECONDS = 0.2
DATABASE_WAIT_SECONDS_MAX = 5.0


class Consumer:
    """
    Gives a queue's messages to their handlers: one transaction a batch, ack after commit.

    `routes` is the routing table. Messages of one handler reach it in one call, in the order
    in which they arrived. A batch that fails is done again item by item, so that one bad
    message cannot fail its neighbours; what can never succeed goes to `<queue>.dlq` with the
    reason; while the database is away the deliveries are kept and nothing is given back.
    """

    def __init__(
        self,
        queue: str,
        routes: Mapping[type[Event], Handler],
        *,
        database: Database,
        broker: Broker,
        batch_max: int = BATCH_MAX,
        spacing_seconds: float = SPACING_SECONDS,
    ) -> None:
        self.queue = queue
        self.connected = False
        self._contracts = {contract.type(): contract for contract in routes}
        self._handlers = {contract.type(): handler for contract, handler in routes.items()}
        self._database = database
        self._broker = broker
        self._batch_max = batch_max
        self._spacing_seconds = spacing_seconds

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until we stop, whatever breaks meanwhile."""
        await supervise(self.queue, lambda: self._session(stopping), stopping)

    async def _session(self, stopping: asyncio.Event) -> None:
        await self._wait_for_database(stopping)
        connection: AbstractConnection | None = None
        try:
            connection = await self._broker.connect(self.queue)
            channel = await connection.channel(publisher_confirms=False)
            await channel.set_qos(prefetch_count=PREFETCH_BATCHES * self._batch_max)
            await channel.declare_queue(self.queue, passive=True)
            underlay = await channel.get_underlay_channel()
            lost = asyncio.ensure_future(_lost(underlay))
            waiting: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
            # Of a message we need its body and a few properties, so we take it as it comes.
            await underlay.basic_consume(self.queue, waiting.put)
            self._set_connected(connected=True)
            try:
                await self._consume(waiting, underlay, lost, stopping)
            finally:
                lost.cancel()
        finally:
            self._set_connected(connected=False)
            # The running batch is settled; closing the channel gives the rest back, in order.
            await close_quietly(connection)

    def _set_connected(self, *, connected: bool) -> None:
        self.connected = connected
        CONSUMER_CONNECTED.labels(self.queue).set(connected)

    async def _consume(
        self,
        waiting: asyncio.Queue[DeliveredMessage],
        underlay: aiormq.abc.AbstractChannel,
        lost: asyncio.Future[str],
        stopping: asyncio.Event,
    ) -> None:
        """Settle batch after batch until we stop or the channel is lost."""
        loop = asyncio.get_running_loop()
        stop = asyncio.create_task(stopping.wait())
        first = asyncio.create_task(waiting.get())
        try:
            while not stopping.is_set():
                ends: set[asyncio.Future[Any]] = {first, lost, stop}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if lost.done():
                    raise ConnectionError(lost.result())
                if not first.done():
                    return
                began = loop.time()
                # What arrived while the last batch was in flight is the batch: no added wait.
                batch = [first.result()]
                while len(batch) < self._batch_max and not waiting.empty():
                    batch.append(waiting.get_nowait())
                first = asyncio.create_task(waiting.get())
                await self.receive([_delivery(message) for message in batch], stopping)
                if not lost.done():
                    await underlay.basic_ack(_tag(batch[-1]), multiple=True)
                await pause(self._spacing_seconds - (loop.time() - began), stopping)
        finally:
            first.cancel()
            stop.cancel()

    async def receive(
        self, deliveries: Sequence[Delivery], stopping: asyncio.Event | None = None
    ) -> None:
        """
        Settle a batch for good: afterwards every delivery is handled or parked, and committed.

        Raises only if we stop while the database is away; nothing is acknowledged then.
        """
        CONSUMER_BATCH_SIZE.labels(self.queue).observe(len(deliveries))
        started = time.monotonic()
        stopping = stopping or asyncio.Event()
        results = await asyncio.gather(
            *(self._receive_part(part, stopping) for part in _parts(deliveries)),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        CONSUMER_HANDLE_SECONDS.labels(self.queue).observe(time.monotonic() - started)

    async def _receive_part(self, deliveries: Sequence[Delivery], stopping: asyncio.Event) -> None:
        try:
            await self._commit_when_possible(deliveries, stopping)
        except Exception as error:
            if stopping.is_set():
                raise
            log.warning("batch.failed", queue=self.queue, size=len(deliveries), error=repr(error))
            for delivery in deliveries:
                await self._receive_one(delivery, stopping)

    async def _receive_one(self, delivery: Delivery, stopping: asyncio.Event) -> None:
        failures = 0
        while True:
            try:
                await self._commit_when_possible([delivery], stopping)
            except Exception as error:
                if stopping.is_set():
                    raise
                # Who only waited for others is not at fault, however often.
                failures += not is_contention(error)
                # A broken rule stays broken; anything else may be a passing trouble.
                if failures == TRIES_MAX or isinstance(error, Refusal | Unreadable):
                    await self._park(delivery, error, stopping)
                    return
                await asyncio.sleep(TRY_AGAIN_SECONDS * (failures or 1))
            else:
                return

    async def _commit_when_possible(
        self, deliveries: Sequence[Delivery], stopping: asyncio.Event
    ) -> None:
        """Commit the batch; while the database is away wait for it, however long it takes."""
        tries = 0
        while True:
            try:
                await self._commit(deliveries)
            except Exception as error:
                if is_unavailable(error):
                    await pause(TRY_AGAIN_SECONDS, stopping)
                    await self._wait_for_database(stopping)
                    if stopping.is_set():
                        raise
                elif is_contention(error) and tries < TRIES_MAX:
                    tries += 1
                else:
                    raise
            else:
                return

    async def _commit(self, deliveries: Sequence[Delivery]) -> None:
        received: list[Received] = []
        dead: list[outbox.Message] = []
        for delivery in deliveries:
            try:
                received.append(read(delivery, self._contracts, self._broker.user))
            except Unreadable as error:
                self._log_parked(delivery, error.code, str(error))
                dead.append(parked(delivery, self.queue, code=error.code, detail=str(error)))
        async with self._database.transaction() as tx:
            new = await inbox.accept(tx, self.queue, message_ids(received))
            fresh = []
            for envelope in received:
                if envelope.id in new:
                    # The same message twice inside one batch is one message.
                    new.discard(envelope.id)
                    fresh.append(envelope)
            await self._handle(tx, fresh)
            await outbox.send(tx, dead)
        self._count(received, fresh, dead)

    async def _handle(self, tx: Transaction, fresh: Sequence[Received]) -> None:
        groups: dict[Handler, list[Received]] = {}
        for envelope in fresh:
            groups.setdefault(self._handlers[envelope.type], []).append(envelope)
        for handler, envelopes in groups.items():
            await handler(tx, envelopes)

    async def _park(self, delivery: Delivery, error: Exception, stopping: asyncio.Event) -> None:
        """Move one delivery to the dead letters; its inbox row stays unwritten for a redrive."""
        code = error.code() if isinstance(error, Refusal) else type(error).__name__
        stack = "".join(traceback.format_tb(error.__traceback__))
        digest = hashlib.sha256(stack.encode()).hexdigest()[:12]
        detail = f"{error} (stack {digest})"
        log.error("message.handler_failed", queue=self.queue, exc_info=error)
        self._log_parked(delivery, code, detail)
        letter = parked(delivery, self.queue, code=code, detail=detail)
        while True:
            try:
                async with self._database.transaction() as tx:
                    await outbox.send(tx, [letter])
            except Exception as failure:
                if not is_unavailable(failure) or stopping.is_set():
                    raise
                await self._wait_for_database(stopping)
            else:
                CONSUMER_MESSAGES.labels(self.queue, delivery.type[:100], "parked").inc()
                return

    async def _wait_for_database(self, stopping: asyncio.Event) -> None:
        """Return once the database answers, or we stop."""
        delay_seconds = TRY_AGAIN_SECONDS
        while not stopping.is_set():
            try:
                await self._database.ping()
            except Exception as error:
                if not is_unavailable(error):
                    raise
                log.warning("consumer.paused", queue=self.queue, error=repr(error)[:200])
                await pause(delay_seconds, stopping)
                delay_seconds = min(delay_seconds * 2, DATABASE_WAIT_SECONDS_MAX)
            else:
                return

    def _count(
        self, received: Sequence[Received], fresh: Sequence[Received], dead: Sequence[object]
    ) -> None:
        now = datetime.now(UTC)
        for envelope in fresh:
            CONSUMER_MESSAGES.labels(self.queue, envelope.type, "applied").inc()
        if fresh:
            oldest = min(envelope.time for envelope in fresh)
            CONSUMER_LAG_SECONDS.labels(self.queue).observe(
                max(0.0, (now - oldest).total_seconds())
            )
        repeated = len(received) - len(fresh)
        if repeated:
            CONSUMER_MESSAGES.labels(self.queue, "any", "duplicate").inc(repeated)
        if dead:
            CONSUMER_MESSAGES.labels(self.queue, "any", "parked").inc(len(dead))

    def _log_parked(self, delivery: Delivery, code: str, detail: str) -> None:
        log.error(
            "message.parked",
            queue=self.queue,
            type=delivery.type[:100],
            message_id=delivery.message_id,
            code=code,
            detail=detail[:500],
        )


def _parts(deliveries: Sequence[Delivery]) -> list[Sequence[Delivery]]:
    """Spread a large batch by partition key, which stays in order inside its part."""
    if len(deliveries) < SPLIT_FROM:
        return [deliveries]
    parts: list[list[Delivery]] = [[] for _ in range(PARTS)]
    for delivery in deliveries:
        key = str(delivery.headers.get("cloudEvents_partitionkey", ""))
        parts[zlib.crc32(key.encode()) % PARTS].append(delivery)
    return [part for part in parts if part]


def _tag(message: DeliveredMessage) -> int:
    assert message.delivery_tag is not None
    return message.delivery_tag


async def _lost(underlay: aiormq.abc.AbstractChannel) -> str:
    """Return once this channel can bring no more messages: it closed, or the consumer is gone."""
    gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def tell(reason: str) -> None:
        if not gone.done():
            gone.set_result(reason)

    underlay.closing.add_done_callback(lambda _: tell("the channel was closed"))
    underlay.on_consumer_cancel_callbacks.add(lambda _: tell("the consumer was cancelled"))
    return await gone


def _delivery(message: DeliveredMessage) -> Delivery:
    properties = message.header.properties
    return Delivery(
        body=message.body,
        type=properties.message_type or "",
        message_id=properties.message_id or "",
        user_id=properties.user_id or "",
        headers=properties.headers or {},
    )
