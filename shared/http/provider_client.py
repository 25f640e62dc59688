"""
A payment provider over HTTP: calls that end in time, and answers read strictly.

Only a documented refusal is a refusal (`ProviderRejected`). Everything else that cannot be used, a
timeout, a proxy's page, too many requests, an unreadable body, says nothing of what the provider
did (`ProviderUnavailable`): find out first, then repeat the call under the same key.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from shared.secrets import values_of

ANSWER_BYTES_MAX = 1_000_000
REASON_CHARACTERS_MAX = 64
# A documented refusal has one of these, and a body that says why.
REJECTED = (400, 422)
# These refuse the request and not its content: its key was used before.
KEY_PROBLEMS = ("", "key-reused", "idempotency-key-in-use")

Model = TypeVar("Model", bound=BaseModel)


class ProviderUnavailable(Exception):
    """The provider gave no usable answer; whether it did anything is unknown."""


class ProviderRejected(Exception):
    """The provider will not do this, however often it is asked; `reason` is its word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered to a request, of any HTTP status."""

    path: str
    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class ProviderClient:
    """
    An HTTP client of one provider.

    A request ends after `answer_seconds_max`, its whole answer included, and follows no redirect:
    it carries our key. Certificates are checked against the system's authorities (or
    `SSL_CERT_FILE`); a proxy is taken from the environment (`HTTPS_PROXY`, `NO_PROXY`).

    `api_key` is sent with each request; without one, the caller gives `Authorization` where it
    is needed.
    """

    def __init__(
        self,
        *,
        url: str,
        api_key: str | None = None,
        answer_seconds_max: float,
        connections_max: int,
    ) -> None:
        self._url = url.rstrip("/")
        # A compressed answer could be of any size.
        self._headers = {"Accept-Encoding": "identity"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {values_of(api_key)[0]}"
        self._answer_seconds_max = answer_seconds_max
        self._connections_max = connections_max
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | Sequence[Any] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request with `json` or a `form`; raise `ProviderUnavailable` without an answer."""
        if self._session is None:
            self._session = self._open_session()
        try:
            async with self._session.request(
                method,
                self._url + path,
                params=params,
                json=json,
                data=form,
                headers=headers,
                allow_redirects=False,
            ) as response:
                content = b""
                async for part in response.content.iter_any():
                    content += part
                    if len(content) > ANSWER_BYTES_MAX:
                        raise ProviderUnavailable(f"{path} answered over {ANSWER_BYTES_MAX} bytes")
                return Answer(path, response.status, content, response.headers)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ProviderUnavailable(repr(error)) from error

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._answer_seconds_max),
            connector=aiohttp.TCPConnector(limit=self._connections_max),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=True,
        )


def read_answer(model: type[Model], answer: Answer) -> Model:
    """Read what a provider answered, or raise `ProviderUnavailable`."""
    if answer.status // 100 != 2:
        raise ProviderUnavailable(f"{answer.path} answered {answer.status}")
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise ProviderUnavailable(f"{answer.path} is unreadable: {problems[0]}") from None


def raise_if_rejected(answer: Answer) -> None:
    """Raise `ProviderRejected` for a documented refusal, a problem document of RFC 9457."""
    if answer.status not in REJECTED:
        return
    try:
        named = json.loads(answer.content)["type"]
    except (ValueError, KeyError, TypeError):
        return
    if isinstance(named, str) and named.rsplit("/", 1)[-1] not in KEY_PROBLEMS:
        raise ProviderRejected(printable(named.rsplit("/", 1)[-1]))


def printable(value: str) -> str:
    """Make a name out of a provider's word: it is stored, published and logged."""
    kept = "".join(character for character in value if character.isprintable())
    return kept[:REASON_CHARACTERS_MAX] or "unknown"
