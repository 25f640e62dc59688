"""A relay and a consumer in a test's words, with a database and a broker that are real."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import pytest

from shared.amqp.confirms import Publisher
from shared.amqp.connection import close_quietly, connect
from shared.amqp.frames import Outgoing
from shared.backoffice.dead_letters import DeadLetters
from shared.contracts.envelope import Cause, encode
from shared.contracts.wallet import GiftPaid, GiftPaymentRefused
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters import DeadLetterQueues
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish as publish_facts
from shared.messaging.relay import Relay
from shared.postgres.statements import text
from tests.shared.messaging.dead_letters import BODY, SENT, SET_ASIDE
from tests.shared.messaging.dead_letters import QUEUE as DEAD_LETTER_QUEUE
from tests.shared.messaging.waiting import SECONDS_MAX

QUEUE = "gift.outcomes"
TEXTS = {"traceparent": "00-0a-0b-01", "größe": "süß", "long": "x" * 70_000}


def a_fact(sequence=1, *, viewer="mira"):
    event = GiftPaymentRefused(
        viewer=viewer, gift=uuid4(), coins=10, reason="insufficient-coins", balance_coins=0
    )
    return Fact(event, sequence, Cause("story"))


def body_of(fact):
    return encode(
        fact.event, sequence=fact.sequence, occurred_at=datetime.now(UTC), cause=Cause("story")
    )


def a_message(body=b"{}", **changes):
    """A message of the operator for the queue."""
    about = {
        "exchange": "ovation.redeliver",
        "routing_key": QUEUE,
        "message_id": str(uuid4()),
        "type": "dev.ovation.wallet.gift_paid.v1",
        "content_type": "application/json",
        "correlation_id": "story",
        "user_id": "ovationctl",
        "app_id": "test",
        "headers": TEXTS,
        "body": body,
    }
    return Outgoing(**{**about, **changes})


async def published(publisher, *messages):
    return await publisher.publish(messages, seconds_max=SECONDS_MAX)


async def outbox_size(database):
    async with database.transaction() as tx:
        return (await tx.execute(text("SELECT count(*) FROM outbox"))).scalar_one()


async def is_empty(database):
    return await outbox_size(database) == 0


@pytest.fixture
def broker_of(rabbit, vhost, credentials):
    """The broker as a service's own restricted user, in this test's vhost."""

    def broker(service):
        url = f"amqp://{service}@{rabbit.host}:{rabbit.port}/{vhost}"
        return Broker(url, credentials.broker[service], service)

    return broker


@pytest.fixture
def wallet_database(database_of):
    return database_of("wallet")


@pytest.fixture
def say(wallet_database):
    """Announce facts in one transaction."""

    async def say_all(*facts):
        async with wallet_database.part_for("mira").transaction() as tx:
            await publish_facts(tx, facts)

    return say_all


@pytest.fixture
async def running():
    """Run relays and consumers until the test ends; stop them as a service would."""
    stopping, tasks = asyncio.Event(), []

    def run(part):
        tasks.append(asyncio.create_task(part.run(stopping)))
        return part

    yield run
    stopping.set()
    await asyncio.wait_for(asyncio.gather(*tasks), SECONDS_MAX)


@pytest.fixture
def relay(wallet_database, broker_of, running):
    return lambda service="wallet": running(Relay(wallet_database, broker_of(service)))


@pytest.fixture
def as_operator(rabbit, vhost, credentials):
    """A channel with all rights in this test's vhost."""

    @asynccontextmanager
    async def channel():
        password = credentials.broker["ovationctl"]
        url = rabbit.url(vhost, user="ovationctl", password=password)
        async with await aio_pika.connect(url) as connection:
            yield await connection.channel(on_return_raises=True)

    return channel


@pytest.fixture
async def open_connection(rabbit, vhost, credentials):
    """Open connections as the operator, who may do all; closed when the test ends."""
    opened = []

    async def one(port=rabbit.port):
        password = credentials.broker["ovationctl"]
        url = f"amqp://ovationctl:{password}@{rabbit.host}:{port}/{vhost}"
        opened.append(await connect(url, "test"))
        return opened[-1]

    yield one
    for each in opened:
        await close_quietly(each)


