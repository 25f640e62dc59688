"""Acme Pay under the conformance suite, from a file that names its class."""

import json
import os
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from random import Random
from unittest.mock import patch

import aiohttp

from services.purchase.providers.installed import read_providers
from tests.fakes.webhooks import Endpoint
from tests.purchase.acme_pay.acme_vendor import KEY, SECRET, AcmeVendor, headers_at
from tests.purchase.providers.driver import Driver

SECRETS = {"PURCHASE_ACME_API_KEY": KEY, "PURCHASE_ACME_WEBHOOK_SECRET": SECRET}
LISTED = """
[[providers]]
name = "acme"
kind = "tests.purchase.acme_pay.acme:AcmePay"
url = "{url}"

[[methods]]
name = "acme"
provider = "acme"
"""


class AcmeDriver(Driver):
    name = "acme"

    async def start(self):
        self.vendor = AcmeVendor()
        await self.vendor.start()
        self.provider = installed(self.vendor.url)

    async def stop(self):
        await self.provider.close()
        await self.vendor.stop()

    def connect(self, webhooks):
        self.vendor.webhooks.endpoints.append(Endpoint(webhooks, SECRET))

    async def deliver(self):
        await self.vendor.webhooks.wait_until_delivered()

    def payments_of(self, purchase):
        return len(self.vendor.of(purchase))

    def refunds_of(self, purchase):
        return sum(len(each.refunds) for each in self.vendor.of(purchase))

    def books(self):
        held = defaultdict(lambda: (0, 0))
        for charge in self.vendor.charges.values():
            if charge.state == "paid":
                balance, fees = held[charge.currency]
                left = charge.amount - charge.fee - charge.refunded
                held[charge.currency] = (balance + left, fees + charge.fee)
        return dict(held)

    def pay(self, purchase):
        self.vendor.pay(self._charge(purchase))

    def refund(self, purchase, amount_minor=None):
        charge = self._charge(purchase)
        self.vendor.give_back(charge, charge.amount if amount_minor is None else amount_minor)

    def lose_answer(self, action, times=1):
        self.vendor.lost[action] += times

    def fail(self, action, status, times=1):
        self.vendor.failing[action] = (status, times)

    def hold_webhooks(self, *, shuffled=False):
        self.vendor.webhooks.hold(Random(1) if shuffled else None)

    def release_webhooks(self):
        self.vendor.webhooks.release()

    def repeat_webhooks(self, times):
        self.vendor.webhooks.repeat(times)

    def lose_webhooks(self, times):
        self.vendor.webhooks.lose(times)

    def contents(self):
        return [json.loads(webhook.body) for webhook in self.vendor.webhooks.sent]

    def signed(self, content):
        webhook = replace(self.vendor.webhooks.sent[-1], body=json.dumps(content).encode())
        return headers_at(webhook, time.time()), webhook.body

    async def forge(self):
        return await self.vendor.webhooks.forge(self.vendor.webhooks.sent[-1])

    async def send_old(self):
        webhook = self.vendor.webhooks.sent[-1]
        headers = headers_at(webhook, time.time() - 600)
        async with (
            aiohttp.ClientSession() as session,
            session.post(webhook.endpoint.url, data=webhook.body, headers=headers) as answer,
        ):
            return answer.status

    def _charge(self, purchase):
        return self.vendor.of(purchase)[-1]


def installed(url):
    """Return the provider as an installation's file lists it."""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, SECRETS):
        listed = Path(folder) / "providers.toml"
        listed.write_text(LISTED.format(url=url))
        return read_providers(listed, return_url="https://shop.example", is_live=False).providers[
            "acme"
        ]
