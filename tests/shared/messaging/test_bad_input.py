"""Whatever arrives in a queue has one outcome, and a good message after it is handled."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import aiormq
import pytest
from aiormq.abc import ChannelFrame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from shared.contracts.decoding import BODY_BYTES_MAX
from shared.contracts.gift import GiftSent
from shared.messaging.topology import users
from tests.deliveries import a_delivery
from tests.shared.messaging.conftest import QUEUE, a_fact, body_of
from tests.shared.messaging.waiting import eventually

REFUSED = "dev.ovation.wallet.gift_refused.v1"
GARBAGE, PLACE = b"\xff\xfe\x00\xfd\xfc\xc3\x28\x80", b"GARBAGE!"
# A table in a table, deeper than Python calls itself; as long as the text in its place.
DEEP = b"".join(b"\x01aF" + (7 * under).to_bytes(4, "big") for under in reversed(range(1_000)))
FLAT = "x" * len(DEEP)


class Garbled(ContentHeader):
    """A header whose bytes no client library would write."""

    def marshal(self):
        marshalled = super().marshal().replace(PLACE, GARBAGE)
        length = len(DEEP).to_bytes(4, "big")
        return marshalled.replace(b"S" + length + FLAT.encode(), b"F" + length + DEEP)


@pytest.fixture
def publish_garbled(as_operator):
    """Publish with properties in which `GARBAGE!` becomes bytes that are no text."""

    async def publish(body, **properties):
        properties = aiormq.spec.Basic.Properties(**properties)
        async with as_operator() as channel:
            underlay = await channel.get_underlay_channel()
            method = aiormq.spec.Basic.Publish(exchange="ovation.redeliver", routing_key=QUEUE)
            header = Garbled(properties=properties, body_size=len(body))
            frames = [method, header, *([ContentBody(body)] if body else [])]
            await underlay.write_queue.put(
                ChannelFrame.marshall(frames=frames, channel_number=underlay.number)
            )
            # Answered after everything before it.
            await channel.get_queue(QUEUE)

    return publish


@pytest.fixture
def then_a_good_one(publish, heard):
    """Publish a good message and wait until it is handled."""

    async def good():
        fact = a_fact()
        await publish(body_of(fact))

        async def is_heard():
            return fact.event.id in {envelope.id for envelope in heard}

        await eventually(is_heard)

    return good


def altered(**attributes):
    return json.dumps({**json.loads(body_of(a_fact())), **attributes}).encode()


def with_data(**fields):
    told = json.loads(body_of(a_fact()))
    return json.dumps({**told, "data": {**told["data"], **fields}}).encode()


def a_body():
    return body_of(a_fact())


BODIES = {
    "empty": lambda: b"",
    "of 2 MB, not JSON": lambda: b"x" * 2_000_000,
    "an array": lambda: b"[" + a_body() + b"]",
    "a number": lambda: b"7",
    "not UTF-8": lambda: b'{"specversion": "1.0", "id": "\xff\xfe"}',
    "half a surrogate": lambda: a_body().replace(b'"mira"', b'"\\ud800"'),
    "NUL in a field": lambda: a_body().replace(b'"mira"', b'"mi\\u0000ra"'),
    "NUL in the correlation id": lambda: altered(correlationid="a\x00b"),
    "a correlation id longer than AMQP takes": lambda: altered(correlationid="c" * 300),
    "deep": lambda: b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "a huge integer": lambda: a_body().replace(b'"coins":10', b'"coins":' + b"9" * 5_000),
    "an infinite number": lambda: a_body().replace(b'"coins":10', b'"coins":1e999'),
    "a fraction of a coin": lambda: with_data(coins=10.5),
    "a time without a zone": lambda: altered(time="2026-11-25T10:00:00"),
    "a time out of the world": lambda: altered(time="99999-01-01T00:00:00Z"),
    "another version of CloudEvents": lambda: altered(specversion="0.3"),
    "no data": lambda: altered(data=None),
}


@pytest.mark.parametrize("write_body", BODIES.values(), ids=BODIES)
async def test_a_body_that_is_not_an_event_is_parked_as_it_is(
    publish, consume, dead_letters, then_a_good_one, write_body
):
    body = write_body()
    consume()
    await publish(body)
    await then_a_good_one()

    (dead_letter,) = (await dead_letters(1)).values()

    assert dead_letter.body == body
    expected = "body-too-large" if len(body) > BODY_BYTES_MAX else "invalid-envelope"
    assert dead_letter.headers["ovation_error_code"] == expected


async def test_a_body_of_2_mb_is_parked_even_if_it_is_an_event(
    publish, consume, dead_letters, then_a_good_one
):
    """What we announce is never so large: whoever could read it could be flooded with it."""
    consume()
    await publish(altered(padding="x" * 2_000_000))
    await then_a_good_one()

    dead_letter = (await dead_letters(1))["body-too-large"]

    assert len(dead_letter.body) > 2_000_000


async def test_a_field_that_comes_twice_is_what_its_last_value_says(
    publish, consume, heard, then_a_good_one
):
    """As in every JSON reader of the services; an id that follows from the other is parked."""
    fact = a_fact()
    twice = body_of(fact).replace(b'"subject":', b'"subject":"somebody","subject":')
    consume()
    await publish(twice)
    await then_a_good_one()

    assert fact.event.id in {envelope.id for envelope in heard}


HEADERS = {
    "tables and lists": {"cloudEvents_id": {"a": [1, {"b": None}]}, "traceparent": [1, 2]},
    "numbers and nothing": {"correlation_id": 7, "cloudEvents_subject": None, "tracestate": True},
    "bytes": {"cloudEvents_partitionkey": bytearray(b"\x00\xff")},
    "an attempt that is a word": {"ovation_attempt": "many"},
    "an attempt beyond counting": {"ovation_attempt": "9" * 400},
    "an attempt that is a table": {"ovation_attempt": {"n": 1}},
    "an attempt below nothing": {"ovation_attempt": -3},
    "NUL": {"correlation_id": "a\x00b", "ovation_message_id": "\x00"},
    "longer than AMQP takes": {"correlation_id": "c" * 300, "ovation_message_id": "m" * 5_000},
    "as much as a frame holds": {f"cloudEvents_{number}": "x" * 1_000 for number in range(120)},
    "a redrive that is none": {"ovation_redrive": "often"},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
async def test_headers_of_any_kind_neither_stop_a_good_body_nor_a_letter(
    publish, consume, heard, dead_letters, then_a_good_one, headers
):
    """The body says what a message is; headers only help to find it."""
    fact = a_fact()
    consume()
    await publish(body_of(fact), headers=headers)
    await publish(b"not json", headers=headers)
    await then_a_good_one()

    dead_letter = (await dead_letters(1))["invalid-envelope"]

    assert dead_letter.body == b"not json"
    assert fact.event.id in {envelope.id for envelope in heard}


GARBLED = {
    "type": {"message_type": "GARBAGE!"},
    "message id": {"message_type": REFUSED, "message_id": "GARBAGE!"},
    "value of a header": {"message_type": REFUSED, "headers": {"correlation_id": "GARBAGE!"}},
    "name of a header": {"message_type": REFUSED, "headers": {"GARBAGE!": "value"}},
    "content type": {"message_type": REFUSED, "content_type": "GARBAGE!"},
    "depth of headers": {"message_type": REFUSED, "headers": {"deep": FLAT}},
}


@pytest.mark.parametrize("properties", GARBLED.values(), ids=GARBLED)
async def test_properties_that_are_no_text_do_not_end_the_connection(
    publish_garbled, consume, dead_letters, then_a_good_one, properties, reconnects
):
    consume()
    await then_a_good_one()
    await publish_garbled(b"not json", user_id="ovationctl", **properties)
    await then_a_good_one()

    (dead_letter,) = (await dead_letters(1)).values()

    assert dead_letter.body == b"not json"
    assert dead_letter.headers["ovation_attempts"] == "1"
    assert reconnects() == 0


@pytest.fixture
def reconnects():
    """How often the consumer had to connect again since the test began."""
    from tests.metrics import metric  # noqa: PLC0415

    before = metric("ovation_broker_reconnects_total", role=QUEUE)
    return lambda: metric("ovation_broker_reconnects_total", role=QUEUE) - before


async def test_an_event_of_another_service_is_not_heard_here(
    publish, consume, dead_letters, then_a_good_one
):
    """Right in every way, but nothing this queue is bound to."""
    sent = GiftSent(
        gift=uuid4(),
        viewer="mira",
        creator="lea",
        gift_type="g_tea",
        count=1,
        coins=5,
        slices=(),
        requested_at=datetime.now(UTC),
    )
    consume()
    await publish(a_delivery(sent).body, kind=GiftSent.type())
    await then_a_good_one()

    assert set(await dead_letters(1)) == {"unknown-type"}


@pytest.mark.parametrize("named", ["payout", "gift", "ovationctl", None])
async def test_a_forwarded_event_that_its_owner_did_not_say_is_parked(
    publish, consume, dead_letters, then_a_good_one, named
):
    """An operator only forwards: what counts is who said it first, and that somebody is named."""
    consume()
    await publish(body_of(a_fact()), said_by=named)
    await then_a_good_one()

    dead_letter = (await dead_letters(1))["foreign-publisher"]

    assert dead_letter.headers["ovation_publisher"] == "ovationctl"
    assert dead_letter.headers["ovation_said_by"] == (named or "ovationctl")


async def test_who_is_no_forwarder_is_not_believed_about_who_said_it(
    broker_of, consume, dead_letters, then_a_good_one, rabbit, vhost, credentials
):
    """While two versions run, payout may write to a delay queue, from which it would come here."""
    rabbit.load(users(credentials.broker, both_versions=True), vhost=vhost)
    consume()
    async with await broker_of("payout").connect("test") as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("ovation.delay.1s")
        headers = {"ovation_said_by": "wallet", "ovation_publisher": "wallet"}
        message = aio_pika.Message(
            body_of(a_fact()), type=REFUSED, user_id="payout", headers=headers
        )
        await exchange.publish(message, routing_key=QUEUE)
    await then_a_good_one()

    dead_letter = (await dead_letters(1))["foreign-publisher"]

    assert dead_letter.headers["ovation_publisher"] == "payout"
    assert dead_letter.headers["ovation_said_by"] == "payout"


async def test_a_retry_of_the_version_before_is_heard(
    broker_of, consume, then_a_good_one, heard, rabbit, vhost, credentials
):
    """It named nobody, and its service had read it before it failed."""
    rabbit.load(users(credentials.broker, both_versions=True), vhost=vhost)
    fact = a_fact()
    consume()
    async with await broker_of("gift").connect("test") as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("ovation.delay.1s")
        headers = {"ovation_attempt": "1"}
        message = aio_pika.Message(body_of(fact), type=REFUSED, user_id="gift", headers=headers)
        await exchange.publish(message, routing_key=QUEUE)

    async def is_heard():
        return fact.event.id in {envelope.id for envelope in heard}

    await eventually(is_heard)