@pytest.fixture
async def full_reversals(rabbit, vhost, open_connection):
    """Let the queue of reversals refuse what comes; return how it is opened again."""
    policy = f"/api/policies/{vhost}/little"
    about = {
        "pattern": r"^gift\.reversals$",
        "apply-to": "queues",
        "priority": 9,
        "definition": {"max-length": 1, "overflow": "reject-publish"},
    }
    rabbit.manage("PUT", policy, about)
    publisher = await Publisher.open(await open_connection())
    async with asyncio.timeout(SECONDS_MAX):
        while not any(await published(publisher, a_message(routing_key="gift.reversals"))):
            pass
    return lambda: rabbit.manage("DELETE", policy)


@pytest.fixture
def messages_in(as_operator):
    """Take all messages out of a queue."""

    async def take(queue_name, count, *, seconds=SECONDS_MAX):
        taken = []
        async with as_operator() as channel:
            queue = await channel.get_queue(queue_name)
            deadline = asyncio.get_running_loop().time() + seconds
            while len(taken) < count:
                message = await queue.get(no_ack=True, fail=False)
                if message is None:
                    now = asyncio.get_running_loop().time()
                    assert now < deadline, f"{len(taken)} of {count} in {queue_name}"
                    await asyncio.sleep(0.05)
                else:
                    taken.append(message)
        return taken

    return take


@pytest.fixture
def gift_database(database_of):
    """Any database with mailboxes will do for hearing."""
    return database_of("wallet")


@pytest.fixture
def heard():
    """The coins of what was handled, in the order of handling."""
    return []


@pytest.fixture
def consume(gift_database, broker_of, running, heard):
    """Consume the queue; `but` may raise for a message."""

    def start(but=lambda _: None, *, delays=("1s",)):
        async def remember(tx, received):
            for envelope in received:
                but(envelope)
            heard.extend(received)

        return running(
            Consumer(
                QUEUE,
                {GiftPaymentRefused: remember, GiftPaid: remember},
                database=gift_database,
                broker=broker_of("gift"),
                delays=delays,
            )
        )

    return start


@pytest.fixture
def publish(as_operator):
    """Publish as an operator would, whatever it is; `wallet` said it, unless told otherwise."""

    async def publish_one(
        body,
        *,
        kind="dev.ovation.wallet.gift_refused.v1",
        user=True,
        said_by="wallet",
        headers=(),
        **more,
    ):
        named = {"ovation_said_by": said_by} if said_by else {}
        async with as_operator() as channel:
            message = aio_pika.Message(
                body,
                type=kind,
                user_id="ovationctl" if user else None,
                headers={**named, **dict(headers)},
                **more,
            )
            exchange = await channel.get_exchange("ovation.redeliver")
            await exchange.publish(message, routing_key=QUEUE)

    return publish_one


@pytest.fixture
def dead_letters(messages_in, gift_database, broker_of, running):
    """Take dead letters; they leave through the outbox of whoever could not handle them."""

    async def take(count):
        running(Relay(gift_database, broker_of("gift")))
        dead_letters = await messages_in(f"{QUEUE}.dlq", count)
        return {
            dead_letter.headers["ovation_error_code"]: dead_letter for dead_letter in dead_letters
        }

    return take


@pytest.fixture
def wallet_dead_letters(wallet_database, broker_of):
    return DeadLetters(wallet_database, DeadLetterQueues(broker_of("wallet")))


@pytest.fixture
def set_aside(broker_of):
    """Put a dead letter into the queue of them, as its service does."""

    async def publish(body=BODY, user="wallet", exchange="ovation.dlx.wallet", **headers):
        async with await broker_of(user).connect("test") as connection:
            channel = await connection.channel(on_return_raises=True)
            message = aio_pika.Message(
                body, user_id=user, type=SENT, message_id="x", headers={**SET_ASIDE, **headers}
            )
            target = await channel.get_exchange(exchange, ensure=False)
            await target.publish(message, routing_key=DEAD_LETTER_QUEUE)

    return publish
