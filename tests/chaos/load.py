"""Viewers who give while everything breaks: each asks with one key until there is an answer."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.chaos.people import People
from tests.chaos.plan import GIFT_TYPES, Plan, Wish

OPEN_REQUESTS = 64
RETRY_SECONDS = 0.1
REQUEST_SECONDS_MAX = 15
# Longer than any faults of a plan that overlap; who waits longer will wait for ever.
ANSWER_SECONDS_MAX = 150
PAID, WAITING, REFUSED = 201, 202, (402, 403)
# One viewer has too many gifts that are not paid: nothing is kept of another.
TOO_OFTEN = 429


@dataclass(slots=True)
class Answers:
    """Gifts that were asked for, and their final answers, by the gift's id."""

    wishes: dict[str, Wish] = field(default_factory=dict)
    given: dict[str, int] = field(default_factory=dict)
    # Only an answer tells a gift's id.
    open: set[str] = field(default_factory=set)

    @property
    def paid(self) -> set[str]:
        return {gift for gift, status in self.given.items() if status == PAID}

    @property
    def refused(self) -> set[str]:
        return {gift for gift, status in self.given.items() if status in REFUSED}

    @property
    def unforeseen(self) -> set[str]:
        return self.given.keys() - self.paid - self.refused

    def coins_of(self, gift: str) -> int:
        wish = self.wishes[gift]
        return GIFT_TYPES[wish.gift_type] * wish.count


class Load:
    """The gifts of a plan, on their way to an answer each."""

    def __init__(self, people: People, plan: Plan, *, open_requests: int = OPEN_REQUESTS) -> None:
        self._open_requests = open_requests
        self._people = people
        self._wishes = plan.wishes()
        self.answers = Answers()
        self._given_up = 0
        self._kept_out = 0
        self._ended = False
        # What was answered that was no answer; `None` where there was none at all.
        self.retries: Counter[int | None] = Counter()

    async def run(self) -> None:
        """Send every gift of the plan and see each answered."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
        connector = aiohttp.TCPConnector(limit=self._open_requests)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as clients,
        ):
            for _ in range(self._open_requests):
                clients.create_task(self._client(session))

    def end(self) -> None:
        """Ask for no more gifts; those that were asked for are still answered."""
        self._ended = True

    @property
    def answered(self) -> int:
        """Count what has its answer, or was given up."""
        return len(self.answers.given) + self._given_up + self._kept_out

    async def reach(self, answers: int) -> None:
        """Return once so many gifts were answered."""
        while self.answered < answers:
            await asyncio.sleep(0.02)

    async def _client(self, session: aiohttp.ClientSession) -> None:
        # One iterator for all clients: each takes the next wish when it is free.
        for wish in self._wishes:
            if self._ended:
                return
            viewer = self._people.viewers[wish.viewer]
            self.answers.open.add(wish.key)
            # Who is never answered is counted afterwards; the others go on.
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    status, gift = await self._give(session, viewer, wish)
            except TimeoutError:
                self._given_up += 1
                continue
            self.answers.open.discard(wish.key)
            if status == TOO_OFTEN:
                self._kept_out += 1
                continue
            self.answers.wishes[gift], self.answers.given[gift] = wish, status

    async def _give(
        self, session: aiohttp.ClientSession, viewer: str, wish: Wish
    ) -> tuple[int, str]:
        """Return the final answer, and the gift it is about."""
        body = {
            "gift_type": wish.gift_type,
            "count": wish.count,
            "creator": self._people.creators[wish.creator],
            "room": self._people.rooms[wish.creator],
        }
        headers = self._people.headers(viewer, wish.key)
        while True:
            status = None
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.post(
                    f"{self._people.url}/v1/gifts", json=body, headers=headers
                ) as answer:
                    said: Mapping[str, Any] = await answer.json(content_type=None)
                    status = answer.status
                    if not may_be_repeated(status, said):
                        return status, said.get("gift", wish.key)
            self.retries[status] += 1
            # A 202 has waited as long as it takes.
            if status != WAITING:
                await asyncio.sleep(RETRY_SECONDS)


def may_be_repeated(status: int, said: Mapping[str, Any]) -> bool:
    """Whether an answer says no more than: not yet."""
    return status == WAITING or status >= 500 or (status == 409 and said.get("code") == "try-again")
