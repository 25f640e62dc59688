"""
The receive engine: a batch of messages becomes handled events, in one transaction.

Our services (`shared/messaging/receiver.py`) and the consumers of other teams
(`shared/kit/receiver.py`) differ in where they remember what was handled and where a message that
fails waits. Everything else is here: what is tried again, in which order, and when we wait.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter as Counts
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from prometheus_client import Counter, Gauge, Histogram

from ..contracts.base import Event
from ..contracts.decoding import Received, Unreadable
from ..postgres.errors import is_contention, is_unavailable
from .connection import pause
from .delivery import Delivery

TransactionT = TypeVar("TransactionT")

# A handler may name the messages that changed nothing: a newer revision was handled before.
Stale: TypeAlias = Collection[UUID] | None
Handler: TypeAlias = Callable[[TransactionT, Sequence[Any]], Awaitable[Stale]]
# Messages that cannot be read, with the reason.
Dead: TypeAlias = Sequence[tuple[Delivery, Unreadable]]
BeforeCommit: TypeAlias = Callable[[TransactionT], Awaitable[None]]

# Tries of a whole batch that lost its locks to others, before its messages are done one by one.
TRIES_MAX = 3
TRY_AGAIN_SECONDS = 0.2
DATABASE_WAIT_SECONDS_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """Where a consumer counts: messages by queue, type and outcome, the others by queue."""

    messages: Counter
    lag_seconds: Histogram
    paused: Gauge


@dataclass(slots=True)
class Batch:
    """The messages of a batch by what became of them."""

    readable: list[Received] = field(default_factory=list)
    unreadable: list[tuple[Delivery, Unreadable]] = field(default_factory=list)
    # Of a type that the consumer has no use for.
    ignored: int = 0
    # Of the readable: those that came for the first time.
    fresh: list[Received] = field(default_factory=list)
    stale: set[UUID] = field(default_factory=set)


class BatchReceiver(ABC, Generic[TransactionT]):
    """
    Handles the messages of one queue; the abstract methods say what differs between consumers.

    Messages of one handler reach it in one call, in the order of their arrival. A batch that
    fails is done again message by message, so that one bad message cannot fail its neighbours.
    While the database is away the batch is kept, and nothing is acknowledged.
    """

    def __init__(self, queue: str, metrics: Metrics) -> None:
        self.queue = queue
        self._metrics = metrics
        self._contracts: dict[str, type[Event]] = {}
        self._handlers: dict[str, Handler[TransactionT]] = {}

    def route(self, contract: type[Event], handler: Handler[TransactionT]) -> None:
        """Give the events of a contract to this handler."""
        self._contracts[contract.type()] = contract
        self._handlers[contract.type()] = handler

    @abstractmethod
    def transaction(self) -> AbstractAsyncContextManager[TransactionT]:
        """Open the transaction of a batch; it commits where the block ends."""

    @abstractmethod
    async def ping(self) -> None:
        """Ask the database for an answer."""

    @abstractmethod
    def read(self, delivery: Delivery) -> Received | None:
        """Return the envelope of a message, None to ignore it, or raise `Unreadable`."""

    @abstractmethod
    async def claim(self, tx: TransactionT, message_ids: Sequence[UUID]) -> set[UUID]:
        """Remember the messages as handled; return those that were not remembered before."""

    @abstractmethod
    async def dead_letter(self, tx: TransactionT, dead: Dead) -> None:
        """Set messages aside for good that cannot be read, in the transaction of their batch."""

    @abstractmethod
    async def set_aside(self, tx: TransactionT, delivery: Delivery, error: Exception) -> str:
        """Let a message that failed alone wait for its next attempt, or not; return the outcome."""

    @abstractmethod
    def warn(self, event: str, **about: object) -> None:
        """Log what happened to a batch, or to the queue."""

    async def is_away(self, error: Exception) -> bool:
        """Whether an error means that the database is away."""
        return is_unavailable(error)

    def is_at_fault(self, error: Exception) -> bool:  # noqa: ARG002 - a subclass may decide by it
        """Whether a message that failed alone is set aside; if not, it is tried again at once."""
        return True

    async def receive_batch(
        self,
        deliveries: Sequence[Delivery],
        stopping: asyncio.Event,
        before_commit: BeforeCommit[TransactionT] | None = None,
    ) -> None:
        """
        Finish a batch: afterwards every message is handled or set aside.

        `before_commit` commits together with the batch. Raises only if we stop while the database
        is away; then nothing may be acknowledged.
        """
        try:
            await self._when_possible(lambda: self._commit(deliveries, before_commit), stopping)
        except Exception as error:
            if stopping.is_set():
                raise
            self.warn("batch.failed", size=len(deliveries), error=repr(error))
            for delivery in deliveries:
                await self._receive_one(delivery, stopping)
            if before_commit is not None:
                await self._when_possible(lambda: self._commit([], before_commit), stopping)

    async def wait_for_database(self, stopping: asyncio.Event) -> None:
        """Return once the database answers, or we stop."""
        delay_seconds = TRY_AGAIN_SECONDS
        while not stopping.is_set():
            try:
                await self.ping()
            except Exception as error:
                if not is_unavailable(error):
                    raise
                self._metrics.paused.labels(self.queue).set(1)
                self.warn("consumer.paused", error=repr(error)[:200])
                await pause(delay_seconds, stopping)
                delay_seconds = min(delay_seconds * 2, DATABASE_WAIT_SECONDS_MAX)
            else:
                self._metrics.paused.labels(self.queue).set(0)
                return

    def read_all(self, deliveries: Sequence[Delivery]) -> Batch:
        """Read a batch of messages."""
        batch: Batch = Batch()
        for delivery in deliveries:
            try:
                envelope = self.read(delivery)
            except Unreadable as error:
                batch.unreadable.append((delivery, error))
                continue
            if envelope is None:
                batch.ignored += 1
            else:
                batch.readable.append(envelope)
        return batch

    async def handle(self, tx: TransactionT, batch: Batch) -> None:
        """Claim the readable messages, and give those that are new to their handlers."""
        if not batch.readable:
            return
        claimed = await self.claim(tx, [envelope.id for envelope in batch.readable])
        # The same message twice inside one batch is one message.
        new = dict.fromkeys(claimed, True)
        batch.fresh = [each for each in batch.readable if new.pop(each.id, False)]
        groups: dict[Handler[TransactionT], list[Received]] = {}
        for envelope in batch.fresh:
            groups.setdefault(self._handlers[envelope.type], []).append(envelope)
        for handler, envelopes in groups.items():
            batch.stale.update(await handler(tx, envelopes) or ())

    def count(self, kind: str, outcome: str, number: int = 1) -> None:
        """Count messages of a type; a type we do not know would be a label of its own."""
        known = kind if kind in self._contracts else "any"
        self._metrics.messages.labels(self.queue, known, outcome).inc(number)

    def count_batch(self, batch: Batch) -> None:
        """Count what a batch consisted of, after its commit."""
        outcomes = Counts(
            (envelope.type, "stale" if envelope.id in batch.stale else "applied")
            for envelope in batch.fresh
        )
        outcomes["any", "duplicate"] = len(batch.readable) - len(batch.fresh)
        outcomes["any", "dead_lettered"] = len(batch.unreadable)
        outcomes["any", "ignored"] = batch.ignored
        for (kind, outcome), number in outcomes.items():
            if number:
                self.count(kind, outcome, number)
        if batch.fresh:
            oldest = min(envelope.time for envelope in batch.fresh)
            age_seconds = (datetime.now(UTC) - oldest).total_seconds()
            self._metrics.lag_seconds.labels(self.queue).observe(max(0.0, age_seconds))

    async def _when_possible(
        self, work: Callable[[], Awaitable[None]], stopping: asyncio.Event
    ) -> None:
        """Do the work; while the database is away wait for it, however long it takes."""
        tries = 0
        while True:
            try:
                await work()
            except Exception as error:
                if await self.is_away(error):
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

    async def _receive_one(self, delivery: Delivery, stopping: asyncio.Event) -> None:
        while True:
            try:
                await self._when_possible(lambda: self._commit([delivery], None), stopping)
            except Exception as error:
                if stopping.is_set():
                    raise
                if self.is_at_fault(error):
                    failure = error
                    break
                await pause(TRY_AGAIN_SECONDS, stopping)
            else:
                return
        await self._when_possible(lambda: self._set_aside(delivery, failure), stopping)

    async def _set_aside(self, delivery: Delivery, error: Exception) -> None:
        async with self.transaction() as tx:
            outcome = await self.set_aside(tx, delivery, error)
        self.count(delivery.type, outcome)

    async def _commit(
        self, deliveries: Sequence[Delivery], before_commit: BeforeCommit[TransactionT] | None
    ) -> None:
        batch = self.read_all(deliveries)
        async with self.transaction() as tx:
            await self.handle(tx, batch)
            if batch.unreadable:
                await self.dead_letter(tx, batch.unreadable)
            if before_commit is not None:
                await before_commit(tx)
        self.count_batch(batch)
