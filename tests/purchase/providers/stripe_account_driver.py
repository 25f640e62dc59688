"""
Stripe itself, in the test mode of an account, under the conformance suite: `STRIPE_TEST_KEY`.

Our adapter asks it through a relay of our own, which can lose answers and answer with errors. A
payer needs Stripe's page, and webhooks a public address: those cases are skipped, with the reason.
"""

import asyncio
import os
from collections import Counter

import aiohttp
import httpx
import pytest
from aiohttp import web

from services.purchase.providers.stripe import StripeProvider
from tests.purchase.providers.driver import Action, Driver

STRIPE = "https://api.stripe.com"
SECRET = "whsec_of_nobody"
# Of an answer, what describes how it was sent and not what it says.
SENT_ANEW = ("content-length", "transfer-encoding", "connection", "content-encoding")


class Relay:
    """Passes requests on to Stripe, and what it answers back, unless that is to be lost."""

    def __init__(self, url: str) -> None:
        self._target = url
        self.lost: Counter[Action] = Counter()
        self.failing: dict[Action, tuple[int, int]] = {}
        self.stalled: dict[Action, tuple[float, int]] = {}

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(trust_env=True, auto_decompress=False)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        action = action_of(request)
        status, times = self.failing.get(action, (0, 0))
        if times:
            self.failing[action] = (status, times - 1)
            return web.json_response({"error": {"type": "api_error"}}, status=status)
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        async with self._session.request(
            request.method,
            f"{self._target}{request.path_qs}",
            data=await request.read(),
            headers=headers | {"Accept-Encoding": "identity"},
        ) as answer:
            body = await answer.read()
        if self.lost[action]:
            self.lost[action] -= 1
            assert request.transport is not None
            request.transport.abort()
        seconds, times = self.stalled.get(action, (0.0, 0))
        if times:
            self.stalled[action] = (seconds, times - 1)
            await asyncio.sleep(seconds)
        kept = {
            name: value for name, value in answer.headers.items() if name.lower() not in SENT_ANEW
        }
        return web.Response(status=answer.status, body=body, headers=kept)


def action_of(request: web.Request) -> Action:
    """Say what a request asks for."""
    if request.method == "GET":
        return Action.READ
    return Action.CANCEL if request.path.endswith("/expire") else Action.CREATE


class StripeAccountDriver(Driver):
    name = "stripe-account"
    lists_payments = False

    def __init__(self, *, key: str | None = None, url: str = STRIPE) -> None:
        self._key = key or os.environ.get("STRIPE_TEST_KEY")
        self._url = url

    async def start(self):
        if not self._key:
            pytest.skip("STRIPE_TEST_KEY has no key of a Stripe account's test mode")
        assert "_test_" in self._key, "STRIPE_TEST_KEY is a key of real money"
        self.relay = Relay(self._url)
        await self.relay.start()
        self.provider = StripeProvider(
            name=self.name,
            api_key=self._key,
            webhook_secret=SECRET,
            return_url="https://shop.example/coins?from=stripe",
            url=self.relay.url,
            answer_seconds_max=20,
        )

    async def stop(self):
        await self.provider.close()
        await self.relay.stop()

    def connect(self, webhooks):
        """Do nothing: Stripe cannot reach this machine."""

    async def deliver(self):
        """Return: nothing is under way."""

    def payments_of(self, purchase):
        answer = httpx.get(
            f"{self._url}/v1/checkout/sessions",
            params={"limit": 100},
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=20,
        )
        answer.raise_for_status()
        sessions = answer.json()["data"]
        return sum(each["client_reference_id"] == purchase for each in sessions)

    def refunds_of(self, purchase):
        self.lacks("payer without its page", purchase)

    def books(self):
        """Return nothing: nobody pays."""
        return {}

    def pay(self, purchase):
        self.lacks("payer without its page", purchase)

    def lose_answer(self, action, times=1):
        self.relay.lost[action] += times

    def fail(self, action, status, times=1):
        self.relay.failing[action] = (status, times)

    def stall(self, action, seconds, times=1):
        self.relay.stalled[action] = (seconds, times)

    def hold_webhooks(self, *, shuffled=False):
        """Do nothing: none arrive."""

    def release_webhooks(self):
        """Do nothing: none are held."""

    def repeat_webhooks(self, times):
        self._lacks_webhooks(times)

    def contents(self):
        self._lacks_webhooks()

    def signed(self, content):
        self._lacks_webhooks(content)

    async def forge(self):
        self._lacks_webhooks()

    async def send_old(self):
        self._lacks_webhooks()

    def _lacks_webhooks(self, *_):
        self.lacks("way to this machine for its webhooks")
