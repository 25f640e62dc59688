"""
One trace a story: from the request through every message it leads to.

Facts carry the `traceparent` of what caused them (https://www.w3.org/TR/trace-context), whether
or not this service exports spans, so a story is one trace as far as its callers began one. Spans
are exported over OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` says; without it they cost nothing, and
with it only stories that were sampled where they began (`OTEL_TRACES_SAMPLER`) cost anything.

Messages travel in batches, and each still has a span of its own, under what caused it: a person
looks for one gift, not for the batch that it happened to be in.
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans
"""

import atexit
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Thread
from typing import Protocol, TypeAlias, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, SpanKind, StatusCode, TraceFlags, Tracer

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
# The time the last spans have to leave: a collector that is away must not delay the exit.
LAST_SECONDS_MAX = 2
# Asked by machines every few seconds; no trace is about them.
_UNWATCHED = frozenset({"/livez", "/readyz", "/metrics"})
_TEXT_CHARACTERS_MAX = 255
# The last bit of a traceparent says whether its trace is sampled.
_SAMPLED_ENDINGS = frozenset("13579bdf")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

Attributes: TypeAlias = Mapping[str, str | int]

_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
# The spans of the messages that are under way here, by the messages' ids.
_under_way: ContextVar[Mapping[str, Span]] = ContextVar("under_way", default={})  # noqa: B039 - it is never changed
_tracer: Tracer | None = None


class Message(Protocol):
    """A message coming or going."""

    @property
    def message_id(self) -> object: ...

    @property
    def headers(self) -> Mapping[str, object]: ...


class Leaving(Message, Protocol):
    """A message going: to where, and as what."""

    @property
    def exchange(self) -> str: ...

    @property
    def routing_key(self) -> str: ...


MessageT = TypeVar("MessageT", bound=Message)


def configure_tracing(service: str) -> None:
    """Export spans from now on, if the environment names a collector."""
    if not os.environ.get(ENDPOINT_VARIABLE):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - slow
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": f"ovation-{service}"}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use_provider(provider)

    def let_the_last_leave() -> None:
        last = Thread(target=provider.shutdown, daemon=True)
        last.start()
        last.join(LAST_SECONDS_MAX)

    atexit.register(let_the_last_leave)


def use_provider(provider: trace.TracerProvider | None) -> None:
    """Make spans with this provider, or none with None."""
    global _tracer  # noqa: PLW0603 - configured once, when the process starts
    _tracer = None if provider is None else provider.get_tracer("ovation")


def is_sampled(given: object) -> bool:
    """Whether a `traceparent` belongs to a trace that is sampled."""
    return isinstance(given, str) and given[-1:] in _SAMPLED_ENDINGS


def traceparent() -> str | None:
    """Return the context of the request being served, for the events it causes."""
    return _traceparent.get()


@contextmanager
def serving(method: str, path: str, given: bytes) -> Iterator[None]:
    """Serve a request as a part of its caller's trace, or as the beginning of one."""
    caller = _context_of(given.decode("ascii", "replace"))
    if _tracer is None or path in _UNWATCHED:
        _traceparent.set(_written(caller) if caller else None)
        yield
        return
    # Our own last-resort errors are enough; an exception's text may quote personal data.
    with _tracer.start_as_current_span(
        f"HTTP {method}",
        _under(caller) if caller else None,
        kind=SpanKind.SERVER,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        _traceparent.set(_written(span.get_span_context()))
        yield


def answered(method: str, route: str, status: int, correlation_id: str) -> None:
    """Describe the span of the request being served, once its answer is known."""
    if _tracer is None:
        return
    span = trace.get_current_span()
    if not span.is_recording():
        return
    span.update_name(f"{method} {route}")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "ovation.correlation_id": correlation_id,
        }
    )
    if status >= 500:
        _fail(span, str(status))


@contextmanager
def publishing(messages: Sequence[Leaving]) -> Iterator[None]:
    """Publish a batch of messages; each of a sampled trace has a span."""

    def describe(message: Leaving) -> tuple[str, Attributes]:
        return f"publish {message.routing_key}", {
            "messaging.destination.name": message.exchange,
            "messaging.rabbitmq.destination.routing_key": message.routing_key,
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
        }

    with _watching(messages, SpanKind.PRODUCER, describe):
        yield


@contextmanager
def handling(queue: str, messages: Sequence[Message]) -> Iterator[None]:
    """Handle a batch of a queue's messages; each of a sampled trace has a span."""
    described: tuple[str, Attributes] = (
        f"process {queue}",
        {
            "messaging.destination.name": queue,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
        },
    )
    with _watching(messages, SpanKind.CONSUMER, lambda _: described):
        yield


def continued(message_id: str, given: str | None) -> str | None:
    """Return the parent of what a message causes: its span here, or the one it came with."""
    span = _under_way.get().get(message_id)
    return given if span is None else _written(span.get_span_context())


def failed(message_id: str, code: str) -> None:
    """Mark the span of a message that is being published or handled as failed."""
    span = _under_way.get().get(message_id)
    if span is not None:
        _fail(span, code)


@contextmanager
def _watching(
    messages: Sequence[MessageT],
    kind: SpanKind,
    describe: Callable[[MessageT], tuple[str, Attributes]],
) -> Iterator[None]:
    if _tracer is None:
        yield
        return
    spans: dict[str, Span] = {}
    for message in messages:
        cause = _sampled(message)
        # The same message twice in one batch is one message.
        if cause is None or str(message.message_id) in spans:
            continue
        name, own = describe(message)
        attributes = {**own, **_about(message, len(messages))}
        span = _tracer.start_span(name, _under(cause), kind=kind, attributes=attributes)
        # A sampler may still decide against it; then the story goes on under what came before.
        if span.is_recording():
            spans[str(message.message_id)] = span
    before = _under_way.set(spans)
    try:
        yield
    finally:
        _under_way.reset(before)
        for span in spans.values():
            span.end()


def _about(message: Message, batch: int) -> Attributes:
    """The attributes of any message: never its owner, nor its content."""
    headers = message.headers
    return {
        "messaging.system": "rabbitmq",
        "messaging.message.id": str(message.message_id)[:_TEXT_CHARACTERS_MAX],
        "cloudevents.event_type": str(headers.get("cloudEvents_type"))[:_TEXT_CHARACTERS_MAX],
        "ovation.correlation_id": str(headers.get("correlation_id"))[:_TEXT_CHARACTERS_MAX],
        # How many shared its time: a span among a thousand is as long as all of them.
        "ovation.batch_messages": batch,
    }


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def _under(parent: SpanContext) -> Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


def _sampled(message: Message) -> SpanContext | None:
    """Return the context of a message whose trace is sampled."""
    given = message.headers.get("traceparent")
    # Most are not sampled and must cost almost nothing, so the end is looked at first.
    return _context_of(str(given)) if is_sampled(given) else None


def _context_of(given: str) -> SpanContext | None:
    found = _TRACEPARENT.fullmatch(given)
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None


def _written(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
