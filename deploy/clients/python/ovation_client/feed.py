"""A room's feed, which resumes after every interruption."""

import json
from asyncio import sleep
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from .client import Ovation
from .problem_types import PROBLEMS
from .problems import Problem, problem_of
from .retries import retry_after_of

# The server writes every few seconds, if only to show that the line holds.
SILENCE_SECONDS_MAX = 40.0
CONNECT_SECONDS_MAX = 15.0
TOKEN_EXPIRED = "token_expired"  # noqa: S105 - the name of an event


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What happened in a room: a `gift`, a `combo`, a `level` and so on.

    `reset` says that entries were missed because they are too old: read again what you show.
    `id` is where to go on: pass it as `after`.
    """

    kind: str
    id: str
    data: Mapping[str, Any]


async def follow(
    ovation: Ovation, room: str, *, after: str | None = None, last: int = 0, **filters: Any
) -> AsyncGenerator[Entry, None]:
    """
    Yield the entries of a room as they come, each once, for as long as you read them.

    It begins now, with the `last` few entries, or `after` the id of an entry. It goes on where it
    was after a lost connection, a restart, an overload, and a token that ended. `filters` are
    `only`, `min_coins` and `shape`.

    Raises Problem if this person may not follow the room, or no token is accepted.
    """
    if after is None and not last:
        # Where the feed is now: a line that breaks before the first entry misses nothing.
        path = f"/v1/rooms/{quote(room, safe='')}"
        after = (await ovation.request("GET", path)).json()["last_event_id"]
    feed = _Feed(ovation, room, {"last": last, **filters}, after)
    while True:
        async with aclosing(feed.connection()) as entries:
            async for entry in entries:
                yield entry
        await sleep(feed.pause())


class _Feed:
    """Where a feed is, and what happened to its last connection."""

    def __init__(
        self, ovation: Ovation, room: str, params: dict[str, Any], after: str | None
    ) -> None:
        self._ovation, self._params, self._after = ovation, params, after
        self._path = f"/v1/rooms/{quote(room, safe='')}/events"
        self._failures = 0
        self._retry_after_seconds: float | None = None
        self._refused: str | None = None

    def pause(self) -> float:
        """Return how many seconds to wait before the next connection."""
        wait, self._retry_after_seconds = self._retry_after_seconds, None
        if self._refused is not None:
            return 0.0
        return self._ovation.retries.pause(max(self._failures, 1), wait)

    async def connection(self) -> AsyncGenerator[Entry, None]:
        """Yield entries until the connection ends, however it ends."""
        self._failures += 1
        token = await self._ovation.token(refused=self._refused)
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        if self._after is not None:
            headers["Last-Event-ID"] = self._after
        timeout = httpx.Timeout(CONNECT_SECONDS_MAX, read=SILENCE_SECONDS_MAX)
        url = self._ovation.url_of(self._path)
        http = self._ovation.http
        try:
            async with http.stream(
                "GET", url, params=self._params, headers=headers, timeout=timeout
            ) as answer:
                if not await self._is_open(answer, token):
                    return
                async for event in EventSource(answer).aiter_sse():
                    if event.event == TOKEN_EXPIRED:
                        self._refused = token
                        return
                    if event.data:
                        yield self._entry(event)
        except (httpx.TransportError, SSEError):
            # It goes on with the next connection.
            return

    async def _is_open(self, answer: httpx.Response, token: str) -> bool:
        """Whether this is the feed. Raises Problem for an answer that will not change."""
        self._retry_after_seconds = retry_after_of(answer.headers)
        if answer.is_success:
            self._refused = None
            # The gateway says 429 and 503 as a stream that only tells when to come again.
            is_feed = self._retry_after_seconds is None
            self._failures = 0 if is_feed else self._failures
            return is_feed
        problem = await _problem(answer)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._refused is None:
            self._refused = token
            return False
        if answer.status_code in (408, 429) or answer.is_server_error:
            return False
        raise problem

    def _entry(self, event: ServerSentEvent) -> Entry:
        self._after = event.id or self._after
        return Entry(event.event, event.id, json.loads(event.data))


async def _problem(answer: httpx.Response) -> Problem:
    return problem_of(answer.status_code, await answer.aread(), PROBLEMS)
