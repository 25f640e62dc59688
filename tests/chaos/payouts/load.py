"""Creators who cash out while everything breaks; each asks with one key until it is answered."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import aiohttp

from tests.chaos.payouts.books import PayoutBooks
from tests.chaos.payouts.plan import Creator, Plan, Story, Wish
from tests.chaos.payouts.stage import PayoutSystem
from tests.chaos.payouts.vendors import Status, Vendors
from tests.chaos.strikes import TROUBLES
from tests.chaos.vendor_faults import LACKS
from tests.payout.providers.driver import Driver

CREATORS_AT_ONCE = 40
REQUEST_SECONDS_MAX = 15
RETRY_SECONDS = 0.3
POLL_SECONDS = 0.5
# Only a payout that never ends takes so long, however busy the machine is.
ENDED_SECONDS_MAX = 1_200
# After this a provider that took its time, or a receiver who had to claim, comes to an end.
STUCK_AFTER_SECONDS = 2.0
DIAMONDS = 2_000
PART_MINOR = 300
ENDED = ("paid", "failed", "returned", "rejected")
# Stories in which the next transfer of the provider is not paid at once.
_PREPARED: dict[Story, Callable[[Driver], None]] = {
    Story.LATER: lambda vendor: vendor.delay(),
    Story.FAILS: lambda vendor: vendor.delay(),
    Story.UNCLAIMED: lambda vendor: vendor.need_claim(),
    Story.UNFUNDED: lambda vendor: vendor.be_short(),
}


class Load:
    """The payouts of a plan, and what was answered."""

    def __init__(
        self, system: PayoutSystem, vendors: Vendors, books: PayoutBooks, plan: Plan
    ) -> None:
        self._system, self._vendors, self._books, self._plan = system, vendors, books, plan
        self._tokens: dict[str, str] = {}
        self.done = 0
        self.stories: Counter[str] = Counter()
        # Payouts by their provider; and keys whose payout never came to an end.
        self.payouts: dict[str, str] = {}
        self.unanswered: set[str] = set()
        self._session: aiohttp.ClientSession

    async def prepare(self) -> None:
        """Let every creator log in, have diamonds, and a place for money."""
        plan = self._plan

        def log_in() -> dict[str, str]:
            # In a thread: the links are served in this loop.
            token = self._system.token
            return {
                creator.name: token(
                    creator.name, roles=["creator"], country="US", ttl_seconds=86_400
                )
                for creator in plan.creators
            }

        self._tokens = await asyncio.to_thread(log_in)
        for creator in plan.creators:
            vendor = self._vendors[creator.provider]
            place = vendor.refusing_destination() if creator.is_refused else vendor.destination()
            await self._books.add_payee(creator, place)
        await self._grant()

    async def _grant(self) -> None:
        """Let two operators give every creator the diamonds of all their payouts."""
        system, path = self._system, "/v1/operator/payout/adjustments"
        claims = {"roles": ["operator"], "scopes": ["adjustments:write"]}
        tokens = [
            await asyncio.to_thread(partial(system.token, name, **claims))
            for name in ("ops", "ada")
        ]
        asking, agreeing = ({"Authorization": f"Bearer {token}"} for token in tokens)
        async with aiohttp.ClientSession(system.gateway_url, raise_for_status=True) as session:
            for creator in self._plan.creators:
                wanted = {
                    "user": creator.name,
                    "amount": DIAMONDS * len(creator.wishes),
                    "reason": "chaos",
                }
                headers = {**asking, "Idempotency-Key": f"grant-{creator.name}"}
                async with session.post(path, json=wanted, headers=headers) as answer:
                    adjustment = (await answer.json())["adjustment"]
                async with session.post(f"{path}/{adjustment}/approve", headers=agreeing):
                    pass

    async def run(self) -> None:
        """Let creators cash out, each one payout after another."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
        connector = aiohttp.TCPConnector(limit=2 * CREATORS_AT_ONCE)
        waiting = iter(self._plan.creators)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as self._session:
            clock = asyncio.create_task(self._give_turns())
            try:
                async with asyncio.TaskGroup() as cashing_out:
                    for _ in range(CREATORS_AT_ONCE):
                        cashing_out.create_task(self._take_turns(waiting))
            finally:
                clock.cancel()

    async def _take_turns(self, waiting: Any) -> None:
        for creator in waiting:
            self.unanswered |= {wish.key for wish in creator.wishes}
            left = len(creator.wishes)
            # What never ends keeps its creator from the next one; counted at the end, by the keys.
            with suppress(TimeoutError):
                for wish in creator.wishes:
                    await self._cash_out(creator, wish)
                    self.unanswered.discard(wish.key)
                    self.done, left = self.done + 1, left - 1
            # Faults are due by how much is done.
            self.done += left

    async def _give_turns(self) -> None:
        """Let what waits for its next turn have it, again and again."""
        while True:
            await asyncio.sleep(3.0)
            with suppress(*TROUBLES):
                await self._books.give_turns()

    async def _cash_out(self, creator: Creator, wish: Wish) -> None:
        vendor, story = self._vendors[creator.provider], wish.story
        try:
            if prepare := _PREPARED.get(story):
                prepare(vendor)
        except LACKS:
            story = Story.ARRIVES
        quote = await self._insist(
            "POST", "/v1/payouts/quotes", creator, wish, {"diamonds": DIAMONDS}
        )
        payout = await self._insist("POST", "/v1/payouts", creator, wish, {"quote": quote["quote"]})
        identifier = str(payout["payout"])
        self.payouts[identifier] = creator.provider
        async with asyncio.timeout(ENDED_SECONDS_MAX):
            await self._until_ended(vendor, creator, wish, identifier, story)
            with suppress(LACKS):
                await self._follow(vendor, story, identifier)
        self.stories[story] += 1

    async def _until_ended(
        self, vendor: Driver, creator: Creator, wish: Wish, payout: str, story: Story
    ) -> None:
        loop = asyncio.get_running_loop()
        impatient = loop.time() + STUCK_AFTER_SECONDS
        while True:
            read = await self._insist("GET", f"/v1/payouts/{payout}", creator, wish, None)
            if read["state"] in ENDED:
                return
            if loop.time() > impatient:
                await self._end(vendor, story, payout)
            await asyncio.sleep(POLL_SECONDS)

    async def _end(self, vendor: Driver, story: Story, payout: str) -> None:
        """Let a transfer that is on its way come to its end; whose it was is no matter."""
        act = {Story.FAILS: vendor.fail_transfer, Story.UNCLAIMED: vendor.let_claim_end}
        for attempt in await self._attempts(payout):
            if self._vendors.status(vendor, attempt) is Status.OPEN:
                act.get(story, vendor.pay)(attempt)

    async def _follow(self, vendor: Driver, story: Story, payout: str) -> None:
        """Let something become of money that has arrived."""
        for attempt in await self._attempts(payout):
            if self._vendors.status(vendor, attempt) is not Status.PAID:
                continue
            if story is Story.COMES_BACK:
                vendor.give_back(attempt)
            elif story is Story.COMES_BACK_IN_PART:
                vendor.give_back_part(attempt, PART_MINOR)
            elif story is Story.FAILS_LATE:
                vendor.fail_transfer(attempt)

    async def _attempts(self, payout: str) -> list[str]:
        """Return the attempts of a payout, once the database answers."""
        while True:
            with suppress(*TROUBLES):
                return await self._books.attempts_of(payout)
            await asyncio.sleep(RETRY_SECONDS)

    async def _insist(
        self, method: str, path: str, creator: Creator, wish: Wish, body: object
    ) -> Any:
        """Ask with the same key until there is an answer that is no trouble of the moment."""
        headers = {
            "Authorization": f"Bearer {self._tokens[creator.name]}",
            "Idempotency-Key": wish.key,
        }
        url = self._system.gateway_url + path
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self._session.request(method, url, json=body, headers=headers) as answer:
                    said = await answer.json(content_type=None)
                    if answer.status < 400:
                        return said
                    is_passing = answer.status >= 500 or said.get("code") == "try-again"
                    assert is_passing, f"{method} {path} answered {answer.status}: {said}"
            await asyncio.sleep(RETRY_SECONDS)
