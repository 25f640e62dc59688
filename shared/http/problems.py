"""Every error as a problem document (RFC 9457): a stable code, a sentence, and the facts."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ConfigDict
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from shared.contracts.base import like
from shared.errors import Kind, Refusal
from shared.http.bodies import Body
from shared.http.keys import HEADER, IdempotencyKeyMissing
from shared.http.request_id import request_id
from shared.http.routes import methods_at, route_of
from shared.idempotency import Key, KeyReused, count_key
from shared.postgres.database import is_contention, is_unavailable

log = structlog.get_logger()

PROBLEM_TYPE = "application/problem+json"
JSON_TYPE = "application/json"
# Where each code has a page, for people and for programs.
PROBLEMS = "/problems"
ERRORS_MAX = 20
RETRY_AFTER = {"Retry-After": "1"}
# A refusal that knows when it ends says so.
RETRY_AFTER_FACT = "retry_after_seconds"
INVALID_REQUEST = ("invalid-request", "The request is not what this route takes.")
SCHEMAS = "#/components/schemas"

STATUS: Mapping[Kind, int] = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.PAYMENT: 402,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.INVALID: 422,
    Kind.LIMITED: 429,
    Kind.UNAVAILABLE: 503,
}
_HEADERS: Mapping[Kind, Mapping[str, str]] = {
    Kind.UNAUTHENTICATED: {"WWW-Authenticate": "Bearer"},
    Kind.LIMITED: RETRY_AFTER,
    Kind.UNAVAILABLE: RETRY_AFTER,
}
MALFORMED_JSON = ("malformed-json", "The body is not JSON.")
NO_SUCH_ROUTE = ("no-such-route", "There is nothing at this address.")
METHOD_NOT_ALLOWED = ("method-not-allowed", "This address does not take this method.")
HTTP_ERROR = ("http-error", "The request is not what HTTP allows here.")
BODY_TOO_LARGE = ("body-too-large", "The body is larger than this service takes.")
BODY_INCOMPLETE = ("body-incomplete", "The connection ended before the body did.")
UNSUPPORTED_MEDIA_TYPE = (
    "unsupported-media-type",
    "The body is not sent as JSON: its header is Content-Type: application/json.",
)
INTERNAL_ERROR = ("internal-error", "Something went wrong on our side.")
_ROUTE_ERRORS = {400: MALFORMED_JSON, 404: NO_SUCH_ROUTE, 405: METHOD_NOT_ALLOWED}
# What is answered beside refusals: its status, and the names of its facts.
OTHER_PROBLEMS: Mapping[tuple[str, str], tuple[int, Sequence[str]]] = {
    INVALID_REQUEST: (422, ("errors",)),
    MALFORMED_JSON: (400, ()),
    NO_SUCH_ROUTE: (404, ()),
    METHOD_NOT_ALLOWED: (405, ()),
    HTTP_ERROR: (400, ()),
    BODY_TOO_LARGE: (413, ("body_bytes_max",)),
    BODY_INCOMPLETE: (400, ()),
    UNSUPPORTED_MEDIA_TYPE: (415, ()),
    INTERNAL_ERROR: (500, ()),
}
# Pydantic's own words for these quote what was sent.
_QUOTING = {
    "union_tag_invalid": "Input is none of the expected kinds",
    "uuid_parsing": "Input should be a valid UUID",
}
_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Problem(Body):
    """Why a request was refused (RFC 9457); further members are the facts to act on."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, like("/problems/insufficient-coins")]
    """The address of a page about the code, relative to the address that was asked."""
    code: Annotated[str, like("insufficient-coins")]
    """What to branch on: it never changes. Its facts are members beside it."""
    title: Annotated[str, like("The wallet holds fewer coins than the gift costs.")]
    """What went wrong, in one English sentence; it may be reworded, so do not compare it."""
    status: Annotated[int, like(402)]
    """The status of the answer, repeated for readers who have its body alone."""
    request_id: Annotated[str, like("5c0f1c1e6f0d4a0b9f6f0a9c1d2e3f40")]
    """The name of this request in the logs of every service; also the header `X-Request-Id`."""


class Fault(Body):
    """One thing that is wrong with a request, and where."""

    where: Annotated[str, like("body.count")]
    """
    The place: `body`, `query`, `path` or `header`, and names from the outside in, joined by dots. A
    name that is none of ours is `?`.
    """
    problem: Annotated[str, like("Input should be greater than or equal to 1")]
    """What is wrong there, in English."""


class InvalidRequest(Problem):
    """What is wrong with each field (RFC 9457)."""

    errors: list[Fault]
    """The first 20 faults, in the order in which they were found."""


class DatabaseUnavailable(Refusal):
    """The service cannot reach its database; nothing was done, try again."""

    kind = Kind.UNAVAILABLE


class TryAgain(Refusal):
    """Somebody else is changing the same thing; nothing was done, try again."""

    kind = Kind.CONFLICT


class BodyTooLarge(Exception):
    """Raised into the route while it reads a body that does not end."""


