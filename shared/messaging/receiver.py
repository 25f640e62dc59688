"""
A service's deliveries become handled events: with its inbox, its outbox and its delay queues.

A message fails in one of three ways. The database is away, or others hold a lock it needs: we keep
the delivery and wait. An unforeseen error: the message comes back after a delay, a few times, each
later than the last. A broken rule, or a message that cannot be read: it becomes a dead letter, with
the reason. Only what was handled is remembered in the inbox.
"""

import asyncio
import hashlib
import time
import traceback
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias
from uuid import UUID

import structlog
from pydantic_core import from_json

from shared.amqp import receive
from shared.amqp.receive import Batch, BatchReceiver, Dead, Metrics, Stale
from shared.contracts.base import Event
from shared.errors import Kind, Refusal
from shared.messaging import inbox, outbox
from shared.messaging.delivery import Delivery, Received, dead_letter, read
from shared.messaging.retry import DELAYS, retry_of
from shared.observability.logging import MessageLine, log_messages
from shared.observability.metrics import (
    CONSUMER_BATCH_SIZE,
    CONSUMER_HANDLE_SECONDS,
    CONSUMER_LAG_SECONDS,
    CONSUMER_MESSAGES,
    CONSUMER_PAUSED,
)
from shared.observability.tracing import continued, failed, handling
from shared.postgres.database import Database, Part, Transaction, is_contention

__all__ = ["Handler", "Receiver", "Stale"]

log = structlog.get_logger()

Handler: TypeAlias = receive.Handler[Transaction]

# A large batch is handled in pieces that overlap: while PostgreSQL works on one, the next is
# decided. A small one is not: its fixed costs would only be paid several times.
PIECES = 3
SPLIT_FROM = 300
# Whose an event is: a field of it, or None for an event of no single user.
UserFields: TypeAlias = Mapping[type[Event], str | None]


class Receiver:
    """
    Handles the deliveries of one queue; `routes` is the routing table.

    A batch is divided by the parts that its users are in, and each transaction is of one of them.
    An event is its partition key's, or that of the field that `users` names for it.
    `delays` names the delay queues a failing message goes through before it is a dead letter.
    `inbox` says whether handled messages are remembered; without it the handlers have to know
    each message by a permanent key of their own.
    """

    def __init__(
        self,
        queue: str,
        routes: Mapping[type[Event], Handler],
        *,
        database: Database,
        user: str,
        delays: Sequence[str] = DELAYS,
        inbox: bool = True,
        users: UserFields | None = None,
    ) -> None:
        self.queue = queue
        self._database = database
        self._fields = {event.type(): field for event, field in (users or {}).items()}
        self._receivers = {
            mailbox.number: PartReceiver(
                queue,
                routes,
                part=mailbox,
                database=database,
                user=user,
                delays=delays,
                inbox=inbox,
            )
            for mailbox in database.mailboxes
        }

    async def receive(
        self, deliveries: Sequence[Delivery], stopping: asyncio.Event | None = None
    ) -> None:
        """
        Finish a batch: afterwards every delivery is handled, a dead letter or on its way back.

        Raises only if we stop while the database is away; then nothing is acknowledged.
        """
        CONSUMER_BATCH_SIZE.labels(self.queue).observe(len(deliveries))
        started = time.monotonic()
        stopping = stopping or asyncio.Event()
        with handling(self.queue, deliveries):
            results = await asyncio.gather(
                *(
                    self._receivers[part].receive_batch(piece, stopping)
                    for part, piece in self._divided(deliveries)
                ),
                return_exceptions=True,
            )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        CONSUMER_HANDLE_SECONDS.labels(self.queue).observe(time.monotonic() - started)

    async def wait_for_database(self, stopping: asyncio.Event) -> None:
        """Return once the database answers, or we stop."""
        await self._receivers[None].wait_for_database(stopping)

    def _divided(
        self, deliveries: Sequence[Delivery]
    ) -> Iterator[tuple[int | None, Sequence[Delivery]]]:
        """Yield the deliveries of each part; one key's stay in order."""
        if self._database.part_count == 1:
            yield from ((None, piece) for piece in _pieces(deliveries))
            return
        parts: dict[int | None, list[Delivery]] = {}
        for delivery in deliveries:
            user = _user_of(delivery, self._fields)
            part = self._database.part_for(user) if user else self._database.reference
            parts.setdefault(part.number, []).append(delivery)
        yield from parts.items()


