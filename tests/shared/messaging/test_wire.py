"""Messages past the driver: what plain aio-pika sends and receives is what we receive and send."""

import asyncio
from contextlib import closing, suppress
from datetime import UTC, datetime
from decimal import Decimal

import aio_pika
import pamqp.frame
import pytest
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    PublishError,
)
from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from shared.amqp import transport
from shared.amqp.batches import Deliveries
from shared.amqp.confirms import Publisher
from shared.amqp.connection import close_quietly
from shared.amqp.frames import DELIVER, FRAME_BYTES_MAX, ContentReader, tag_of
from tests.shared.messaging.conftest import QUEUE, TEXTS, a_message, published
from tests.shared.messaging.waiting import SECONDS_MAX

BODIES = {"empty": b"", "small": b"{}", "of many frames": bytes(range(256)) * 1_500}
ANYTHING = {"n": 7, "no": None, "yes": True, "in": {"a": [1, "b"]}, "d": Decimal("1.5")}


@pytest.fixture
async def publisher(open_connection):
    return await Publisher.open(await open_connection())


@pytest.fixture
def consume_queue(open_connection):
    """Consume the queue; returns its deliveries."""

    async def start(prefetch=1_000):
        return await Deliveries.of(
            await open_connection(), QUEUE, prefetch=prefetch, arguments=None
        )

    return start


def without_the_brokers(headers):
    """Headers without what RabbitMQ adds to them."""
    return {name: value for name, value in headers.items() if not name.startswith("x-")}


async def taken(deliveries, count):
    found = []
    async with asyncio.timeout(SECONDS_MAX):
        while len(found) < count:
            found += await deliveries.take(count - len(found))
    return found


@pytest.mark.parametrize("headers", [{}, TEXTS, ANYTHING], ids=["none", "texts", "anything"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_what_we_publish_another_client_reads_as_it_was(
    publisher, messages_in, body, headers
):
    message = a_message(body, headers=headers)

    assert await published(publisher, message) == [None]

    (read,) = await messages_in(QUEUE, 1)
    assert read.body == body
    assert without_the_brokers(read.headers) == headers
    assert (read.message_id, read.type, read.correlation_id) == (
        message.message_id,
        message.type,
        "story",
    )
    assert (read.user_id, read.app_id, read.content_type) == (
        "ovationctl",
        "test",
        "application/json",
    )
    assert read.delivery_mode == aio_pika.DeliveryMode.PERSISTENT


async def test_a_text_that_no_property_holds_is_left_out(publisher, messages_in):
    assert await published(publisher, a_message(type="t" * 256, correlation_id="")) == [None]

    (read,) = await messages_in(QUEUE, 1)
    assert (read.type, read.correlation_id) == (None, None)


@pytest.mark.parametrize("headers", [{}, TEXTS, ANYTHING], ids=["none", "texts", "anything"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_what_another_client_publishes_we_read_as_it_was(
    as_operator, consume_queue, body, headers
):
    deliveries = await consume_queue()
    async with as_operator() as channel:
        message = aio_pika.Message(
            body,
            headers=headers,
            type="a type",
            message_id="its id",
            user_id="ovationctl",
            content_encoding="none",
            priority=3,
            reply_to="nowhere",
            expiration=60,
            timestamp=datetime.now(UTC),
        )
        exchange = await channel.get_exchange("ovation.redeliver")
        await exchange.publish(message, routing_key=QUEUE)

    (read,) = await taken(deliveries, 1)

    assert read.body == body
    assert without_the_brokers(read.headers) == headers
    assert (read.type, read.message_id, read.user_id) == ("a type", "its id", "ovationctl")


async def test_no_more_is_delivered_than_may_wait_and_the_rest_follows_in_order(
    publisher, consume_queue
):
    messages = [a_message() for _ in range(30)]
    assert not any(await published(publisher, *messages))
    deliveries = await consume_queue(prefetch=10)

    first = await taken(deliveries, 10)
    await deliveries.wait_for(1, seconds=0.3)
    await deliveries.acknowledge()
    second = await taken(deliveries, 10)
    await deliveries.acknowledge()
    third = await taken(deliveries, 10)

    arrived = [read.message_id for read in (*first, *second, *third)]
    assert arrived == [message.message_id for message in messages]


async def test_a_consumer_that_the_broker_cancels_takes_no_more(as_operator, consume_queue):
    deliveries = await consume_queue()
    async with as_operator() as channel:
        await channel.queue_delete(QUEUE)

    with pytest.raises(ConnectionError, match="cancelled"):
        await taken(deliveries, 1)


async def test_each_message_has_its_own_answer(publisher, rabbit, vhost):
    """Confirmed, returned because no queue takes it, refused because its queue is full."""
    rabbit.manage(
        "PUT",
        f"/api/policies/{vhost}/none",
        {
            "pattern": r"^wallet\.money\.dlq$",
            "apply-to": "queues",
            "priority": 9,
            "definition": {"max-length": 1, "overflow": "reject-publish"},
        },
    )
    full = {"exchange": "ovation.dlx", "routing_key": "wallet.money"}
    async with asyncio.timeout(SECONDS_MAX):
        # It takes a moment until the policy holds.
        while not any(await published(publisher, *[a_message(**full) for _ in range(5)])):
            pass
    lost = {"routing_key": "nowhere"}
    batch = [a_message(), a_message(b"x" * 200_000, **lost), a_message(**full), a_message()]

    first, returned, refused, last = await published(publisher, *batch)

    assert (first, last) == (None, None)
    assert isinstance(returned, PublishError)
    assert isinstance(refused, DeliveryError)
    assert not isinstance(refused, PublishError)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"exchange": "missing"}, ChannelNotFoundEntity),
        ({"user_id": "wallet"}, ChannelPreconditionFailed),
    ],
)
async def test_a_batch_that_ends_the_channel_says_why(publisher, wrong, reason):
    answers = await published(publisher, a_message(), a_message(**wrong), a_message())

    assert isinstance(answers[1], reason)
    assert isinstance(answers[2], reason)
    assert publisher.is_closed
    assert [type(answer) for answer in await published(publisher, a_message())] == [reason]


