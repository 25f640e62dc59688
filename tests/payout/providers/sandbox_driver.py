"""The sandbox's protocol under the conformance suite."""

from collections import Counter
from typing import ClassVar

from services.payout.providers.sandbox import SandboxProvider
from tests.fakes.webhooks import Endpoint
from tests.payout.providers.driver import Action
from tests.payout.providers.http_driver import PATIENT_SECONDS, HttpDriver
from tests.payout.providers.sandbox_vendor import KEY, REFUSING, SECRET, SandboxVendor


class SandboxDriver(HttpDriver):
    name = "sandbox"
    operations: ClassVar = {Action.SUBMIT: "POST /transfers", Action.FIND: "GET /transfers"}

    async def start(self):
        self.fake = await SandboxVendor().start()
        self.provider = self.build(PATIENT_SECONDS)

    def build(self, answer_seconds_max):
        return SandboxProvider(
            url=self.fake.url,
            api_key=KEY,
            webhook_secret=SECRET,
            answer_seconds_max=answer_seconds_max,
        )

    def destination(self):
        return "acct_ok_lea"

    def refusing_destination(self):
        return REFUSING

    def endpoint(self, webhooks):
        return Endpoint(webhooks, SECRET)

    def transfers_of(self, attempt):
        return len(self._transfers(attempt))

    def books(self):
        found = Counter()
        for line in self.fake.lines:
            found[line.currency] -= line.amount_minor
        return {currency: minor for currency, minor in found.items() if minor}

    def delay(self):
        self.fake.delayed += 1

    def pay(self, attempt):
        self._become(attempt, "paid")

    def fail_transfer(self, attempt):
        self._become(attempt, "failed", reason="account_closed")

    def give_back(self, attempt):
        self._become(attempt, "returned", reason="account_refused")

    def give_back_part(self, attempt, amount_minor):
        known = self._transfers(attempt)[0].returned_minor
        self._become(attempt, "paid", reason="reversed", returned_minor=known + amount_minor)

    def _transfers(self, attempt):
        return [each for each in self.fake.by_key.values() if each.reference == attempt]

    def _become(self, attempt, status, **about):
        self.fake.become(self._transfers(attempt)[0], status, **about)
