"""A consumer of a service: one queue, its handlers, and a connection that comes back."""

import asyncio
from collections.abc import Mapping, Sequence

from shared.amqp.batches import consume
from shared.amqp.delivery import Delivery
from shared.contracts.base import Event
from shared.contracts.routes import require_handlers
from shared.messaging.broker import Broker, supervise
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


class Consumer:
    """
    Gives a queue's messages to their handlers: one transaction a batch, ack after commit.

    `routes` has a handler for each event that `QUEUES` binds to the queue, or raises
    `RoutesDiffer`. `delays` names the delay queues a failing message goes through. While the
    database is away the deliveries are kept and nothing is given back.

    With `inbox=False` no row remembers that a message was handled. Choose it where the handler has
    a permanent key for each message, and publishes the same again when the key comes again.
    `users` names the field that says whose an event is, where it is not its partition key.
    """

    def __init__(
        self,
        queue: str,
        routes: Mapping[type[Event], Handler],
        *,
        database: Database,
        broker: Broker,
        batch_max: int = CONSUMER_BATCH_MAX,
        spacing_seconds: float = SPACING_SECONDS,
        spaced_from: int = SPACED_FROM,
        delays: Sequence[str] = DELAYS,
        inbox: bool = True,
        users: UserFields | None = None,
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
        self._broker = broker
        self._batch_max = batch_max
        self._spacing_seconds = spacing_seconds
        self._spaced_from = spaced_from

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until we stop; a session that breaks is begun again."""
        await supervise(self.queue, lambda: self._session(stopping), stopping)

    async def _session(self, stopping: asyncio.Event) -> None:
        await self._receiver.wait_for_database(stopping)
        await consume(
            lambda: self._broker.connect(self.queue),
            self.queue,
            lambda batch: self.receive(batch, stopping),
            stopping,
            connected=CONSUMER_CONNECTED,
            batch_max=self._batch_max,
            spacing_seconds=self._spacing_seconds,
            spaced_from=self._spaced_from,
        )

    async def receive(
        self, deliveries: Sequence[Delivery], stopping: asyncio.Event | None = None
    ) -> None:
        """Finish a batch, as `Receiver` does."""
        await self._receiver.receive(deliveries, stopping)
