"""
The host application says how people are called and what they look like: one request a batch.

Its answer is never waited for long, and nothing depends on it. A host that fails is left alone
for a while, at first for some seconds; what it said before is shown meanwhile. The standard
library asks: answers are kept for minutes, and an HTTP client of its own would cost live's image
packages and memory.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import structlog
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, ValidationError

from services.live.domain.profiles import Profile, profile_of

log = structlog.get_logger()

ANSWER_SECONDS_MAX = 1.0
ANSWER_BYTES_MAX = 1_000_000
_PART_BYTES = 65_536
CONNECTIONS_MAX = 4
WAIT_SECONDS_MAX = 1.0
ASKED_MAX = 50
KNOWN_SECONDS = 600.0
UNKNOWN_SECONDS = 60.0
CACHED_MAX = 20_000
# After a failure nothing is asked for so long; each further one doubles it.
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 2.0, 60.0

REQUESTS = Counter(
    "ovation_people_requests", "Requests to the host application for names.", ["outcome"]
)
for _outcome in ("answered", "failed", "left_alone"):
    REQUESTS.labels(_outcome)


class _Answered(BaseModel):
    # An answer that cannot be read is logged, and the names in it are not.
    model_config = ConfigDict(hide_input_in_errors=True)


class _Person(_Answered):
    id: str
    name: str | None = None
    picture: str | None = None


class _People(_Answered):
    people: list[_Person]


@dataclass(frozen=True, slots=True)
class _Cached:
    profile: Profile
    until: float


class PeopleHost:
    """The host application, by the address and the key of the settings."""

    def __init__(self, url: str, key: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._key = key
        self._connections = asyncio.Semaphore(CONNECTIONS_MAX)
        # Its own threads, so a slow host delays nothing else.
        self._threads = ThreadPoolExecutor(CONNECTIONS_MAX, "people")
        self._clock = clock
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        # Whom the host does not know, and until when: kept apart, so invented ids evict nobody.
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._pause_seconds = 0.0
        self._asked_again_at = 0.0

    async def find(self, users: Sequence[str]) -> dict[str, Profile]:
        """Return the profiles of those whom the host knows; it never fails."""
        missing = self._missing(users)
        for start in range(0, len(missing), ASKED_MAX):
            await self._request(missing[start : start + ASKED_MAX])
        kept = ((user, self._cache.get(user)) for user in users)
        return {user: each.profile for user, each in kept if each}

    def _missing(self, users: Sequence[str]) -> list[str]:
        now = self._clock()
        return [
            user
            for user in users
            if now >= self._unknown.get(user, now)
            and not ((kept := self._cache.get(user)) and now < kept.until)
        ]

    async def _request(self, users: Sequence[str]) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                await self._connections.acquire()
        except TimeoutError:
            # Many ask at once; the host has failed in nothing.
            REQUESTS.labels("left_alone").inc()
            return
        try:
            # Others may have asked about the same people meanwhile.
            if users := self._missing(users):
                await self._resolve(users)
        finally:
            self._connections.release()

    async def _resolve(self, users: Sequence[str]) -> None:
        if self._clock() < self._asked_again_at:
            REQUESTS.labels("left_alone").inc()
            return
        pause_seconds = self._pause_seconds
        if pause_seconds:
            # One request tries whether it is back; others do not wait for it.
            self._asked_again_at = self._clock() + pause_seconds
        post = partial(_post, self._url, self._key, {"ids": users})
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                answer = await asyncio.get_running_loop().run_in_executor(self._threads, post)
            listed = _People.model_validate_json(answer).people
        except (OSError, HTTPException, ValidationError, ValueError) as error:
            REQUESTS.labels("failed").inc()
            # Requests that failed together are one failure.
            if self._pause_seconds == pause_seconds:
                self._leave_alone(error)
            return
        REQUESTS.labels("answered").inc()
        self._pause_seconds = self._asked_again_at = 0.0
        self._keep(users, listed)

    def _leave_alone(self, error: Exception) -> None:
        self._pause_seconds = min(max(2 * self._pause_seconds, PAUSE_SECONDS), PAUSE_SECONDS_MAX)
        self._asked_again_at = self._clock() + self._pause_seconds
        log.warning(
            "people.host_failed", error=repr(error)[:200], pause_seconds=self._pause_seconds
        )

    def _keep(self, users: Sequence[str], listed: Iterable[_Person]) -> None:
        """Keep the answer about the people who were asked for; what it has of others is dropped."""
        known = {each.id: each for each in listed}
        now = self._clock()
        for user in users:
            if person := known.get(user):
                profile = profile_of(user, name=person.name, picture=person.picture)
                self._cache[user] = _Cached(profile, until=now + KNOWN_SECONDS)
                self._cache.move_to_end(user)
                self._unknown.pop(user, None)
            else:
                self._cache.pop(user, None)
                self._unknown[user] = now + UNKNOWN_SECONDS
                self._unknown.move_to_end(user)
        for cached in (self._cache, self._unknown):
            while len(cached) > CACHED_MAX:
                cached.popitem(last=False)


class _NotMoved(HTTPRedirectHandler):
    """Goes nowhere else: the address is the operator's, and so is the key."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(url: str, key: str, body: dict[str, Any]) -> bytes:
    """Post in a thread, which ends soon after the caller has given up."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310 - settings
    give_up_at = time.monotonic() + ANSWER_SECONDS_MAX
    document = b""
    try:
        with build_opener(_NotMoved).open(request, timeout=ANSWER_SECONDS_MAX) as answer:
            while part := answer.read1(_PART_BYTES):
                document += part
                if len(document) > ANSWER_BYTES_MAX:
                    raise ValueError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
                if time.monotonic() > give_up_at:
                    raise TimeoutError(f"the answer took over {ANSWER_SECONDS_MAX} s")
    except HTTPError as refused:
        refused.close()
        raise
    return document
