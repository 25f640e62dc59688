"""One trace a story: what a request leads to is linked to it, however many messages later."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import tracing
from shared.contracts.wallet import GiftPaymentRefused
from shared.messaging.consumer import Consumer
from tests.shared.messaging.conftest import a_fact, eventually

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = int(CALLER.split("-")[1], 16)


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
        routes = {GiftPaymentRefused: keep}
        running(Consumer("gift.outcomes", routes, database=database, broker=broker_of("gift")))
        return heard

    return start


async def test_a_fact_carries_the_trace_of_its_request_through_outbox_and_inbox(
    say, relay, hear, spans
):
    heard = hear()
    relay()
    with tracing.serving("POST", CALLER.encode()):
        await say(a_fact())

    async def told_of():
        return {"HTTP POST", "publish ovation.events", "process gift.outcomes"} <= set(spans())

    await eventually(told_of)
    request, publish, process = (
        spans()[name] for name in ("HTTP POST", "publish ovation.events", "process gift.outcomes")
    )
    assert request.context.trace_id == TRACE
    assert [link.context.span_id for link in publish.links] == [request.context.span_id]
    assert [link.context.span_id for link in process.links] == [request.context.span_id]
    # What the consumer announces in turn belongs to the same trace.
    assert heard[0].cause.traceparent.split("-")[1] == CALLER.split("-")[1]


async def test_without_an_exporter_the_callers_trace_still_travels(say, relay, hear):
    heard = hear()
    relay()
    with tracing.serving("POST", CALLER.encode()):
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
    with tracing.serving("GET", given):
        assert tracing.traceparent() is None
