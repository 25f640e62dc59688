"""How long it takes until another team receives a gift, at a calm rate."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from shared.messaging.outbox import EVENTS_EXCHANGE, own_exchange
from tests.performance.installation import Installation
from tests.performance.results import Result
from tests.performance.through_http import funded

SECONDS, GIFTS_PER_SECOND = 10.0, 25.0
CONNECTIONS = 32
WAIT_SECONDS_MAX = 30.0
BARE_MESSAGES = 500
QUEUE = "bench.events"


async def received_by_another_team(installation: Installation) -> list[Result]:
    """From the answer that a gift is accepted to its `gift.sent` at a consumer of its own."""
    crowd = await funded(installation)
    arrived: dict[str, float] = {}

    def note(event: Mapping[str, str]) -> None:
        arrived.setdefault(event["subject"], time.perf_counter())

    async with listening(installation, {"gift": "gift.sent"}, note) as channel:
        exchange = await channel.get_exchange(own_exchange(EVENTS_EXCHANGE, "gift"))
        bare = await _bare(exchange, arrived)
        accepted = await crowd.give_steadily(
            rate=GIFTS_PER_SECOND, seconds=SECONDS, connections=CONNECTIONS
        )
        deadline = time.perf_counter() + WAIT_SECONDS_MAX
        while accepted.keys() - arrived.keys():
            assert time.perf_counter() < deadline, "some gifts were never received"
            await asyncio.sleep(0.05)
    # A gift may be received before its request is answered.
    latencies = [max(0.0, arrived[gift] - at) * 1000 for gift, at in accepted.items()]
    return [
        bare,
        *(
            Result(f"accepted until another team received it, p{p}", percentile(latencies, p), "ms")
            for p in (50, 99)
        ),
    ]


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


@asynccontextmanager
async def listening(
    installation: Installation,
    keys: Mapping[str, str],
    note: Callable[[Mapping[str, str]], None],
) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    """
    Have a bounded queue like another team's, and note each event that arrives in it.

    `keys` are the routing keys to bind it by, one a service.
    """
    async with await aio_pika.connect(installation.broker) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=500)
        queue = await channel.declare_queue(
            QUEUE, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 1_000_000}
        )
        for service, key in keys.items():
            exchange = await channel.get_exchange(own_exchange(EVENTS_EXCHANGE, service))
            await queue.bind(exchange, key)

        async def receive(message: AbstractIncomingMessage) -> None:
            note(json.loads(message.body))
            await message.ack()

        tag = await queue.consume(receive)
        try:
            yield channel
        finally:
            await queue.cancel(tag)
            await queue.delete(if_unused=False, if_empty=False)


async def _bare(exchange: aio_pika.abc.AbstractExchange, arrived: dict[str, float]) -> Result:
    """One message at a time through the same queue, with nothing around it."""
    seconds = []
    for number in range(BARE_MESSAGES):
        subject = f"bare-{number}"
        started = time.perf_counter()
        body = json.dumps({"subject": subject}).encode()
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await exchange.publish(message, routing_key="gift.sent")
        while subject not in arrived:
            await asyncio.sleep(0)
        seconds.append(arrived[subject] - started)
    return Result("bare publish to bare consume, p50", percentile(seconds, 50) * 1000, "ms")
