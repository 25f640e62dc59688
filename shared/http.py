"""HTTP as every service speaks it: problem documents, idempotency keys, cursors, health."""

import asyncio
import base64
import binascii
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Annotated, Any, Generic, TypeAlias, TypeVar
from uuid import uuid4

import structlog
from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.auth import Verifier
from shared.database import Database, is_contention, is_unavailable
from shared.errors import Kind, Refusal
from shared.telemetry import HTTP_REQUESTS, HTTP_SECONDS

log = structlog.get_logger()

BODY_BYTES_MAX = 65_536
PAGE_MAX = 100
READY_SECONDS_MAX = 1.0
PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "1"}

STATUS: Mapping[Kind, int] = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.PAYMENT: 402,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.INVALID: 422,
    Kind.UNAVAILABLE: 503,
}
_HEADERS: Mapping[Kind, Mapping[str, str]] = {
    Kind.UNAUTHENTICATED: {"WWW-Authenticate": "Bearer"},
    Kind.UNAVAILABLE: RETRY_AFTER,
}
_ROUTE_ERRORS = {404: "no-such-route", 405: "method-not-allowed"}
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

Item = TypeVar("Item")
Limit: TypeAlias = Annotated[int, Query(ge=1, le=PAGE_MAX)]

_request_id: ContextVar[str] = ContextVar("request_id", default="none")


class KeyReused(Refusal):
    """This idempotency key was already used for a different request."""

    kind = Kind.INVALID


class IdempotencyKeyMissing(Refusal):
    """This request needs an Idempotency-Key header of 1 to 128 visible characters."""

    kind = Kind.MALFORMED


class BadCursor(Refusal):
    """This cursor was not made by us; start again without one."""

    kind = Kind.MALFORMED


class DatabaseUnavailable(Refusal):
    """The service cannot reach its database; nothing was done, try again."""

    kind = Kind.UNAVAILABLE


class TryAgain(Refusal):
    """Somebody else is changing the same thing; nothing was done, try again."""

    kind = Kind.CONFLICT


class Problem(BaseModel):
    """Why a request was refused (RFC 9457); further members are the facts to act on."""

    type: str
    title: str
    status: int


class Page(BaseModel, Generic[Item]):
    """Some of a list; `next_cursor` asks for what follows, and is null at the end."""

    items: list[Item]
    next_cursor: str | None


def request_id() -> str:
    """Return the id of the request being served: the correlation id of what it causes."""
    return _request_id.get()


def build_app(
    *, title: str, description: str, verifier: Verifier | None, database: Database | None
) -> FastAPI:
    """Make a FastAPI application with everything that is the same in every service."""
    app = FastAPI(title=title, description=description, docs_url=None, redoc_url=None, version="1")
    app.state.verifier = verifier
    app.state.database = database
    app.state.stopping = asyncio.Event()
    # What else an operator may want to see at /readyz; it never makes the service unready.
    app.state.reports = {}
    _answer_errors(app)
    _add_health(app, database)
    app.add_middleware(_Edge)
    return app


