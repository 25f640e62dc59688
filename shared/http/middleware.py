"""
The one middleware of every request, written against ASGI itself.

Starlette's own base class copies every response through a queue, which would break server-sent
events and cost more than all of this together.
"""

import time
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.keys import HEADER, REPLAYED
from shared.http.problems import BodyTooLarge, failure, too_large
from shared.http.request_id import identify
from shared.http.routes import METHODS, route_of
from shared.idempotency import Key, begin_answer, count_key
from shared.observability.metrics import HTTP_REQUESTS, HTTP_SECONDS
from shared.observability.tracing import answered, serving
from shared.postgres.database import is_contention

log = structlog.get_logger()

BODY_BYTES_MAX = 65_536
# A method is the caller's text; a label must not be.
OTHER_METHOD = "OTHER"
KEY_HEADER = HEADER.lower().encode()


class Edge:
    """Body limit, request id, common headers, metrics, access log, last-resort errors."""

    def __init__(self, app: ASGIApp, body_limits: Mapping[str, int] = MappingProxyType({})) -> None:
        self._app = app
        self._body_limits = body_limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body_bytes_max = self._body_limits.get(scope["path"], BODY_BYTES_MAX)
        exchange = _Exchange(scope, receive, send, body_bytes_max)
        with serving(scope["method"], scope["path"], exchange.traceparent):
            await self._serve(exchange, scope, receive)

    async def _serve(self, exchange: "_Exchange", scope: Scope, receive: Receive) -> None:
        try:
            if exchange.declares_too_much:
                await too_large(exchange.body_bytes_max)(scope, receive, exchange.send)
            else:
                await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:
            # Half an answer cannot be taken back: the server logs it and drops the connection.
            if exchange.answered:
                raise
            if exchange.keyed and is_contention(error):
                count_key(route_of(scope), Key.IN_PROGRESS)
            response = failure(error, body_bytes_max=exchange.body_bytes_max)
            await response(scope, receive, exchange.send)
        finally:
            exchange.record(scope)


class _Exchange:
    """One request and its answer, as they pass."""

    __slots__ = (
        "_answer",
        "_began",
        "_identifier",
        "_receive",
        "_received_bytes",
        "_seconds",
        "_send",
        "_status",
        "answered",
        "body_bytes_max",
        "declares_too_much",
        "keyed",
        "traceparent",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, body_bytes_max: int) -> None:
        self._answer = begin_answer()
        self._began = time.perf_counter()
        self._receive, self._send = receive, send
        self._received_bytes = 0
        self._status, self._seconds = 500, 0.0
        self.answered = False
        self.body_bytes_max = body_bytes_max
        self.declares_too_much = False
        self.keyed = False
        self.traceparent = b""
        given = b""
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"traceparent":
                self.traceparent = value
            elif name == KEY_HEADER:
                self.keyed = True
            elif name == b"content-length":
                self.declares_too_much = _is_too_much(value, body_bytes_max)
        self._identifier = identify(given)

    async def receive(self) -> Message:
        """Count the body as it comes: a chunked one declares no length."""
        message = await self._receive()
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > self.body_bytes_max:
            raise BodyTooLarge
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.answered = True
            self._status = message["status"]
            # Until the answer begins: a feed that stays open for an hour is not slow.
            self._seconds = time.perf_counter() - self._began
            headers = message["headers"] = list(message.get("headers", ()))
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            if self._answer.is_replayed:
                headers.append((REPLAYED.lower().encode(), b"true"))
            headers.append((b"x-content-type-options", b"nosniff"))
            headers.append((b"x-request-id", self._identifier.encode()))
        await self._send(message)

    def record(self, scope: Scope) -> None:
        """Count and log the request once it is over."""
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        route = route_of(scope)
        seconds = self._seconds if self.answered else time.perf_counter() - self._began
        requests, durations = _meters(method, route, self._status)
        requests.inc()
        durations.observe(seconds)
        answered(method, route, self._status, self._identifier)
        # Only what went wrong on our side is worth a line under load.
        write = log.info if self._status >= 500 else log.debug
        write("request.answered", method=method, route=route, status=self._status, seconds=seconds)


def _is_too_much(content_length: bytes, body_bytes_max: int) -> bool:
    # Longer digits than any honest length are not even converted: that alone can be an attack.
    return len(content_length) > 18 or (
        content_length.isdigit() and int(content_length) > body_bytes_max
    )


@lru_cache(maxsize=4_096)
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Find the two meters of a kind of answer; looking them up costs more than using them."""
    labels = (method, route, status)
    return HTTP_REQUESTS.labels(*labels), HTTP_SECONDS.labels(*labels)
