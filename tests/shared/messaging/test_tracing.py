"""One trace a story: what a request leads to is under it, however many messages later."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.contracts.envelope import headers_of
from shared.contracts.routes import QUEUES
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Delivery
from shared.messaging.outbox import message_of
from shared.observability import tracing
from tests.deliveries import a_broker
from tests.shared.messaging.conftest import a_fact
from tests.shared.messaging.waiting import eventually

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = int(CALLER.split("-")[1], 16)


def seen(spans, *names):
    async def all_of_them():
        return set(names) <= set(spans())

    return all_of_them


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use_provider(provider)
    yield lambda: {span.name: span for span in exporter.get_finished_spans()}
    tracing.use_provider(None)


@pytest.fixture
def hear(database_of, broker_of, running):
    """Consume the wallet's refusals and keep them."""
    heard = []

    async def keep(_, received):
        heard.extend(received)

    def start():
        database = database_of("wallet")
        routes = dict.fromkeys(QUEUES["gift.outcomes"], keep)
        running(Consumer("gift.outcomes", routes, database=database, broker=broker_of("gift")))
        return heard

    return start


async def test_a_fact_is_under_its_request_and_what_it_leads_to_under_its_handling(
    say, relay, hear, spans
):
    heard = hear()
    relay()
    with tracing.serving("POST", "/v1/gifts", CALLER.encode()):
        tracing.answered("POST", "/v1/gifts", 201, "story")
        fact = a_fact()
        await say(fact)

    await eventually(seen(spans, "publish wallet.gift_refused", "process gift.outcomes"))
    request, publish, process = (
        spans()[name]
        for name in ("POST /v1/gifts", "publish wallet.gift_refused", "process gift.outcomes")
    )
    assert {span.context.trace_id for span in (request, publish, process)} == {TRACE}
    assert publish.parent.span_id == process.parent.span_id == request.context.span_id
    assert heard[0].traceparent == f"00-{TRACE:032x}-{process.context.span_id:016x}-01"
    assert publish.attributes["messaging.message.id"] == str(fact.event.id)
    assert process.attributes["messaging.message.id"] == str(fact.event.id)


async def test_a_story_that_nobody_watches_has_no_spans_and_goes_on_as_it_came(
    say, relay, hear, spans
):
    heard = hear()
    relay()
    unwatched = CALLER[:-2] + "00"
    with tracing.serving("POST", "/v1/gifts", unwatched.encode()):
        given = tracing.traceparent()
        await say(a_fact())

    async def arrived():
        return heard

    await eventually(arrived)
    assert heard[0].traceparent == given
    assert given.split("-")[1::2] == unwatched.split("-")[1::2]
    assert not spans()


async def test_what_cannot_be_handled_is_seen_in_its_span(say, relay, running, database_of, spans):
    async def fail(_, __):
        raise RuntimeError("hunter2")

    routes = dict.fromkeys(QUEUES["gift.outcomes"], fail)
    consumer = Consumer(
        "gift.outcomes", routes, database=database_of("wallet"), broker=a_broker("gift"), delays=()
    )
    with tracing.serving("POST", "/v1/gifts", CALLER.encode()):
        fact = a_fact()
        message = message_of(fact, datetime.now(UTC))
    delivery = Delivery(
        message.body, fact.event.type(), str(fact.event.id), "wallet", headers_of(message.body)
    )
    await consumer.receive([delivery, delivery])

    process = spans()["process gift.outcomes"]
    assert process.attributes["error.type"] == "RuntimeError"
    assert not process.status.is_ok
    assert "hunter2" not in process.to_json()


def test_an_error_is_seen_without_its_text(spans):
    with suppress(RuntimeError), tracing.serving("GET", "/v1/gifts/mira", b""):
        tracing.answered("GET", "/v1/gifts/{gift}", 500, "story")
        raise RuntimeError("hunter2")

    request = spans()["GET /v1/gifts/{gift}"]
    assert request.attributes["error.type"] == "500"
    assert not request.status.is_ok
    assert "hunter2" not in request.to_json()
    assert "mira" not in request.to_json()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_what_machines_ask_all_day_is_nobodys_story(spans, path):
    with tracing.serving("GET", path, b""):
        tracing.answered("GET", path, 200, "story")

    assert not spans()


async def test_without_an_exporter_the_callers_trace_still_travels(say, relay, hear):
    heard = hear()
    relay()
    with tracing.serving("POST", "/v1/gifts", CALLER.encode()):
        await say(a_fact())

    async def arrived():
        return heard

    await eventually(arrived)
    assert heard[0].traceparent == CALLER


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"nonsense",
        b"\xff",
        CALLER.encode() * 2,
        b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01",
    ],
    ids=repr,
)
def test_a_trace_that_is_none_is_ignored(given):
    with tracing.serving("GET", "/v1/gifts", given):
        assert tracing.traceparent() is None
