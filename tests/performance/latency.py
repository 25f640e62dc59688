"""(e) How long it takes until another team hears of a gift, at a quarter of the greatest rate."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from deploy.harness.system import System
from shared.messaging.outbox import EVENTS_EXCHANGE, own_exchange
from shared.messaging.topology import VHOST
from tests.performance.gifts import Crowd
from tests.performance.results import Result

SECONDS = 10.0
CONNECTIONS = 32
WAIT_SECONDS_MAX = 30.0
BARE_MESSAGES = 500
QUEUE = "bench.events"


async def heard_by_another_team(system: System, crowd: Crowd, *, greatest: float) -> list[Result]:
    """From the answer that a gift is accepted to its `gift.sent` at a consumer of its own."""
    heard: dict[str, float] = {}
    async with _listening(system, heard) as exchange:
        bare = await _bare(exchange, heard)
        rate = greatest / 4
        accepted = await crowd.give_steadily(rate=rate, seconds=SECONDS, connections=CONNECTIONS)
        deadline = time.perf_counter() + WAIT_SECONDS_MAX
        while accepted.keys() - heard.keys():
            assert time.perf_counter() < deadline, "some gifts were never heard of"
            await asyncio.sleep(0.05)
    # A gift may be heard of before its request is answered.
    latencies = [max(0.0, heard[gift] - at) * 1000 for gift, at in accepted.items()]
    print(f"  {rate:,.0f} gifts/s offered, {len(accepted)} heard of", flush=True)
    return [
        bare,
        _compared("accepted to heard by another team, p50", latencies, 50, bare),
        _compared("accepted to heard by another team, p99", latencies, 99, bare),
    ]


def _compared(name: str, latencies: list[float], percent: int, bare: Result) -> Result:
    value = _percentile(latencies, percent)
    return Result(name, round(value, 1), "ms", bare.name, round(value / bare.value, 2))


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


@asynccontextmanager
async def _listening(
    system: System, heard: dict[str, float]
) -> AsyncIterator[aio_pika.abc.AbstractExchange]:
    """A bounded queue like another team's, and when each subject was heard of in it."""
    url = system.rabbit.url(VHOST, user="ovationctl", password=system.secrets.broker["ovationctl"])
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=500)
        queue = await channel.declare_queue(
            QUEUE, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 1_000_000}
        )
        exchange = await channel.get_exchange(own_exchange(EVENTS_EXCHANGE, "gift"))
        await queue.bind(exchange, "gift.sent")

        async def hear(message: AbstractIncomingMessage) -> None:
            heard.setdefault(json.loads(message.body)["subject"], time.perf_counter())
            await message.ack()

        tag = await queue.consume(hear)
        try:
            yield exchange
        finally:
            await queue.cancel(tag)
            await queue.delete(if_unused=False, if_empty=False)


async def _bare(exchange: aio_pika.abc.AbstractExchange, heard: dict[str, float]) -> Result:
    """One message at a time through the same queue, with nothing around it."""
    seconds = []
    for number in range(BARE_MESSAGES):
        subject = f"bare-{number}"
        started = time.perf_counter()
        body = json.dumps({"subject": subject}).encode()
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await exchange.publish(message, routing_key="gift.sent")
        while subject not in heard:
            await asyncio.sleep(0)
        seconds.append(heard[subject] - started)
    return Result("bare publish to bare consume, p50", _percentile(seconds, 50) * 1000, "ms")
