"""
A payment provider over HTTP: calls that end in time, and answers read strictly.

Only a documented refusal is a refusal (`ProviderRejected`). Everything else that cannot be used, a
timeout, a proxy's page, too many requests, an unreadable body, says nothing of what the provider
did (`ProviderUnavailable`): find out first, then repeat the call under the same key.
"""

import asyncio
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from shared.secrets import values_of

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


class ProviderClient:
    """An HTTP client of one provider, with a deadline for each call as a whole."""

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        answer_seconds_max: float,
        connections_max: int,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._answer_seconds_max = answer_seconds_max
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {values_of(api_key)[0]}"},
            timeout=answer_seconds_max,
            limits=httpx.Limits(max_connections=connections_max),
            transport=transport,
        )

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            # The client's own timeout is for each read: a provider that drips would last for ever.
            async with asyncio.timeout(self._answer_seconds_max):
                return await self._client.request(method, path, **options)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderUnavailable(repr(error)) from error

    async def close(self) -> None:
        await self._client.aclose()


def read_answer(model: type[Model], response: httpx.Response) -> Model:
    """Read what a provider answered, or raise `ProviderUnavailable`."""
    path = response.request.url.path
    if not response.is_success:
        raise ProviderUnavailable(f"{path} answered {response.status_code}")
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise ProviderUnavailable(f"{path} is unreadable: {problems[0]}") from None


def raise_if_rejected(response: httpx.Response) -> None:
    """Raise `ProviderRejected` for a documented refusal, a problem document of RFC 9457."""
    if response.status_code not in REJECTED:
        return
    try:
        named = response.json()["type"]
    except (ValueError, KeyError, TypeError):
        return
    if isinstance(named, str) and named.rsplit("/", 1)[-1] not in KEY_PROBLEMS:
        raise ProviderRejected(printable(named.rsplit("/", 1)[-1]))


def printable(value: str) -> str:
    """Make a name out of a provider's word: it is stored, published and logged."""
    kept = "".join(character for character in value if character.isprintable())
    return kept[:REASON_CHARACTERS_MAX] or "unknown"
