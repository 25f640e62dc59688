"""
A batch of deliveries becomes handled facts: one transaction, and a way on for whatever fails.

What fails is one of three. The database is away, or others hold what we need: we keep the
deliveries and wait. This one message is in trouble nobody foresaw: it comes back after a delay, a
few times, each later than the last. It breaks a rule for good, or cannot be read: it goes to the
dead letters, with the reason. Only what was handled is remembered in the inbox.
"""

import asyncio
import hashlib
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

import structlog

from shared.contracts.base import Event
from shared.errors import Refusal
from shared.messaging import inbox, outbox
from shared.messaging.broker import pause
from shared.messaging.delivery import Delivery, Received, Unreadable, message_ids, parked, read
from shared.messaging.retry import DELAYS, retried
from shared.observability.logging import log_each
from shared.observability.metrics import (
    CONSUMER_BATCH_SIZE,
    CONSUMER_HANDLE_SECONDS,
    CONSUMER_LAG_SECONDS,
    CONSUMER_MESSAGES,
    CONSUMER_PAUSED,
)
from shared.observability.tracing import continued, failed, handling
from shared.postgres.database import Database, Transaction, is_contention, is_unavailable

log = structlog.get_logger()

# A handler may name those messages that were old news: a newer revision had been heard before.
Stale: TypeAlias = Collection[UUID] | None
Handler: TypeAlias = Callable[[Transaction, Sequence[Received]], Awaitable[Stale]]

# A large batch is settled in parts that overlap: while PostgreSQL works on one, the next is
# decided. A small one is not: its fixed costs would only be paid several times.
PARTS = 3
SPLIT_FROM = 300
# Tries of a whole batch that lost to others, before its messages are done one by one.
TRIES_MAX = 3
TRY_AGAIN_SECONDS = 0.2
DATABASE_WAIT_SECONDS_MAX = 1.0