class PartReceiver(BatchReceiver[Transaction]):
    """Handles the deliveries of one queue that are about the users of one part."""

    def __init__(
        self,
        queue: str,
        routes: Mapping[type[Event], Handler],
        *,
        part: Part,
        database: Database,
        user: str,
        delays: Sequence[str],
        inbox: bool,
    ) -> None:
        super().__init__(queue, Metrics(CONSUMER_MESSAGES, CONSUMER_LAG_SECONDS, CONSUMER_PAUSED))
        for contract, handler in routes.items():
            self.route(contract, handler)
        self._part = part
        self._database = database
        self._user = user
        self._delays = delays
        self._has_inbox = inbox

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._part.transaction()

    async def ping(self) -> None:
        await self._database.ping()

    def read(self, delivery: Delivery) -> Received:
        """Read a delivery; its effects belong to the span of its handling, if there is one."""
        envelope = read(delivery, self._contracts, self._user)
        cause = continued(delivery.message_id, envelope.traceparent)
        if cause == envelope.traceparent:
            return envelope
        return envelope.model_copy(update={"traceparent": cause})

    async def handle(self, tx: Transaction, batch: Batch) -> None:
        await super().handle(tx, batch)
        tx.after_commit(lambda: log_messages("handled", map(_line, batch.fresh), queue=self.queue))

    async def claim(self, tx: Transaction, message_ids: Sequence[UUID]) -> set[UUID]:
        if not self._has_inbox:
            return set(message_ids)
        return await inbox.accept(tx, self.queue, message_ids)

    async def dead_letter(self, tx: Transaction, dead: Dead) -> None:
        dead_letters = []
        for delivery, error in dead:
            self._log_set_aside("message.dead_lettered", delivery, error.code, str(error))
            dead_letters.append(
                dead_letter(delivery, self.queue, code=error.code, detail=str(error))
            )
        await outbox.send(tx, dead_letters)

    def is_at_fault(self, error: Exception) -> bool:
        """Lock contention is not the message's fault, so it never counts as an attempt."""
        return not is_contention(error)

    async def set_aside(self, tx: Transaction, delivery: Delivery, error: Exception) -> str:
        """Send a delivery that failed on its way; its inbox row stays unwritten."""
        code = error.code() if isinstance(error, Refusal) else type(error).__name__
        log.error("message.handler_failed", queue=self.queue, exc_info=error)
        # A broken rule stays broken; any other error may pass.
        is_final = isinstance(error, Refusal) and error.kind is not Kind.UNAVAILABLE
        if not is_final and delivery.attempt < len(self._delays):
            self._log_set_aside("message.delayed", delivery, code, str(error))
            delayed = retry_of(delivery, self.queue, delay=self._delays[delivery.attempt])
            await outbox.send(tx, [delayed])
            return "retried"
        stack = "".join(traceback.format_tb(error.__traceback__))
        stack_hash = hashlib.sha256(stack.encode()).hexdigest()[:12]
        self._log_set_aside("message.dead_lettered", delivery, code, str(error))
        message = dead_letter(
            delivery, self.queue, code=code, detail=str(error), stack_hash=stack_hash
        )
        await outbox.send(tx, [message])
        return "dead_lettered"

    def warn(self, event: str, **about: object) -> None:
        log.warning(event, queue=self.queue, **about)

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


def _line(envelope: Received) -> MessageLine:
    return MessageLine(
        type=envelope.type,
        message_id=envelope.id,
        subject=envelope.subject,
        correlation_id=envelope.correlationid,
        causation_id=envelope.causationid,
        traceparent=envelope.traceparent,
    )


def _user_of(delivery: Delivery, fields: Mapping[str, str | None]) -> str | None:
    """
    Return whose a delivery is; None: of no single user, or it cannot be read.

    What is inside counts: `read` refuses an envelope whose partition key is not that of its data.
    """
    try:
        envelope = from_json(delivery.body)
        if delivery.type not in fields:
            user = envelope["partitionkey"]
        else:
            field = fields[delivery.type]
            user = None if field is None else envelope["data"][field]
    except (ValueError, LookupError, TypeError):
        return None
    return user if isinstance(user, str) else None


def _pieces(deliveries: Sequence[Delivery]) -> list[Sequence[Delivery]]:
    """Spread a large batch by partition key, which stays in order inside its piece."""
    if len(deliveries) < SPLIT_FROM:
        return [deliveries]
    pieces: list[list[Delivery]] = [[] for _ in range(PIECES)]
    for delivery in deliveries:
        key = str(delivery.headers.get("cloudEvents_partitionkey", ""))
        pieces[zlib.crc32(key.encode()) % PIECES].append(delivery)
    return [piece for piece in pieces if piece]
