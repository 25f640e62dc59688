"""A consumer of a service: one queue, its handlers, and a connection that comes back."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiormq.exceptions import ChannelNotFoundEntity

from shared.amqp.batches import consume
from shared.amqp.delivery import Delivery
from shared.amqp.transport import Connection
from shared.contracts.base import Event
from shared.contracts.routes import require_handlers
from shared.messaging.broker import Broker, close_quietly, pause, supervise
from shared.messaging.partitions import (
    Partitions,
    Spread,
    partitions_of_installation,
    spreads_of,
)
from shared.messaging.receiver import Handler, Receiver, UserFields
from shared.messaging.retry import DELAYS
from shared.observability.metrics import CONSUMER_CONNECTED
from shared.postgres.database import Database

CONSUMER_BATCH_MAX = 1_500
# Batches begin at least so far apart once they are this large, and closer the smaller they are: a
# message that comes alone is taken at once, a storm gathers what makes a batch's fixed costs
# worthwhile.
SPACING_SECONDS = 0.025
SPACED_FROM = 50
# With several parts a batch is a transaction for each of them: so it may be as many times larger,
# as far as memory allows.
BATCHES_IN_ONE_MAX = 4
# How often an instance looks whether a partition has become its own, or another's.
LOOK_SECONDS = 0.5


class Consumer:
    """
    Gives a queue's messages to their handlers: one transaction a batch, ack after commit.

    `routes` has a handler for each event that `QUEUES` binds to the queue, or raises
    `RoutesDiffer`. `delays` names the delay queues a failing message goes through. While the
    database is away the deliveries are kept and nothing is given back.

    With `inbox=False` no row remembers that a message was handled. Choose it where the handler has
    a permanent key for each message, and publishes the same again when the key comes again.
    `batch_max` is how many messages make a batch; by default more where it is divided by parts.
    `users` names the field that says whose an event is, where it is not its partition key.

    Where the queue has partitions (`shared.messaging.partitions`), each instance consumes as many
    as any other, or one more.
    """

    def __init__(
        self,
        queue: str,
        routes: Mapping[type[Event], Handler],
        *,
        database: Database,
        broker: Broker,
        batch_max: int | None = None,
        spacing_seconds: float = SPACING_SECONDS,
        spaced_from: int = SPACED_FROM,
        delays: Sequence[str] = DELAYS,
        inbox: bool = True,
        users: UserFields | None = None,
        partitions: Partitions | None = None,
    ) -> None:
        require_handlers(queue, routes.keys())
        self.queue = queue
        self._receiver = Receiver(
            queue,
            routes,
            database=database,
            user=broker.user,
            delays=delays,
            inbox=inbox,
            users=users,
        )
        self._database = database
        self._broker = broker
        if partitions is None:
            partitions = partitions_of_installation()
        self._spreads = spreads_of(queue, partitions)
        batches = min(database.part_count, BATCHES_IN_ONE_MAX)
        self.batch_max = batch_max or batches * CONSUMER_BATCH_MAX
        self._spacing_seconds = spacing_seconds
        self._spaced_from = spaced_from

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until we stop; a session that breaks is begun again."""
        partitions = range(max(spread.count for spread in self._spreads))
        await asyncio.gather(*(self._run(number, stopping) for number in partitions))

    async def _run(self, number: int, stopping: asyncio.Event) -> None:
        await supervise(self.queue, lambda: self._session(number, stopping), stopping)

    async def _session(self, number: int, stopping: asyncio.Event) -> None:
        """Consume one partition while it is there, and this instance's."""
        await self._receiver.wait_for_database(stopping)
        spread = await self._spread()
        while not stopping.is_set() and not self._is_ours(spread, number):
            await pause(LOOK_SECONDS, stopping)
            spread = await self._spread()
        if stopping.is_set():
            return
        async with self._until_anothers(spread, number, stopping) as ending:
            await consume(
                lambda: self._broker.connect(self.queue),
                spread.queues[number],
                lambda batch: self.receive(batch, stopping),
                ending,
                connected=CONSUMER_CONNECTED,
                batch_max=self.batch_max,
                spacing_seconds=self._spacing_seconds,
                spaced_from=self._spaced_from,
            )

    def _is_ours(self, spread: Spread, number: int) -> bool:
        # One queue has no partitions: all instances compete for its messages.
        return number < spread.count and (
            spread.count == 1 or self._database.peers.has(number, spread.count)
        )

    @asynccontextmanager
    async def _until_anothers(
        self, spread: Spread, number: int, stopping: asyncio.Event
    ) -> AsyncIterator[asyncio.Event]:
        """Yield an event that is set when we stop, or the partition is another instance's."""
        if spread.count == 1:
            yield stopping
            return
        ending = asyncio.Event()

        async def watch() -> None:
            while not stopping.is_set() and self._is_ours(spread, number):
                await pause(LOOK_SECONDS, stopping)
            ending.set()

        watching = asyncio.create_task(watch())
        try:
            yield ending
        finally:
            watching.cancel()

    async def _spread(self) -> Spread:
        """Return the queues to consume: the oldest there are, for their messages came first."""
        *older, newest = self._spreads
        if not older:
            return newest
        connection = await self._broker.connect(self.queue)
        try:
            for spread in older:
                for queue in spread.queues:
                    if await _exists(connection, queue):
                        return spread
        finally:
            await close_quietly(connection)
        return newest

    async def receive(
        self, deliveries: Sequence[Delivery], stopping: asyncio.Event | None = None
    ) -> None:
        """Finish a batch, as `Receiver` does."""
        await self._receiver.receive(deliveries, stopping)


async def _exists(connection: Connection, queue: str) -> bool:
    channel = await connection.channel(publisher_confirms=False)
    try:
        await channel.declare_queue(queue, passive=True)
    except ChannelNotFoundEntity:
        return False
    return True
