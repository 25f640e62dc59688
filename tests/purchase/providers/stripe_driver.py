"""Stripe under the conformance suite: our adapter, and the fake that Stripe's document judges."""

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import ClassVar

import aiohttp
import stripe

from services.purchase.providers.stripe import StripeProvider
from shared.vendors.stripe import balance_from_stripe, to_stripe
from tests.fakes.stripe.vendor import Stripe
from tests.fakes.webhooks import Endpoint
from tests.purchase.providers.driver import Action, FakeDriver

SECRET = "whsec_of_the_test"
OPERATIONS = {
    Action.CREATE: "POST /v1/checkout/sessions",
    Action.READ: "GET /v1/checkout/sessions/{session}",
    Action.CANCEL: "POST /v1/checkout/sessions/{session}/expire",
    Action.REFUND: "POST /v1/refunds",
}


class StripeDriver(FakeDriver):
    name = "stripe"
    operations = OPERATIONS
    prices: ClassVar = {
        "USD": 999,
        "JPY": 1_600,
        "KWD": 3_050,
        "ISK": 1_400,
        "UGX": 37_000,
        "HUF": 350_050,
        "MGA": 4_500_000,
    }
    unsayable: ClassVar = {"KWD": 3_055, "MGA": 4_500_050}

    async def start(self):
        self.fake = await Stripe(settlement=("usd", "eur", "jpy"), secret=SECRET).start()
        self.provider = StripeProvider(
            name=self.name,
            api_key=self.fake.api_key,
            webhook_secret=SECRET,
            return_url="https://shop.example/coins?from=stripe",
            url=self.fake.url,
        )

    def connect(self, webhooks):
        self.fake.webhooks.endpoints.append(Endpoint(webhooks, SECRET))

    def payments_of(self, purchase):
        return len(self.fake.all("checkout.session", client_reference_id=purchase))

    def refunds_of(self, purchase):
        return len(self.fake.all("refund", payment_intent=self._intent(purchase)))

    def books(self):
        found = defaultdict(lambda: (0, 0))
        for currency, kinds in self.fake.books().items():
            balance = balance_from_stripe(sum(kinds.values()), currency)
            found[currency] = (balance, -kinds.get("fees", 0))
        return {currency: both for currency, both in found.items() if any(both)}

    # The payer.

    def pay(self, purchase):
        self.fake.pay(self._session(purchase)["id"])

    def pay_from(self, country):
        self.fake.card_country = country

    def decline(self, purchase):
        self.fake.decline(self._session(purchase)["id"])

    def pay_later(self, purchase):
        self.fake.pay_later(self._session(purchase)["id"])

    def clear(self, purchase):
        self.fake.clear(self._session(purchase)["id"])

    def bounce(self, purchase):
        self.fake.bounce(self._session(purchase)["id"])

    def run_out(self, purchase):
        self.fake.abandon(self._session(purchase)["id"])

    # The bank.

    def dispute(self, purchase, amount_minor=None):
        self.fake.dispute(self._intent(purchase), self._amount(purchase, amount_minor))

    def close_dispute(self, purchase, *, won):
        self.fake.close_dispute(self._dispute(purchase)["id"], won=won)

    def due_at(self, purchase):
        return datetime.fromtimestamp(self._dispute(purchase)["evidence_details"]["due_by"], UTC)

    def move_deadline(self, purchase, days):
        self.fake.move_deadline(self._dispute(purchase)["id"], days * 86_400)

    def submit_evidence(self, purchase):
        self.fake.submit_evidence(self._dispute(purchase)["id"])

    def inquire(self, purchase):
        self.fake.dispute(self._intent(purchase), inquiry=True)

    def escalate(self, purchase):
        self.fake.escalate(self._dispute(purchase)["id"])

    def prevent(self, purchase):
        self.fake.prevent(self._intent(purchase))

    def warn(self, purchase):
        self.fake.warn(self._intent(purchase))

    # The dashboard.

    def refund(self, purchase, amount_minor=None):
        amount = self._amount(purchase, amount_minor)
        self.fake.refund_by_dashboard(self._intent(purchase), amount)

    def delay_refunds(self):
        self.fake.delay_refunds()

    def finish_refund(self, purchase):
        self.fake.complete_refund(self._refund(purchase)["id"])

    def fail_refund(self, purchase):
        self.fake.fail_refund(self._refund(purchase)["id"])

    def pay_out_in(self, currency):
        self.fake.settlement = (currency.lower(),)

    # What goes wrong.

    def contents(self):
        return [json.loads(webhook.body) for webhook in self.fake.sent]

    def signed(self, content):
        body = json.dumps(content)
        header = stripe.WebhookSignature.generate_signature_header(body, SECRET)
        return {"stripe-signature": header}, body.encode()

    async def send_old(self):
        webhook = self.fake.sent[-1]
        self.fake.skew(-600)
        headers = self.fake.sign(webhook, False)
        self.fake.skew(0)
        async with (
            aiohttp.ClientSession() as session,
            session.post(webhook.endpoint.url, data=webhook.body, headers=headers) as answer,
        ):
            return answer.status

    def _session(self, purchase):
        return self.fake.all("checkout.session", client_reference_id=purchase)[0]

    def _intent(self, purchase):
        return self._session(purchase)["payment_intent"]

    def _dispute(self, purchase):
        return self.fake.all("dispute", payment_intent=self._intent(purchase))[0]

    def _refund(self, purchase):
        return self.fake.all("refund", payment_intent=self._intent(purchase))[0]

    def _amount(self, purchase, amount_minor):
        if amount_minor is None:
            return None
        return to_stripe(amount_minor, self._session(purchase)["currency"].upper())