async def test_a_batch_beyond_our_rights_says_so(broker_of):
    connection = await broker_of("wallet").connect("test")
    publisher = await Publisher.open(connection)

    (answer,) = await published(publisher, a_message(exchange="ovation.events.gift"))

    assert isinstance(answer, ChannelAccessRefused)
    await close_quietly(connection)


class Proxy:
    """A way to the broker on which its answers can be held back, and which can be cut."""

    def __init__(self, host, port):
        self._there = host, port
        self._copying = set()
        # How much of an answer arrives at once.
        self.piece_bytes = 65_536
        self.speaking = asyncio.Event()
        self.speaking.set()

    async def open(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self):
        self._server.close()
        for each in self._copying:
            each.cancel()
        await asyncio.gather(*self._copying, return_exceptions=True)
        # The sockets close a moment later.
        await asyncio.sleep(0.1)

    async def _serve(self, reader, writer):
        there, back = await asyncio.open_connection(*self._there)
        for way in (self._copy(reader, back, False), self._copy(there, writer, True)):
            self._copying.add(asyncio.create_task(way))

    async def _copy(self, reader, writer, answers):
        with suppress(OSError), closing(writer):
            while data := await reader.read(self.piece_bytes if answers else 65_536):
                if answers:
                    await self.speaking.wait()
                writer.write(data)
                # What is written at once would arrive at once.
                await asyncio.sleep(0.001 if answers and len(data) == self.piece_bytes else 0)


@pytest.fixture
async def proxy(rabbit):
    proxy = Proxy(rabbit.host, rabbit.port)
    await proxy.open()
    yield proxy
    await proxy.cut()


async def test_answers_that_come_too_late_are_not_taken_for_those_of_the_next_batch(
    open_connection, proxy
):
    publisher = await Publisher.open(await open_connection(proxy.port))

    proxy.speaking.clear()
    late = await publisher.publish([a_message(), a_message(routing_key="no")], seconds_max=0.3)
    proxy.speaking.set()
    answers = await published(publisher, a_message(routing_key="no"), a_message())

    assert [type(answer) for answer in late] == [TimeoutError, TimeoutError]
    assert [type(answer) for answer in answers] == [PublishError, type(None)]


