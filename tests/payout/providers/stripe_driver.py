"""Stripe Connect under the conformance suite, and the fake that Stripe's document judges."""

import json
from collections import Counter
from typing import ClassVar

import stripe

from services.payout.providers.stripe_connect import StripeConnectProvider
from shared.vendors.stripe import API_VERSION, from_stripe, to_stripe
from tests.fakes.stripe.vendor import Stripe
from tests.fakes.webhooks import Endpoint
from tests.payout.providers.driver import Action
from tests.payout.providers.http_driver import PATIENT_SECONDS, HttpDriver

SECRET = "whsec_of_the_test"


class StripeDriver(HttpDriver):
    name = "stripe"
    amounts: ClassVar = {
        "USD": 1_500, "JPY": 1_600, "KWD": 3_050, "ISK": 1_400, "UGX": 37_000, "HUF": 350_050,
        "MGA": 4_500_000,
    }  # fmt: skip
    unsayable: ClassVar = {"KWD": 3_055, "MGA": 4_500_050}
    operations: ClassVar = {
        Action.SUBMIT: "POST /v1/transfers",
        Action.FIND: "GET /v1/transfers",
    }

    async def start(self):
        self.fake = await Stripe(secret=SECRET).start()
        self.provider = self.build(PATIENT_SECONDS)

    def build(self, answer_seconds_max):
        return StripeConnectProvider(
            name=self.name,
            api_key=self.fake.api_key,
            webhook_secrets=(SECRET,),
            url=self.fake.url,
            answer_seconds_max=answer_seconds_max,
        )

    def destination(self):
        return self.fake.connect()

    def refusing_destination(self):
        account = self.fake.connect()
        self.fake.restrict(account)
        return account

    def endpoint(self, webhooks):
        return Endpoint(webhooks, SECRET)

    def transfers_of(self, attempt):
        return len(self.fake.all("transfer", transfer_group=attempt))

    def books(self):
        found = Counter()
        for line in self.fake.lines:
            found[line.currency] -= from_stripe(line.amount_minor, line.currency)
        return {currency: minor for currency, minor in found.items() if minor}

    def give_back(self, attempt):
        self.fake.reverse_transfer(self._transfer(attempt)["id"])

    def give_back_part(self, attempt, amount_minor):
        found = self._transfer(attempt)
        amount = to_stripe(amount_minor, found["currency"].upper())
        self.fake.reverse_transfer(found["id"], amount)

    def be_short(self):
        self.fake.be_short()

    def of_other_environment(self):
        (transfer,) = self.fake.all("transfer")
        event = {
            "id": "evt_other", "object": "event", "type": "transfer.reversed", "livemode": True,
            "api_version": API_VERSION, "data": {"object": transfer},
        }  # fmt: skip
        body = json.dumps(event)
        header = stripe.WebhookSignature.generate_signature_header(body, SECRET)
        return {"stripe-signature": header}, body.encode()

    def _transfer(self, attempt):
        return self.fake.all("transfer", transfer_group=attempt)[0]
