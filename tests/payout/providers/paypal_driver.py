"""PayPal Payouts under the conformance suite, and the fake that PayPal's document judges."""

from collections import Counter
from typing import ClassVar

from services.payout.providers.paypal_payouts import PayPalPayoutsProvider
from tests.fakes.paypal.vendor import PayPal
from tests.fakes.webhooks import Endpoint
from tests.payout.providers.driver import Action
from tests.payout.providers.http_driver import PATIENT_SECONDS, HttpDriver

WEBHOOK_ID = "5GP028458E2496506"


class PayPalDriver(HttpDriver):
    name = "paypal"
    amounts: ClassVar = {"USD": 1_500, "JPY": 1_600, "HUF": 350_000, "TWD": 32_000}
    unsayable: ClassVar = {"KWD": 3_050, "HUF": 350_050}
    operations: ClassVar = {
        Action.SUBMIT: "POST /v1/payments/payouts",
        Action.FIND: "GET /v1/payments/payouts/{id}",
    }

    async def start(self):
        self.fake = await PayPal().start()
        self.provider = self.build(PATIENT_SECONDS)

    def build(self, answer_seconds_max):
        return PayPalPayoutsProvider(
            name=self.name,
            client_id=self.fake.client,
            client_secret=self.fake.secret,
            webhook_id=WEBHOOK_ID,
            email_subject="Your payout is here",
            url=self.fake.url,
            certificates_url=self.fake.url,
            answer_seconds_max=answer_seconds_max,
        )

    def destination(self):
        return "lea@example.com"

    def refusing_destination(self):
        return "not-an-address"

    def endpoint(self, webhooks):
        return Endpoint(webhooks, "", id=WEBHOOK_ID)

    def transfers_of(self, attempt):
        return len(self.payouts_of(attempt))

    def books(self):
        found = Counter()
        for line in self.fake.lines:
            found[line.currency] -= line.amount_minor
        return {currency: minor for currency, minor in found.items() if minor}

    def delay(self):
        self.fake.plan_payout("PENDING")

    def pay(self, attempt):
        self._become(attempt, "SUCCESS")

    def fail_transfer(self, attempt):
        self._become(attempt, "FAILED", "RECEIVER_UNREGISTERED")

    def give_back(self, attempt):
        self._become(attempt, "REFUNDED")

    def need_claim(self):
        self.fake.plan_payout("UNCLAIMED")

    def claim(self, attempt):
        self._become(attempt, "SUCCESS")

    def let_claim_end(self, attempt):
        self._become(attempt, "RETURNED")

    def hold(self):
        self.fake.plan_payout("ONHOLD")

    def block(self, attempt):
        self._become(attempt, "BLOCKED")

    def payouts_of(self, attempt):
        return [each for each in self.fake.payouts.values() if each.sender_batch_id == attempt]

    def _become(self, attempt, status, error=None):
        self.fake.become_payout(self.payouts_of(attempt)[0].id, status, error)
