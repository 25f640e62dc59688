"""When a call is tried again, and after which pause."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

# Repeated, they do no more than once.
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# Nothing was done, and the answer says when to come again.
COME_AGAIN = frozenset({409, 429, 503})
# A proxy got no answer: the request may have been carried out.
NO_ANSWER = frozenset({502, 503, 504})
# The request never left this machine.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
DOUBLINGS_MAX = 16


@dataclass(frozen=True, slots=True)
class Retries:
    """
    How long a call is tried again, and how long pauses are, in seconds.

    After the deadline no attempt begins; the last one may still take as long as its timeout.
    Pauses are random, and longer after each attempt; `Retry-After` is the least.
    """

    deadline_seconds: float = 30.0
    first_pause_seconds: float = 0.25
    pause_seconds_max: float = 8.0

    def pause(self, attempt: int, retry_after_seconds: float | None = None) -> float:
        """Return how many seconds to wait after an attempt; the first attempt is 1."""
        doublings = min(attempt - 1, DOUBLINGS_MAX)
        longest: float = min(self.first_pause_seconds * 2.0**doublings, self.pause_seconds_max)
        # Clients that failed together come back apart; it is no secret.
        drawn = longest * random.uniform(0.5, 1.0)  # noqa: S311
        return drawn + (retry_after_seconds or 0.0)


class Attempts:
    """The attempts of one call, until its deadline."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._made = 0
        self._ends_at = asyncio.get_running_loop().time() + retries.deadline_seconds

    async def may_go_on(self, retry_after_seconds: float | None = None) -> bool:
        """Wait, and return True; return False at once if the next attempt would be too late."""
        self._made += 1
        pause = self._retries.pause(self._made, retry_after_seconds)
        if asyncio.get_running_loop().time() + pause > self._ends_at:
            return False
        await asyncio.sleep(pause)
        return True


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return after how many seconds the server wants to be asked again, if it says so."""
    try:
        return max(0.0, float(headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def may_change(answer: httpx.Response, *, is_repeatable: bool) -> bool:
    """
    Whether the same request, repeated, may have another answer than this refusal.

    What is not repeatable (a POST without a key) is repeated only if nothing was done.
    """
    status = answer.status_code
    if status in COME_AGAIN and "Retry-After" in answer.headers:
        return is_repeatable or status not in NO_ANSWER
    return is_repeatable and status in NO_ANSWER
