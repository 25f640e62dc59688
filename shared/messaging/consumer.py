"""From a queue to whoever receives it, and back to an ack: in batches, for as long as it takes."""

import asyncio
from collections.abc import Mapping, Sequence

from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage

from shared.amqp.batches import Incoming
from shared.contracts.base import Event
from shared.messaging.broker import Broker, close_quietly, supervise
from shared.messaging.delivery import Delivery
from shared.messaging.receiver import Handler, Receiver
from shared.messaging.retry import DELAYS
from shared.observability.metrics import CONSUMER_CONNECTED
from shared.postgres.database import Database

BATCH_MAX = 1_500
PREFETCH_BATCHES = 2
# Batches begin at least so far apart once they are this large, and closer the smaller they are: a
# message that comes alone is taken at once, a storm gathers what makes a batch's fixed costs
# worthwhile.
SPACING_SECONDS = 0.025
SPACED_FROM = 50


class Consumer:
    """
    Gives a queue's messages to their handlers: one transaction a batch, ack after commit.

    `routes` is the routing table, `delays` the delay queues a failing message goes through. While
    the database is away the deliveries are kept and nothing is given back.
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
        spaced_from: int = SPACED_FROM,
        delays: Sequence[str] = DELAYS,
    ) -> None:
        self.queue = queue
        self.connected = False
        self._receiver = Receiver(queue, routes, database=database, user=broker.user, delays=delays)
        self._broker = broker
        self._batch_max = batch_max
        self._spacing_seconds = spacing_seconds
        self._spaced_from = spaced_from

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until we stop, whatever breaks meanwhile."""
        await supervise(self.queue, lambda: self._session(stopping), stopping)

    async def _session(self, stopping: asyncio.Event) -> None:
        await self._receiver.wait_for_database(stopping)
        connection: AbstractConnection | None = None
        try:
            connection = await self._broker.connect(self.queue)
            channel = await connection.channel(publisher_confirms=False)
            prefetch = PREFETCH_BATCHES * self._batch_max
            incoming = await Incoming.begin(channel, self.queue, prefetch=prefetch)
            self._set_connected(connected=True)
            await incoming.settle(
                lambda batch: self.receive([_delivery(each) for each in batch], stopping),
                stopping,
                batch_max=self._batch_max,
                spacing_seconds=self._spacing_seconds,
                spaced_from=self._spaced_from,
            )
        finally:
            self._set_connected(connected=False)
            # The running batch is settled; closing the channel gives the rest back, in order.
            await close_quietly(connection)

    async def receive(
        self, deliveries: Sequence[Delivery], stopping: asyncio.Event | None = None
    ) -> None:
        """Settle a batch for good, as `Receiver` does."""
        await self._receiver.receive(deliveries, stopping)

    def _set_connected(self, *, connected: bool) -> None:
        self.connected = connected
        CONSUMER_CONNECTED.labels(self.queue).set(connected)


def _delivery(message: DeliveredMessage) -> Delivery:
    properties = message.header.properties
    return Delivery(
        body=message.body,
        type=properties.message_type or "",
        message_id=properties.message_id or "",
        user_id=properties.user_id or "",
        headers=properties.headers or {},
    )
