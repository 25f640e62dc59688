"""Viewers who give while everything breaks: each asks with one key until there is an answer."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from services.gift.commands.requesting import gift_id
from tests.chaos.people import People
from tests.chaos.plan import Plan, Wish

OPEN_REQUESTS = 64
RETRY_SECONDS = 0.1
REQUEST_SECONDS_MAX = 15
# However long the faults of a plan take together, nobody waits for one answer longer than this.
ANSWER_SECONDS_MAX = 280
PAID, REFUSED = 201, (402, 403)


class Unanswered(Exception):
    """A request got no final answer, or one that nobody foresaw."""


class Load:
    """The gifts of a plan, and what each was answered, by its key."""

    def __init__(self, people: People, plan: Plan) -> None:
        self._people = people
        self._wishes = plan.wishes()
        self.plan = plan
        # By gift, whose id follows from viewer and key: the wish and its final answer.
        self.wishes: dict[str, Wish] = {}
        self.answers: dict[str, int] = {}
        self.retries: Counter[str] = Counter()

    @property
    def paid(self) -> set[str]:
        return {gift for gift, status in self.answers.items() if status == PAID}

    @property
    def refused(self) -> set[str]:
        return {gift for gift, status in self.answers.items() if status in REFUSED}

    async def run(self) -> None:
        """Send every gift of the plan and see each answered."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
        connector = aiohttp.TCPConnector(limit=OPEN_REQUESTS)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as clients,
        ):
            for _ in range(OPEN_REQUESTS):
                clients.create_task(self._client(session))

    async def reach(self, answers: int) -> None:
        """Return once so many gifts were answered."""
        while len(self.answers) < answers:
            await asyncio.sleep(0.02)

    async def _client(self, session: aiohttp.ClientSession) -> None:
        # One iterator for all clients: each takes the next wish when it is free.
        for wish in self._wishes:
            viewer = self._people.viewers[wish.viewer]
            gift = str(gift_id(viewer, wish.key))
            self.wishes[gift] = wish
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    self.answers[gift] = await self._give(session, viewer, wish)
            except TimeoutError:
                raise Unanswered(f"{wish.key}: nothing in {ANSWER_SECONDS_MAX} s") from None

    async def _give(self, session: aiohttp.ClientSession, viewer: str, wish: Wish) -> int:
        body = {
            "gift_type": wish.gift_type,
            "count": wish.count,
            "creator": self._people.creators[wish.creator],
            "room": self._people.rooms[wish.creator],
        }
        headers = self._people.headers(viewer, wish.key)
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.post(
                    f"{self._people.url}/v1/gifts", json=body, headers=headers
                ) as answer:
                    said: Mapping[str, Any] = await answer.json(content_type=None)
                    if answer.status == PAID or answer.status in REFUSED:
                        return answer.status
                    if not may_be_repeated(answer.status, said):
                        raise Unanswered(f"{wish.key}: {answer.status} {said}")
                    self.retries[str(answer.status)] += 1
                    if answer.status == 202:
                        continue
            self.retries["all"] += 1
            await asyncio.sleep(RETRY_SECONDS)


def may_be_repeated(status: int, said: Mapping[str, Any]) -> bool:
    """Whether an answer says no more than: not yet."""
    return status == 202 or status >= 500 or (status == 409 and said.get("type") == "try-again")