async def test_a_connection_that_breaks_cuts_off_what_is_under_way(open_connection, proxy):
    publisher = await Publisher.open(await open_connection(proxy.port))
    proxy.speaking.clear()
    publishing = asyncio.create_task(published(publisher, a_message(), a_message()))
    await asyncio.sleep(0.1)

    await proxy.cut()
    answers = [*await publishing, *await published(publisher, a_message())]

    assert publisher.is_closed
    for answer in answers:
        assert isinstance(answer, Exception)
        assert not isinstance(answer, TimeoutError)


@pytest.mark.parametrize("piece_bytes", [1, 100])
async def test_a_conversation_in_small_pieces_is_understood(open_connection, proxy, piece_bytes):
    """From the first byte on: the network cuts where it likes."""
    proxy.piece_bytes = piece_bytes
    publisher = await Publisher.open(await open_connection(proxy.port))
    lost = a_message(routing_key="no", headers={})

    confirmed, returned, last = await published(publisher, a_message(), lost, a_message())

    assert (confirmed, last) == (None, None)
    assert isinstance(returned, PublishError)


def a_conversation():
    """Frames as a broker sends them: two deliveries, and what else the driver has to know."""
    body = b"b" * (FRAME_BYTES_MAX + 7)
    frames = [
        (0, Heartbeat()),
        (1, Basic.ConsumeOk("ctag")),
        (1, Basic.Deliver("ctag", 1, False, "exchange", "key")),
        (1, ContentHeader(body_size=len(body), properties=Basic.Properties(message_id="one"))),
        (1, ContentBody(body[:FRAME_BYTES_MAX])),
        (2, Basic.Deliver("other", 1, False, "exchange", "key")),
        (2, ContentHeader(body_size=1, properties=Basic.Properties())),
        (0, Heartbeat()),
        (2, ContentBody(b"o")),
        (1, ContentBody(body[FRAME_BYTES_MAX:])),
        (1, Basic.Deliver("ctag", 2, False, "exchange", "key")),
        (1, ContentHeader(body_size=0, properties=Basic.Properties())),
        (1, Channel.Close(404, "gone", 0, 0)),
    ]
    ours = {2, 3, 4, 9, 10, 11}
    written = [pamqp.frame.marshal(frame, channel) for channel, frame in frames]
    return written, b"".join(w for place, w in enumerate(written) if place not in ours), body


@pytest.mark.parametrize("piece_bytes", [1, 7, 8, 100, 65_544, 1_000_000])
async def test_frames_are_told_apart_however_their_bytes_arrive(piece_bytes, monkeypatch):
    monkeypatch.setattr(transport, "ALIVE_SECONDS", 1_000_000.0)
    written, others, body = a_conversation()
    arrived = []
    reader = ContentReader(
        DELIVER, lambda method, _, given: arrived.append((tag_of(method), given))
    )
    stream = asyncio.StreamReader(limit=10_000_000)
    loop = asyncio.get_running_loop()
    protocol = transport._Protocol(stream, loop, {1: reader.read})  # noqa: SLF001

    everything = b"".join(written)
    for start in range(0, len(everything), piece_bytes):
        protocol.data_received(everything[start : start + piece_bytes])
    protocol.eof_received()

    assert arrived == [(1, body), (2, b"")]
    assert await stream.read() == others


async def test_the_driver_does_not_take_a_peer_for_dead_whose_messages_we_keep(monkeypatch):
    monkeypatch.setattr(transport, "ALIVE_SECONDS", 0.0)
    written, _, _ = a_conversation()
    stream = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    reader = ContentReader(DELIVER, lambda *_: None)
    protocol = transport._Protocol(stream, loop, {1: reader.read})  # noqa: SLF001

    protocol.data_received(b"".join(written[2:5]))
    protocol.eof_received()

    assert await stream.read() == pamqp.frame.marshal(Heartbeat(), 0)


async def test_words_that_are_no_frames_reach_the_driver():
    """A broker of another version answers with the versions that it knows."""
    stream = asyncio.StreamReader()
    protocol = transport._Protocol(stream, asyncio.get_running_loop(), {})  # noqa: SLF001

    protocol.data_received(b"AMQP\x00\x01\x00\x00")
    protocol.eof_received()

    assert await stream.read() == b"AMQP\x00\x01\x00\x00"
