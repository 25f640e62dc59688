"""Google Play under the conformance suite: our adapter, and the fake that its document judges."""

import base64
import json
from collections import Counter
from copy import deepcopy
from dataclasses import replace

import aiohttp

from services.purchase.providers.google_access import AccessTokens, PushVerifier, ServiceAccount
from services.purchase.providers.google_play import GooglePlayProvider, client_of
from shared.prices.packages import Channel
from tests.fakes.google_play import contract as operations
from tests.fakes.google_play.objects import CHARGEBACK, Price
from tests.fakes.google_play.vendor import GooglePlay
from tests.fakes.webhooks import Endpoint
from tests.purchase.providers.driver import Action, FakeDriver

AUDIENCE = "https://ovation.example/webhooks"
OPERATIONS = {Action.READ: operations.GET_PRODUCT_2, Action.ACCEPT: operations.CONSUME}
# Of each price, one part in six is tax, which Google pays.
TAX_PART = 6
OTHER_REASON = 0
TOO_OLD_SECONDS = 2 * 3600


class GoogleDriver(FakeDriver):
    name = "google"
    operations = OPERATIONS
    channel = Channel.ANDROID
    is_store = True
    lists_payments = False

    async def start(self):
        self.fake = await GooglePlay(audience=AUDIENCE).start()
        self.orders: dict[str, tuple[str, Price]] = {}
        self.region = "US"
        self.provider = provider_of(self.fake, self.name)

    def connect(self, webhooks):
        self.fake.webhooks.endpoints.append(Endpoint(webhooks, AUDIENCE))

    def payments_of(self, purchase):
        return len(self._purchases(purchase))

    def refunds_of(self, purchase):
        return sum(each.voided is not None for each in self._purchases(purchase))

    def books(self):
        """Say what Google holds for us, and what it keeps: its fee, and the tax it pays."""
        found = {}
        for currency, kinds in self.fake.books().items():
            kept = Counter(kinds)["fees"] + Counter(kinds)["taxes"]
            found[currency] = (sum(kinds.values()), -kept)
        return {currency: both for currency, both in found.items() if any(both)}

    # The payer.

    def order(self, purchase, product, amount_minor, currency):
        self.orders[purchase] = product, Price(currency, amount_minor, amount_minor // TAX_PART)

    def token_of(self, purchase):
        return self._newest(purchase).token

    def pay(self, purchase):
        self._buy(purchase)

    def pay_from(self, country):
        self.region = country

    def pay_again(self, purchase):
        self._buy(purchase)

    def pay_by_practice(self, purchase):
        self._buy(purchase, is_test=True)

    def pay_later(self, purchase):
        self._buy(purchase, is_pending=True)

    def clear(self, purchase):
        self.fake.complete_pending(self._newest(purchase).token)

    def bounce(self, purchase):
        self.fake.cancel_pending(self._newest(purchase).token)

    # The bank, and Google itself.

    def charge_back(self, purchase):
        self.fake.void(self._newest(purchase).token, CHARGEBACK)

    def refund(self, purchase, amount_minor=None):
        if amount_minor is not None:
            self.lacks("refunds of a part of one product")
        self.fake.void(self._newest(purchase).token, OTHER_REASON)

    def ask(self, purchase):
        self.fake.ask_review(self._newest(purchase).token)

    def answers_to(self, purchase):
        found = [
            each for each in self.fake.reviews.values() if each.purchase.account_id == purchase
        ]
        return [body["consumptionPercentageMilliunits"] for it in found for body in it.answers]

    # What goes wrong.

    def contents(self):
        """Return the messages of Pub/Sub, with what Google Play says in them."""
        found = [json.loads(webhook.body) for webhook in self.fake.sent]
        for push in found:
            push["message"]["data"] = json.loads(base64.b64decode(push["message"]["data"]))
        return found

    def signed(self, content):
        content = deepcopy(content)
        message = content.get("message") if isinstance(content, dict) else None
        if isinstance(message, dict) and isinstance(message.get("data"), dict):
            message["data"] = base64.b64encode(json.dumps(message["data"]).encode()).decode()
        webhook = replace(self.fake.sent[-1], body=json.dumps(content).encode())
        return self.fake.sign(webhook, False), webhook.body

    async def send_old(self):
        webhook = self.fake.sent[-1]
        self.fake.skew(-TOO_OLD_SECONDS)
        headers = self.fake.sign(webhook, False)
        self.fake.skew(0)
        async with (
            aiohttp.ClientSession() as session,
            session.post(webhook.endpoint.url, data=webhook.body, headers=headers) as answer,
        ):
            return answer.status

    def forged_token(self, purchase):
        return "".join(reversed(purchase))

    def is_accepted(self, purchase):
        return self._newest(purchase).is_consumed

    def _buy(self, purchase, **about):
        product, price = self.orders[purchase]
        self.fake.prices[product] = price
        self.fake.buy(product, purchase, region=self.region, **about)

    def _purchases(self, purchase):
        return [each for each in self.fake.purchases.values() if each.account_id == purchase]

    def _newest(self, purchase):
        return self._purchases(purchase)[-1]


def provider_of(play, name):
    """Return our adapter for a fake Google Play."""
    listed = play.service_account()
    account = ServiceAccount(listed["client_email"], listed["private_key"], listed["token_uri"])
    return GooglePlayProvider(
        name=name,
        package=play.package,
        tokens=AccessTokens(account, client_of(account.token_url), clock=play.now),
        pushes=PushVerifier(
            audience=AUDIENCE,
            account=play.push_account,
            client=client_of(f"{play.url}/oauth2/v3/certs"),
            clock=play.now,
        ),
        url=play.url,
    )
