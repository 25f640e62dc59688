"""
The usual request of a busy route, answered without what FastAPI does for any request.

A shortcut calls the function of its route once token, key and body are what they usually are. Any
other request goes on to the route, which alone says what is wrong with it. So both ways answer
alike; finding out what a function wants takes FastAPI most of a request's processor time.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError
from starlette.datastructures import State
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import Refusal
from shared.http.auth import token_in
from shared.http.keys import HEADER, key_in
from shared.http.people import OPERATOR_ROUTES
from shared.http.problems import answer_refusal
from shared.identity.tokens import Identity

_KEY_HEADER = HEADER.lower().encode()
_JSON = (b"application/json", b"application/json; charset=utf-8", b"application/json;charset=UTF-8")


@dataclass(frozen=True, slots=True)
class UsualRequest:
    """A request with a valid token, a fit key and a body that is what the route takes."""

    # An instance of the shortcut's model.
    body: Any
    caller: Identity
    key: str
    # None of them was given twice.
    headers: Mapping[bytes, bytes]

    def header(self, name: str) -> str | None:
        """Return a header by its name in small letters."""
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")


# A route's function, which takes from `app.state` what FastAPI would give it.
Call: TypeAlias = Callable[[State, UsualRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A POST of callers, with an idempotency key, that is asked for more than any other route."""

    path: str
    model: type[BaseModel]
    call: Call

    def __post_init__(self) -> None:
        # There the people who are named are looked at, too.
        assert not self.path.startswith(OPERATOR_ROUTES), self.path


class Shortcuts:
    """Answers usual requests of some routes, and hands all others on."""

    def __init__(self, app: ASGIApp, shortcuts: Sequence[Shortcut]) -> None:
        self._app = app
        self._by_path = {shortcut.path: shortcut for shortcut in shortcuts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shortcut = self._by_path.get(scope["path"]) if scope["type"] == "http" else None
        if shortcut is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        # For metrics and logs; the route itself would say the same.
        scope["route"] = shortcut
        received: list[Message] = []
        try:
            usual = await _read(scope, receive, received, shortcut.model)
            response = await shortcut.call(scope["app"].state, usual) if usual else None
        except Refusal as no:
            response = answer_refusal(scope, no)
        if response is None:
            await self._app(scope, _repeating(received, receive), send)
        else:
            await response(scope, receive, send)


async def _read(
    scope: Scope, receive: Receive, received: list[Message], model: type[BaseModel]
) -> UsualRequest | None:
    """Read a request if it is a usual one; a token that is not valid is refused as by the route."""
    headers = dict(scope["headers"])
    key = key_in(headers.get(_KEY_HEADER, b"").decode("latin-1"))
    authorization = headers.get(b"authorization")
    if key is None or authorization is None or len(headers) != len(scope["headers"]):
        return None
    if headers.get(b"content-type") not in _JSON:
        return None
    body = await _body(receive, received)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    token = token_in(authorization.decode("latin-1"))
    caller = await scope["app"].state.verifier.verify(token)
    try:
        return UsualRequest(model.model_validate(content), caller, key, headers)
    except ValidationError:
        return None


async def _body(receive: Receive, received: list[Message]) -> bytes:
    """Read the body, and keep what came: the route may have to read it, too."""
    while True:
        message = await receive()
        received.append(message)
        if message["type"] != "http.request":
            # The connection ended. No JSON is empty, so this is no usual request.
            return b""
        if not message.get("more_body", False):
            return b"".join(each.get("body", b"") for each in received)


def _repeating(received: Sequence[Message], receive: Receive) -> Receive:
    """Give what was received once more, then what comes."""
    left = iter(received)

    async def receive_again() -> Message:
        for message in left:
            return message
        return await receive()

    return receive_again
