"""PayPal under the conformance suite: our adapter, and the fake that PayPal's documents judge."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

import aiohttp

from services.purchase.providers.paypal import PayPalProvider
from tests.fakes.paypal.vendor import PayPal
from tests.fakes.webhooks import Endpoint
from tests.purchase.providers.driver import Action, FakeDriver

WEBHOOK_ID = "4JH86294D6297924G"
RATES = {"EUR": Decimal("1.08"), "USD": Decimal("0.92"), "JPY": Decimal("0.0061")}
OPERATIONS = {
    Action.CREATE: "POST /v2/checkout/orders",
    Action.READ: "GET /v2/checkout/orders/{id}",
    Action.REFUND: "POST /v2/payments/captures/{capture_id}/refund",
}


class PayPalDriver(FakeDriver):
    name = "paypal"
    operations = OPERATIONS
    prices: ClassVar = {"USD": 999, "JPY": 1_600, "HUF": 399_000}
    unsayable: ClassVar = {"HUF": 12_345, "KWD": 12_340}
    moves_money_alone = False
    country = "US"

    async def start(self):
        self.fake = await PayPal(holds=("USD", "EUR", "JPY", "HUF"), rates=RATES).start()
        self.provider = PayPalProvider(
            name=self.name,
            client_id=self.fake.client,
            client_secret=self.fake.secret,
            webhook_id=WEBHOOK_ID,
            return_url="https://shop.example/coins?from=paypal",
            url=self.fake.url,
            certificates_url=self.fake.url,
        )

    def connect(self, webhooks):
        self.fake.webhooks.endpoints.append(Endpoint(webhooks, "", id=WEBHOOK_ID))

    def payments_of(self, purchase):
        return len(self._orders(purchase))

    def refunds_of(self, purchase):
        return len(self._capture(purchase).refunds)

    def books(self):
        found = defaultdict(lambda: (0, 0))
        for currency, kinds in self.fake.books().items():
            found[currency] = (sum(kinds.values()), -kinds.get("fees", 0))
        return {currency: both for currency, both in found.items() if any(both)}

    # The payer.

    def pay(self, purchase):
        self.order(purchase).country = self.country
        self.fake.approve(self.order(purchase).id)

    def pay_from(self, country):
        self.country = country

    def decline(self, purchase):
        self.fake.approve(self.order(purchase).id)
        self.fake.decline(self.order(purchase).id)

    def pay_later(self, purchase):
        self.fake.approve(self.order(purchase).id)
        self.fake.hold(self.order(purchase).id, "ECHECK")

    def clear(self, purchase):
        self.fake.complete_capture(self._capture(purchase).id)

    def bounce(self, purchase):
        self.fake.deny_capture(self._capture(purchase).id)

    def run_out(self, purchase):
        self.order(purchase).created -= 3 * 3600

    # The bank.

    def dispute(self, purchase, amount_minor=None):
        self.fake.dispute(self._capture(purchase).id, amount_minor, fee_minor=1_500)

    def close_dispute(self, purchase, *, won):
        self.fake.close_dispute(self._dispute(purchase).id, won=won)

    def due_at(self, purchase):
        return datetime.fromtimestamp(int(self._dispute(purchase).due), UTC)

    def move_deadline(self, purchase, days):
        self.fake.move_deadline(self._dispute(purchase).id, days * 86_400)

    def submit_evidence(self, purchase):
        self.fake.submit_evidence(self._dispute(purchase).id)

    def inquire(self, purchase):
        self.fake.dispute(self._capture(purchase).id, stage="INQUIRY")

    def escalate(self, purchase):
        self.fake.escalate(self._dispute(purchase).id, fee_minor=1_500)

    # The dashboard.

    def refund(self, purchase, amount_minor=None):
        self.fake.refund_by_dashboard(self._capture(purchase).id, amount_minor)

    def delay_refunds(self):
        self.fake.hold_refund()

    def finish_refund(self, purchase):
        self.fake.complete_refund(self._capture(purchase).refunds[-1].id)

    def fail_refund(self, purchase):
        self.fake.fail_refund(self._capture(purchase).refunds[-1].id)

    def pay_out_in(self, currency):
        self.fake.holds = (currency,)

    # What goes wrong.

    def contents(self):
        return [json.loads(webhook.body) for webhook in self.fake.sent]

    def signed(self, content):
        webhook = replace(self.fake.sent[-1], body=json.dumps(content).encode())
        return self.fake.sign(webhook, False), webhook.body

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

    def _orders(self, purchase):
        return [each for each in self.fake.orders.values() if each.unit["custom_id"] == purchase]

    def order(self, purchase):
        return self._orders(purchase)[0]

    def _capture(self, purchase):
        return self.order(purchase).captures[0]

    def _dispute(self, purchase):
        capture = self._capture(purchase)
        return [each for each in self.fake.disputes.values() if each.capture is capture][-1]
