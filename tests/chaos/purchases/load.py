"""Viewers who buy while everything breaks; each asks with one key until there is an answer."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from tests.chaos.purchases.plan import Plan, Sequel, Story, Wish, country_of
from tests.chaos.purchases.stage import PaymentSystem
from tests.chaos.purchases.vendors import Vendors
from tests.purchase.providers.driver import Driver

BUYERS = 24
REQUEST_SECONDS_MAX = 15
RETRY_SECONDS = 0.3
# A provider that keeps an error under our key never says where to pay: then nobody pays.
PAY_PAGE_SECONDS_MAX = 60
COMPLETED_SECONDS_MAX = 240
MONEY_SECONDS = 1.0
PART_MINOR = 50
# The law of this country gives unused coins back.
REFUNDING = "DE"
LACKS = pytest.skip.Exception


class Load:
    """The purchases of a plan, and what was paid and asked for."""

    def __init__(self, system: PaymentSystem, vendors: Vendors, plan: Plan) -> None:
        self._system, self._vendors, self._wishes = system, vendors, plan.wishes()
        self._tokens: dict[str, str] = {}
        self._viewers = plan.viewers
        self.url = system.gateway_url
        self.done = 0
        self.stories: Counter[str] = Counter()
        # Purchases by their provider; those whose money came; and those with a refund by somebody.
        self.purchases: dict[str, str] = {}
        self.paid: set[str] = set()
        self.refunds: Counter[str] = Counter()
        self.unanswered: set[str] = set()
        self._unclaimed: list[tuple[Wish, str]] = []
        self._session: aiohttp.ClientSession

    async def prepare(self) -> None:
        """Let every viewer log in: in a thread, for the links are served in this loop."""

        def log_in() -> dict[str, str]:
            return {
                viewer: self._system.token(viewer, country=country_of(viewer), ttl_seconds=86_400)
                for viewer in self._viewers
            }

        self._tokens = await asyncio.to_thread(log_in)

    async def run(self) -> None:
        """Buy everything; in the end the apps that died are started again, and claim."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
        connector = aiohttp.TCPConnector(limit=2 * BUYERS)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as self._session:
            async with asyncio.TaskGroup() as buying:
                for _ in range(BUYERS):
                    buying.create_task(self._buyer())
            for wish, purchase in self._unclaimed:
                await self._claim(wish, purchase)

    async def _buyer(self) -> None:
        # One iterator for all buyers: each takes the next wish when it is free.
        for wish in self._wishes:
            self.unanswered.add(wish.key)
            try:
                await self._buy(wish)
                self.unanswered.discard(wish.key)
            except TimeoutError:
                pass  # counted at the end, by its key
            self.done += 1

    async def _buy(self, wish: Wish) -> None:
        vendor = self._vendors[wish.provider]
        order = {
            "package": wish.package,
            "channel": vendor.channel,
            "method": wish.provider,
        }
        bought, action = await self._order(wish, order)
        purchase = str(bought["purchase"])
        self.purchases[purchase] = wish.provider
        if action is None or wish.story is Story.NOT_AT_ALL:
            self.stories[Story.NOT_AT_ALL] += 1
            return
        if action["type"] == "store":
            amount, currency = bought["amount_minor"], bought["currency"]
            vendor.order(purchase, action["product"], amount, currency)
        story = await self._pay(vendor, wish, purchase)
        self.stories[story] += 1
        if story is Story.NEVER:
            return
        self.paid.add(purchase)
        if vendor.is_store and wish.dies:
            # Its coins may come only when it is started again: nothing more is heard until then.
            self._unclaimed.append((wish, purchase))
            return
        if vendor.is_store:
            await self._claim(wish, purchase)
        if wish.sequel is not Sequel.NOTHING:
            await self._follow(vendor, wish, purchase)

    async def _order(self, wish: Wish, order: dict[str, str]) -> tuple[Any, Any]:
        """Order, and return the purchase and what to do now; nothing if there is no page."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PAY_PAGE_SECONDS_MAX
        while True:
            bought = await self._insist("POST", "/v1/purchases", wish, order)
            is_open = bought["state"] == "created" and loop.time() < deadline
            if bought["next_action"] is not None or not is_open:
                return bought, bought["next_action"]
            await asyncio.sleep(RETRY_SECONDS)

    async def _pay(self, vendor: Driver, wish: Wish, purchase: str) -> Story:
        """Pay as the story says, or at once where the provider knows no such story."""
        try:
            match wish.story:
                case Story.LATER | Story.NEVER:
                    vendor.pay_later(purchase)
                    if vendor.is_store:
                        await self._claim(wish, purchase)
                    await asyncio.sleep(MONEY_SECONDS)
                    ends = vendor.clear if wish.story is Story.LATER else vendor.bounce
                    await _once_it_can(ends, purchase)
                    return wish.story
                case Story.AT_SECOND_TRY:
                    vendor.decline(purchase)
                    await asyncio.sleep(MONEY_SECONDS)
        except LACKS:
            pass
        vendor.pay(purchase)
        return Story.AT_SECOND_TRY if wish.story is Story.AT_SECOND_TRY else Story.AT_ONCE

    async def _claim(self, wish: Wish, purchase: str) -> None:
        token = self._vendors[wish.provider].token_of(purchase)
        await self._insist("POST", f"/v1/purchases/{purchase}/claim", wish, {"token": token})

    async def _follow(self, vendor: Driver, wish: Wish, purchase: str) -> None:
        """Let something become of the money, once the coins are there."""
        await self._until_completed(wish, purchase)
        with suppress(LACKS):
            if wish.sequel in (Sequel.REFUND, Sequel.REFUND_FAILS):
                if vendor.is_store or wish.country != REFUNDING:
                    return
                await self._insist("POST", f"/v1/purchases/{purchase}/refunds", wish, None)
                self.refunds[purchase] += 1
                if wish.sequel is Sequel.REFUND_FAILS:
                    await _once_it_can(vendor.fail_refund, purchase)
            elif wish.sequel in (Sequel.DASHBOARD, Sequel.DASHBOARD_PART, Sequel.REVERSED):
                part = PART_MINOR if wish.sequel is Sequel.DASHBOARD_PART else None
                vendor.refund(purchase, part)
                self.refunds[purchase] += 1
                if wish.sequel is Sequel.REVERSED:
                    await asyncio.sleep(MONEY_SECONDS)
                    vendor.reverse_refund(purchase)
            else:
                await _let_bank_act(vendor, wish.sequel, purchase)
                # Google calls it a refund as well.
                self.refunds[purchase] += wish.sequel is Sequel.CHARGEBACK
            self.stories[wish.sequel] += 1

    async def _until_completed(self, wish: Wish, purchase: str) -> None:
        async with asyncio.timeout(COMPLETED_SECONDS_MAX):
            while True:
                read = await self._insist("GET", f"/v1/purchases/{purchase}", wish, None)
                if read["state"] == "completed":
                    return
                await asyncio.sleep(1.0)

    async def _insist(self, method: str, path: str, wish: Wish, body: object) -> Any:
        """Ask with the same key until there is an answer that is no trouble of the moment."""
        headers = {
            "Authorization": f"Bearer {self._tokens[wish.viewer]}",
            "Idempotency-Key": wish.key,
        }
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self._session.request(
                    method, self.url + path, json=body, headers=headers
                ) as answer:
                    said = await answer.json(content_type=None)
                    if answer.status < 400:
                        return said
                    is_passing = answer.status >= 500 or said.get("code") == "try-again"
                    assert is_passing, f"{method} {path} answered {answer.status}: {said}"
            await asyncio.sleep(RETRY_SECONDS)


async def _let_bank_act(vendor: Driver, sequel: Sequel, purchase: str) -> None:
    match sequel:
        case Sequel.CHARGEBACK:
            vendor.charge_back(purchase)
        case Sequel.QUESTION:
            vendor.inquire(purchase)
        case Sequel.WARNING:
            vendor.warn(purchase)
        case _:
            vendor.dispute(purchase)
            if sequel is not Sequel.DISPUTE:
                await asyncio.sleep(MONEY_SECONDS)
                vendor.close_dispute(purchase, won=sequel is Sequel.DISPUTE_WON)


async def _once_it_can(act: Callable[[str], None], purchase: str) -> None:
    """Act as soon as there is something to act on: we may have to ask the provider for it first."""
    async with asyncio.timeout(COMPLETED_SECONDS_MAX):
        while True:
            try:
                return act(purchase)
            except (AssertionError, IndexError, StopIteration, ValueError):
                await asyncio.sleep(RETRY_SECONDS)