class Receiver:
    """
    Settles deliveries of one queue; `routes` is the routing table.

    Messages of one handler reach it in one call, in the order in which they arrived. A batch
    that fails is done again item by item, so that one bad message cannot fail its neighbours.
    `delays` names the delay queues a failing message goes through before it is parked.
    """

    def __init__(
        self,
        queue: str,
        routes: Mapping[type[Event], Handler],
        *,
        database: Database,
        user: str,
        delays: Sequence[str] = DELAYS,
    ) -> None:
        self.queue = queue
        self._contracts = {contract.type(): contract for contract in routes}
        self._handlers = {contract.type(): handler for contract, handler in routes.items()}
        self._database = database
        self._user = user
        self._delays = delays

    async def receive(
        self, deliveries: Sequence[Delivery], stopping: asyncio.Event | None = None
    ) -> None:
        """
        Settle a batch for good: afterwards every delivery is handled, parked or on its way back.

        Raises only if we stop while the database is away; nothing is acknowledged then.
        """
        CONSUMER_BATCH_SIZE.labels(self.queue).observe(len(deliveries))
        started = time.monotonic()
        stopping = stopping or asyncio.Event()
        with handling(self.queue, deliveries):
            results = await asyncio.gather(
                *(self._receive_part(part, stopping) for part in _parts(deliveries)),
                return_exceptions=True,
            )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        CONSUMER_HANDLE_SECONDS.labels(self.queue).observe(time.monotonic() - started)

    async def wait_for_database(self, stopping: asyncio.Event) -> None:
        """Return once the database answers, or we stop."""
        delay_seconds = TRY_AGAIN_SECONDS
        while not stopping.is_set():
            try:
                await self._database.ping()
            except Exception as error:
                if not is_unavailable(error):
                    raise
                CONSUMER_PAUSED.labels(self.queue).set(1)
                log.warning("consumer.paused", queue=self.queue, error=repr(error)[:200])
                await pause(delay_seconds, stopping)
                delay_seconds = min(delay_seconds * 2, DATABASE_WAIT_SECONDS_MAX)
            else:
                CONSUMER_PAUSED.labels(self.queue).set(0)
                return

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
        while True:
            try:
                await self._commit_when_possible([delivery], stopping)
            except Exception as error:
                if stopping.is_set():
                    raise
                if not is_contention(error):
                    await self._set_aside(delivery, error, stopping)
                    return
                # Who only waited for others is not at fault, however often.
                await pause(TRY_AGAIN_SECONDS, stopping)
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
                    await self.wait_for_database(stopping)
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
                received.append(self._read(delivery))
            except Unreadable as error:
                self._log_set_aside("message.parked", delivery, error.code, str(error))
                dead.append(parked(delivery, self.queue, code=error.code, detail=str(error)))
        async with self._database.transaction() as tx:
            new = await inbox.accept(tx, self.queue, message_ids(received))
            fresh = []
            for envelope in received:
                if envelope.id in new:
                    # The same message twice inside one batch is one message.
                    new.discard(envelope.id)
                    fresh.append(envelope)
            stale = await self._handle(tx, fresh)
            await outbox.send(tx, dead)
        log_each("message.handled", (self._line(envelope) for envelope in fresh))
        self._count(received, fresh, dead, stale)

    def _read(self, delivery: Delivery) -> Received:
        """Read a delivery; what it leads to belongs under its own handling, where that is seen."""
        envelope = read(delivery, self._contracts, self._user)
        cause = continued(delivery.message_id, envelope.traceparent)
        if cause == envelope.traceparent:
            return envelope
        return envelope.model_copy(update={"traceparent": cause})

    async def _handle(self, tx: Transaction, fresh: Sequence[Received]) -> set[UUID]:
        stale: set[UUID] = set()
        groups: dict[Handler, list[Received]] = {}
        for envelope in fresh:
            groups.setdefault(self._handlers[envelope.type], []).append(envelope)
        for handler, envelopes in groups.items():
            stale |= set(await handler(tx, envelopes) or ())
        return stale

    async def _set_aside(
        self, delivery: Delivery, error: Exception, stopping: asyncio.Event
    ) -> None:
        """Send a delivery that failed on its way; its inbox row stays unwritten."""
        code = error.code() if isinstance(error, Refusal) else type(error).__name__
        log.error("message.handler_failed", queue=self.queue, exc_info=error)
        # A broken rule stays broken; anything else may be a passing trouble.
        if not isinstance(error, Refusal) and delivery.attempt < len(self._delays):
            self._log_set_aside("message.delayed", delivery, code, str(error))
            delayed = retried(delivery, self.queue, delay=self._delays[delivery.attempt])
            await self._send(delayed, stopping)
            CONSUMER_MESSAGES.labels(self.queue, delivery.type[:100], "retried").inc()
            return
        stack = "".join(traceback.format_tb(error.__traceback__))
        stack_hash = hashlib.sha256(stack.encode()).hexdigest()[:12]
        self._log_set_aside("message.parked", delivery, code, str(error))
        letter = parked(delivery, self.queue, code=code, detail=str(error), stack_hash=stack_hash)
        await self._send(letter, stopping)
        CONSUMER_MESSAGES.labels(self.queue, delivery.type[:100], "parked").inc()

    async def _send(self, message: outbox.Message, stopping: asyncio.Event) -> None:
        """Put one message into the outbox; while the database is away wait for it."""
        while True:
            try:
                async with self._database.transaction() as tx:
                    await outbox.send(tx, [message])
            except Exception as failure:
                if not is_unavailable(failure) or stopping.is_set():
                    raise
                await self.wait_for_database(stopping)
            else:
                return

    def _count(
        self,
        received: Sequence[Received],
        fresh: Sequence[Received],
        dead: Sequence[object],
        stale: Collection[UUID],
    ) -> None:
        now = datetime.now(UTC)
        told = Counter(
            (envelope.type, "stale" if envelope.id in stale else "applied") for envelope in fresh
        )
        for (kind, outcome), count in told.items():
            CONSUMER_MESSAGES.labels(self.queue, kind, outcome).inc(count)
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

    def _line(self, envelope: Received) -> dict[str, object]:
        return {
            "queue": self.queue,
            "type": envelope.type,
            "message_id": envelope.id,
            "subject": envelope.subject,
            "correlation_id": envelope.correlationid,
            "causation_id": envelope.causationid,
        }

    def _log_set_aside(self, event: str, delivery: Delivery, code: str, detail: str) -> None:
        failed(delivery.message_id, code)
        log.error(
            event,
            queue=self.queue,
            type=delivery.type[:100],
            message_id=delivery.original_id,
            correlation_id=str(delivery.headers.get("correlation_id", "")),
            attempt=delivery.attempt + 1,
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