def refusals(*kinds: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """Document, on a route, the refusals its caller must be ready for."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for refusal in kinds:
        entry = by_status.setdefault(
            STATUS[refusal.kind],
            {
                "description": "",
                "content": {PROBLEM_TYPE: {"schema": Problem.model_json_schema()}},
            },
        )
        line = f"`{refusal.code()}`: {refusal.title()}"
        entry["description"] = f"{entry['description']}\n\n{line}".strip()
    return by_status


def fingerprint(body: BaseModel) -> bytes:
    """Hash what was asked, to notice a key that comes back with another question."""
    canonical = json.dumps(body.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def encode_cursor(values: Sequence[str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> list[str | int]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise BadCursor from None
    if not isinstance(values, list) or not all(type(value) in (str, int) for value in values):
        raise BadCursor
    return values


def problem(
    code: str, title: str, status: int, facts: Mapping[str, object] | None = None
) -> Response:
    """Answer with a problem document."""
    # Reserved members win: a fact must never change what kind of problem this is.
    content = {**to_jsonable_python(dict(facts or {})), "type": code, "title": title}
    return JSONResponse({**content, "status": status}, status, media_type=PROBLEM_TYPE)


def refusal_response(no: Refusal) -> Response:
    response = problem(no.code(), no.title(), STATUS[no.kind], no.facts)
    response.headers.update(_HEADERS.get(no.kind, {}))
    return response


def _idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Repeat a request with the same key and it happens once. Kept for ever."
        ),
    ] = None,
) -> str:
    """Take the header as a structured-field string (`"abc"`) or, as most clients send it, bare."""
    key = idempotency_key or ""
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyMissing
    return key


IdempotencyKey = Annotated[str, Depends(_idempotency_key)]


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refuse(_: Request, no: Refusal) -> Response:
        return refusal_response(no)

    @app.exception_handler(RequestValidationError)
    async def refuse_invalid(_: Request, error: RequestValidationError) -> Response:
        faults = error.errors()
        if any(fault["type"] == "json_invalid" for fault in faults):
            return problem("malformed-json", "The body is not JSON.", 400)
        errors = [
            {
                "where": ".".join(str(step) for step in fault["loc"]),
                "problem": fault["msg"],
            }
            for fault in faults
        ]
        title = "The request is not what this route takes."
        return problem("invalid-request", title, 422, {"errors": errors})

    @app.exception_handler(HTTPException)
    async def refuse_route(_: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, _BodyTooLarge):
            return _too_large()
        code = _ROUTE_ERRORS.get(error.status_code, "http-error")
        if error.status_code == 400:
            code = "malformed-json"
        response = problem(code, str(error.detail), error.status_code)
        response.headers.update(error.headers or {})
        return response


def _failure(error: Exception) -> Response:
    """Say what an unforeseen error means to the caller, and nothing about how we are made."""
    if is_unavailable(error):
        log.warning("database.unavailable", error=repr(error)[:200])
        return refusal_response(DatabaseUnavailable())
    if is_contention(error):
        response = refusal_response(TryAgain())
        response.headers.update(RETRY_AFTER)
        return response
    log.error("request.failed", exc_info=error)
    title = "Something went wrong on our side."
    return problem("internal-error", title, 500, {"request_id": request_id()})


def _add_health(app: FastAPI, database: Database | None) -> None:
    @app.get("/livez", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        reports: dict[str, Callable[[], object]] = app.state.reports
        said = {name: report() for name, report in reports.items()}
        if app.state.stopping.is_set():
            return problem("stopping", "The service is stopping.", 503, said)
        if database is not None:
            try:
                await asyncio.wait_for(database.ping(), READY_SECONDS_MAX)
            except Exception as error:  # noqa: BLE001 - whatever it is, we are not ready
                log.warning("service.unready", error=repr(error)[:200])
                return refusal_response(DatabaseUnavailable(**said))
        return JSONResponse({"status": "ready", **said})

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class _BodyTooLarge(Exception):
    """Raised into the route while it reads a body that does not end."""


class _Edge:
    """
    The one middleware: body limit, request id, common headers, metrics, last-resort errors.

    Written against ASGI itself: Starlette's own base class copies every response through a
    queue, which would break server-sent events and cost more than all of this together.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        identifier = _identifier(headers)
        _request_id.set(identifier)
        structlog.contextvars.bind_contextvars(request_id=identifier)
        answer = {"status": 500, "started": False}

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.update(status=message["status"], started=True)
                _add_headers(message, identifier)
            await send(message)

        try:
            if _declared_length(headers) > BODY_BYTES_MAX:
                await _too_large()(scope, receive, send_marked)
            else:
                await self._app(scope, _limited(receive), send_marked)
        except _BodyTooLarge:
            await _too_large()(scope, receive, send_marked)
        except Exception as error:
            if answer["started"]:
                raise
            await _failure(error)(scope, receive, send_marked)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            HTTP_REQUESTS.labels(scope["method"], route, answer["status"]).inc()
            HTTP_SECONDS.labels(route).observe(time.perf_counter() - started)


def _identifier(headers: Mapping[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _declared_length(headers: Mapping[bytes, bytes]) -> int:
    declared = headers.get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0


def _limited(receive: Receive) -> Receive:
    """Count a body as it comes: a chunked one declares no length."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > BODY_BYTES_MAX:
            raise _BodyTooLarge
        return message

    return limited


def _too_large() -> Response:
    title = "The body is larger than this service takes."
    return problem("body-too-large", title, 413, {"body_bytes_max": BODY_BYTES_MAX})


def _add_headers(message: Message, identifier: str) -> None:
    headers = message["headers"] = list(message["headers"])
    headers.append((b"x-request-id", identifier.encode()))
    headers.append((b"x-content-type-options", b"nosniff"))
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
