"""A message that comes alone is taken at once; while many come, batches gather."""

import asyncio

import pytest

from shared.amqp.batches import consume
from shared.amqp.confirms import Publisher
from shared.amqp.connection import close_quietly
from shared.observability.metrics import CONSUMER_CONNECTED
from tests.shared.messaging.conftest import QUEUE, a_message, published
from tests.shared.messaging.waiting import SECONDS_MAX

BATCH_MAX = 20
# Longer than any test takes: what comes before it does not come by time.
LONG_SECONDS = 1_000.0


@pytest.fixture
async def batches(broker_of):
    """Consume with gathering; yields the sizes of batches, and how to start and stop."""
    stopping, arrived, tasks = asyncio.Event(), asyncio.Queue(), []

    async def receive(batch):
        arrived.put_nowait(len(batch))

    def start(*, spaced_from):
        tasks.append(
            asyncio.create_task(
                consume(
                    lambda: broker_of("gift").connect("test"),
                    QUEUE,
                    receive,
                    stopping,
                    connected=CONSUMER_CONNECTED,
                    batch_max=BATCH_MAX,
                    spacing_seconds=LONG_SECONDS,
                    spaced_from=spaced_from,
                )
            )
        )

    async def next_size():
        return await asyncio.wait_for(arrived.get(), SECONDS_MAX)

    yield start, next_size, arrived
    stopping.set()
    # A batch that gathers ends at once.
    await asyncio.wait_for(asyncio.gather(*tasks), SECONDS_MAX)


@pytest.fixture
async def publish_some(open_connection):
    publisher = await Publisher.open(await open_connection())

    async def publish(count):
        assert not any(await published(publisher, *[a_message() for _ in range(count)]))

    yield publish
    await close_quietly(publisher.channel)


async def test_while_many_come_a_batch_gathers_until_it_is_full(batches, publish_some):
    start, next_size, arrived = batches
    start(spaced_from=1)
    await publish_some(1)
    assert await next_size() == 1

    await publish_some(BATCH_MAX - 1)
    await asyncio.sleep(0.3)
    assert arrived.empty()
    await publish_some(1)

    assert await next_size() == BATCH_MAX


async def test_what_comes_alone_is_taken_at_once(batches, publish_some):
    start, next_size, _ = batches
    start(spaced_from=1_000_000_000)

    for _ in range(5):
        await publish_some(1)
        assert await next_size() == 1
