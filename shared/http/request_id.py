"""The id that every request carries, from the gateway to the facts it causes."""

import re
from contextvars import ContextVar
from uuid import uuid4

import structlog

_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_request_id: ContextVar[str] = ContextVar("request_id", default="none")


def request_id() -> str:
    """Return the id of the request being served: the correlation id of what it causes."""
    return _request_id.get()


def identify(given: bytes) -> str:
    """Take the caller's id if it is fit for a log line, else make one; bind it to every line."""
    identifier = given.decode("ascii") if _GIVEN.fullmatch(given) else uuid4().hex
    _request_id.set(identifier)
    # A kept-alive connection serves many requests: nothing of the previous one may stay bound.
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=identifier)
    return identifier
