"""
One trace a story: from the request through every message it leads to.

Facts carry the `traceparent` of what caused them (https://www.w3.org/TR/trace-context), whether
or not this service exports spans, so a story is one trace as far as its callers began one. Spans
are exported over OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` says; without it they cost nothing.
Messages travel in batches, so a batch is one span with a link to each message's own context:
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, Tracer

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
# As many as the SDK keeps of a span.
LINKS_MAX = 128
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
_tracer: Tracer | None = None


class Headed(Protocol):
    """A message with headers, coming or going."""

    @property
    def headers(self) -> Mapping[str, object]: ...


def configure_tracing(service: str) -> None:
    """Export spans from now on, if it is said where to."""
    if not os.environ.get(ENDPOINT_VARIABLE):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - slow
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"ovation-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use_provider(provider)


def use_provider(provider: trace.TracerProvider | None) -> None:
    """Make spans with this provider, or none with None."""
    global _tracer  # noqa: PLW0603 - configured once, when the process starts
    _tracer = None if provider is None else provider.get_tracer("ovation")


def traceparent() -> str | None:
    """Return the context of the request being served, for whatever it causes."""
    return _traceparent.get()


@contextmanager
def serving(method: str, given: bytes) -> Iterator[None]:
    """Serve a request as a part of its caller's trace, or as the beginning of one."""
    caller = _context_of(given.decode("ascii", "replace"))
    if _tracer is None:
        _traceparent.set(_written(caller) if caller else None)
        yield
        return
    parent = trace.set_span_in_context(trace.NonRecordingSpan(caller)) if caller else None
    with _tracer.start_as_current_span(f"HTTP {method}", parent, kind=SpanKind.SERVER) as span:
        _traceparent.set(_written(span.get_span_context()))
        yield


@contextmanager
def publishing(messages: Iterable[Headed]) -> Iterator[None]:
    """Publish a window of messages, each linked to what caused it."""
    with _batch("publish", "ovation.events", "send", SpanKind.PRODUCER, messages):
        yield


@contextmanager
def handling(queue: str, messages: Iterable[Headed]) -> Iterator[None]:
    """Handle a batch of a queue's messages, each linked to what caused it."""
    with _batch("process", queue, "process", SpanKind.CONSUMER, messages):
        yield


@contextmanager
def _batch(
    verb: str, destination: str, operation: str, kind: SpanKind, messages: Iterable[Headed]
) -> Iterator[None]:
    if _tracer is None:
        yield
        return
    given = list(messages)
    causes = dict.fromkeys(str(message.headers.get("traceparent", "")) for message in given)
    contexts = [context for cause in causes if (context := _context_of(cause)) is not None]
    attributes: dict[str, str | int] = {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": destination,
        "messaging.operation.name": verb,
        "messaging.operation.type": operation,
        "messaging.batch.message_count": len(given),
    }
    with _tracer.start_as_current_span(
        f"{verb} {destination}",
        kind=kind,
        attributes=attributes,
        links=[Link(context) for context in contexts[:LINKS_MAX]],
    ):
        yield


def _context_of(given: str) -> SpanContext | None:
    found = _TRACEPARENT.fullmatch(given)
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None


def _written(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
