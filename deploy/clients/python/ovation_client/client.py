"""One person's connection to an installation: token, attempts, keys and refusals."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from .problem_types import PROBLEMS
from .problems import problem_of
from .retries import IDEMPOTENT, NOT_SENT, Attempts, Retries, may_change, retry_after_of

KEY = "Idempotency-Key"
PREFER, RESPOND_ASYNC = "prefer", "respond-async"
# The server waits up to two seconds for the outcome of a gift before it answers.
TIMEOUT_SECONDS = 10.0

TokenSource = Callable[[], Awaitable[str]]


class Ovation:
    """
    Calls an installation as one person.

    `token` returns an access token of your identity provider. It is called before the first
    request, and when its last token is not accepted any more; in between the token is kept.

    A call that needs an idempotency key gets one, and keeps it over all of its attempts. If a
    call has to survive your program, make its key yourself, store it, and pass it.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: TokenSource,
        retries: Retries | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self.retries = retries or Retries()
        self.http = http or httpx.AsyncClient(timeout=TIMEOUT_SECONDS)
        self._base_url = base_url.rstrip("/")
        self._source = token
        self._token: str | None = None
        self._renewal = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections."""
        await self.http.aclose()

    def url_of(self, path: str) -> str:
        """Return the whole address of a path of the API."""
        return self._base_url + path

    async def token(self, *, refused: str | None = None) -> str:
        """Return the present token; a new one, if the present one was refused."""
        async with self._renewal:
            if self._token is None or self._token == refused:
                self._token = await self._source()
            return self._token

    async def request(
        self,
        method: str,
        path: str,
        *,
        needs_key: bool = False,
        until_decided: bool = False,
        headers: dict[str, str] | None = None,
        **content: Any,
    ) -> httpx.Response:
        """
        Send a request, again if need be, and return its answer.

        With `until_decided` a 202 is repeated under its key, until the deadline. `content` is
        what httpx takes: `params`, `json`, `content`.

        Raises the Problem that is the answer, or httpx.TransportError if there was none.
        """
        own = dict(headers or {})
        if needs_key:
            own.setdefault(KEY, str(uuid4()))
        is_repeatable = method in IDEMPOTENT or KEY in own
        waits = until_decided and RESPOND_ASYNC not in own.get(PREFER, "")
        attempts = Attempts(self.retries)
        while True:
            try:
                answer = await self._send(method, path, own, content)
            except httpx.TransportError as error:
                is_safe = is_repeatable or isinstance(error, NOT_SENT)
                if is_safe and await attempts.may_go_on():
                    continue
                raise
            if answer.is_error:
                is_open = may_change(answer, is_repeatable=is_repeatable)
            else:
                is_open = waits and answer.status_code == httpx.codes.ACCEPTED
            if not (is_open and await attempts.may_go_on(retry_after_of(answer.headers))):
                return _accepted(answer)

    async def _send(
        self, method: str, path: str, headers: dict[str, str], content: dict[str, Any]
    ) -> httpx.Response:
        """Send a request once, and once more with a new token if its token is not accepted."""
        token = await self.token()
        answer = await self._ask(method, path, headers, content, token)
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            return answer
        renewed = await self.token(refused=token)
        return (
            answer if renewed == token else await self._ask(method, path, headers, content, renewed)
        )

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], content: dict[str, Any], token: str
    ) -> httpx.Response:
        signed = {**headers, "Authorization": f"Bearer {token}"}
        return await self.http.request(method, self.url_of(path), headers=signed, **content)


def _accepted(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise problem_of(answer.status_code, answer.content, PROBLEMS)
    return answer
