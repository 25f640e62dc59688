"""The relay and a consumer, each against the bare client with the same bodies."""

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

import aio_pika

from deploy.harness.system import System
from shared.contracts.envelope import Cause
from shared.contracts.routes import QUEUES
from shared.contracts.wallet import GiftPaymentRefused
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Received
from shared.messaging.facts import Fact
from shared.messaging.outbox import EVENTS_EXCHANGE, own_exchange, publish
from shared.messaging.relay import PUBLISH_BATCH_MAX, Relay
from shared.postgres.database import Database, Transaction
from shared.postgres.statements import text
from tests.performance.benches import broker_of, database_of, tune, vhost
from tests.performance.results import Result

MESSAGES = 20_000
QUEUE = "gift.outcomes"
KEY = "wallet.gift_refused"
TYPE = GiftPaymentRefused.type()


async def relay_and_consume(system: System) -> list[Result]:
    """Relay a full outbox, consume a full queue, and let the bare client do both."""
    tune()
    outgoing, incoming = broker_of(system, "wallet"), broker_of(system, "gift")
    with vhost(system):
        async with database_of(system, "wallet") as database:
            bodies = await _fill_outbox(database)
            relay = await _relay(database, outgoing)
            ours = await _consume(database, incoming)
        bare_publish = Result("bare publish", await _publish_bare(outgoing, bodies), "messages/s")
        bare_consume = Result("bare consume", await _consume_bare(incoming), "messages/s")
    return [
        bare_publish,
        bare_consume,
        Result("relay drain", relay, "messages/s"),
        Result("consumer with inbox", ours, "messages/s"),
    ]


async def _fill_outbox(database: Database) -> list[bytes]:
    for start in range(0, MESSAGES, 1000):
        facts = [fact(number) for number in range(start, start + 1000)]
        async with database.transaction() as tx:
            await publish(tx, facts)
    async with database.transaction() as tx:
        return [row.body for row in await tx.execute(text("SELECT body FROM outbox"))]


def fact(number: int) -> Fact:
    event = GiftPaymentRefused(
        viewer=f"viewer-{number % 1000}", gift=uuid4(), coins=5, reason="bench", balance_coins=0
    )
    return Fact(event, number, Cause("bench"))


async def _relay(database: Database, broker: Broker) -> float:
    stopping = asyncio.Event()
    started = time.perf_counter()
    running = asyncio.create_task(Relay(database, broker).run(stopping))
    while await is_waiting(database):
        await asyncio.sleep(0.02)
    elapsed = time.perf_counter() - started
    stopping.set()
    await running
    return MESSAGES / elapsed


async def is_waiting(database: Database) -> bool:
    async with database.transaction() as tx:
        return bool((await tx.execute(text("SELECT EXISTS (SELECT FROM outbox)"))).scalar_one())


async def _consume(database: Database, broker: Broker) -> float:
    received_count = 0
    done = asyncio.Event()

    async def count(_: Transaction, received: Sequence[Received]) -> None:
        nonlocal received_count
        received_count += len(received)
        if received_count >= MESSAGES:
            done.set()

    stopping = asyncio.Event()
    consumer = Consumer(
        QUEUE, dict.fromkeys(QUEUES[QUEUE], count), database=database, broker=broker
    )
    started = time.perf_counter()
    running = asyncio.create_task(consumer.run(stopping))
    await done.wait()
    elapsed = time.perf_counter() - started
    stopping.set()
    await running
    return MESSAGES / elapsed


async def _publish_bare(broker: Broker, bodies: Sequence[bytes]) -> float:
    async with await broker.connect("bench") as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(own_exchange(EVENTS_EXCHANGE, "wallet"))
        started = time.perf_counter()
        for start in range(0, len(bodies), PUBLISH_BATCH_MAX):
            await asyncio.gather(
                *(
                    exchange.publish(_message(body), routing_key=KEY, mandatory=True)
                    for body in bodies[start : start + PUBLISH_BATCH_MAX]
                )
            )
        return len(bodies) / (time.perf_counter() - started)


def _message(body: bytes) -> aio_pika.Message:
    return aio_pika.Message(
        body, type=TYPE, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=uuid4().hex
    )


async def _consume_bare(broker: Broker) -> float:
    received_count = 0
    done = asyncio.Event()

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        nonlocal received_count
        await message.ack()
        received_count += 1
        if received_count == MESSAGES:
            done.set()

    async with await broker.connect("bench") as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=2 * PUBLISH_BATCH_MAX)
        queue = await channel.get_queue(QUEUE)
        started = time.perf_counter()
        await queue.consume(take)
        await done.wait()
        return MESSAGES / (time.perf_counter() - started)