def problem(
    code: str, title: str, status: int, facts: Mapping[str, object] | None = None
) -> Response:
    """Answer with a problem document."""
    content: dict[str, object] = {
        "type": f"{PROBLEMS}/{code}",
        "code": code,
        "title": title,
        "status": status,
        "request_id": request_id(),
    }
    for name, fact in plain(facts or {}).items():
        # Reserved members win: a fact must never change what kind of problem this is.
        content.setdefault(name, fact)
    return Response(json.dumps(content), status, media_type=PROBLEM_TYPE)


def plain(facts: Mapping[str, object]) -> dict[str, Any]:
    """Turn facts into what JSON can say: an error about an error would hide the first."""
    written = to_json(dict(facts), inf_nan_mode="strings", fallback=str, serialize_unknown=True)
    turned: dict[str, Any] = json.loads(written)
    return turned


def refusal_response(no: Refusal) -> Response:
    response = problem(no.code(), no.title(), STATUS[no.kind], no.facts)
    response.headers.update(_HEADERS.get(no.kind, {}))
    if isinstance(seconds := no.facts.get(RETRY_AFTER_FACT), int):
        response.headers["Retry-After"] = str(seconds)
    return response


def answer_refusal(scope: Scope, no: Refusal) -> Response:
    """Answer a request that its route refuses."""
    if isinstance(no, KeyReused):
        count_key(route_of(scope), Key.KEY_REUSED)
    return refusal_response(no)


def too_large(body_bytes_max: int) -> Response:
    return problem(*BODY_TOO_LARGE, 413, {"body_bytes_max": body_bytes_max})


def refusals(*kinds: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """Document, on a route, the refusals its caller must be ready for."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for refusal in kinds:
        entry = by_status.setdefault(STATUS[refusal.kind], documented(Problem))
        line = f"`{refusal.code()}`: {refusal.title()}"
        entry["description"] = f"{entry['description']}\n\n{line}".strip()
    return by_status


def documented(model: type[Problem], description: str = "") -> dict[str, Any]:
    """Describe an answer for OpenAPI; `build_app` puts the schema where this points."""
    schema = {"$ref": f"{SCHEMAS}/{model.__name__}"}
    return {"description": description, "content": {PROBLEM_TYPE: {"schema": schema}}}


def answer_errors(app: FastAPI, *, body_bytes_max: int) -> None:
    """Make an application answer everything that goes wrong as a problem document."""

    @app.exception_handler(Refusal)
    async def refuse(request: Request, no: Refusal) -> Response:
        return answer_refusal(request.scope, no)

    @app.exception_handler(RequestValidationError)
    async def refuse_invalid(_: Request, error: RequestValidationError) -> Response:
        # FastAPI parses no body that is not declared as JSON.
        if isinstance(error.body, bytes):
            return _not_sent_as_json()
        return _invalid(error.errors())

    @app.exception_handler(HTTPException)
    async def refuse_route(request: Request, error: HTTPException) -> Response:
        # FastAPI calls every error of reading a body a bad request.
        if isinstance(error.__cause__, BodyTooLarge):
            return too_large(body_bytes_max)
        code, title = _ROUTE_ERRORS.get(error.status_code, HTTP_ERROR)
        response = problem(code, title, error.status_code)
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(methods_at(request.scope, app.routes))
        return response

    @app.exception_handler(Exception)
    async def fail(_: Request, error: Exception) -> Response:
        """Reached only from middleware outside of ours."""
        return failure(error, body_bytes_max=body_bytes_max)


def _not_sent_as_json() -> Response:
    response = problem(*UNSUPPORTED_MEDIA_TYPE, 415)
    response.headers["Accept"] = JSON_TYPE
    return response


def _invalid(faults: Sequence[Mapping[str, Any]]) -> Response:
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem(*MALFORMED_JSON, 400)
    if any(fault["loc"] == ("header", HEADER) for fault in faults):
        return refusal_response(IdempotencyKeyMissing())
    errors = [
        {"where": _where(fault["loc"]), "problem": _QUOTING.get(fault["type"], fault["msg"])}
        for fault in faults[:ERRORS_MAX]
    ]
    return problem(*INVALID_REQUEST, 422, {"errors": errors})


def _where(steps: Sequence[str | int]) -> str:
    """Name the field; an invented one that is no name (it may be anything) is not repeated."""
    names = [str(step) for step in steps]
    return ".".join(name if _FIELD.fullmatch(name) else "?" for name in names)


def failure(error: Exception, *, body_bytes_max: int) -> Response:
    """Say what an unforeseen error means to the caller, and nothing about how we are made."""
    if isinstance(error, Refusal):
        return refusal_response(error)
    if isinstance(error, BodyTooLarge):
        return too_large(body_bytes_max)
    if isinstance(error, ClientDisconnect):
        return problem(*BODY_INCOMPLETE, 400)
    if is_unavailable(error):
        log.warning("database.unavailable", error=repr(error)[:200])
        return refusal_response(DatabaseUnavailable())
    if is_contention(error):
        response = refusal_response(TryAgain())
        response.headers.update(RETRY_AFTER)
        return response
    log.error("request.failed", exc_info=error)
    return problem(*INTERNAL_ERROR, 500)
