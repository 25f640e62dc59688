"""How many messages wait in a service's queues, and how many it could not handle."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import structlog
from aiormq.exceptions import ChannelClosed

from shared.amqp.transport import Connection
from shared.contracts.routes import QUEUES
from shared.messaging.broker import Broker, close_quietly
from shared.messaging.delivery import service_of
from shared.messaging.partitions import partitions_of_installation, spreads_of

log = structlog.get_logger()

# However often it is asked: the broker is asked once in this time.
FRESH_SECONDS = 5.0
ANSWER_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits in a queue and beside it; None: the broker did not say."""

    queue: str
    waiting: int | None
    dead_letters: int | None


class QueueDepths:
    """
    Asks the broker, as the service's own user, what waits in the service's queues.

    A queue that is declared passively only says how many messages it has: that needs no right, and
    takes none of them.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._queues = [each for each in QUEUES if service_of(each) == broker.service]
        self._asking = asyncio.Lock()
        self._found: list[Depth] = []
        self._found_at = -FRESH_SECONDS

    async def read(self) -> Sequence[Depth]:
        """Return the depth of each queue, a few seconds old at most."""
        async with self._asking:
            if monotonic() - self._found_at >= FRESH_SECONDS:
                self._found = await self._measure()
                self._found_at = monotonic()
            return self._found

    async def _measure(self) -> list[Depth]:
        connection = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                connection = await self._broker.connect("operations")
                return [await self._depth(connection, queue) for queue in self._queues]
        except Exception as error:  # noqa: BLE001 - what the database says is worth showing alone
            log.warning("queues.unmeasured", error=repr(error)[:200])
            return [Depth(queue, None, None) for queue in self._queues]
        finally:
            await close_quietly(connection)

    async def _depth(self, connection: Connection, queue: str) -> Depth:
        spreads = spreads_of(queue, partitions_of_installation())
        names = [name for spread in spreads for name in spread.queues]
        counts = [await _count(connection, name) for name in names]
        known = [count for count in counts if count is not None]
        return Depth(queue, sum(known) if known else None, await _count(connection, f"{queue}.dlq"))


async def _count(connection: Connection, queue: str) -> int | None:
    """Return how many messages a queue has; None if there is no such queue."""
    # The broker closes the channel that asks for a queue which does not exist.
    channel = await connection.channel()
    try:
        declared = await channel.declare_queue(queue, passive=True)
    except ChannelClosed:
        return None
    await channel.close()
    return declared.declaration_result.message_count
