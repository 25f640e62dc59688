"""Apple under the conformance suite: our adapter, and the fake that Apple's library judges."""

import base64
import json
from collections import Counter
from copy import deepcopy
from dataclasses import replace

from appstoreserverlibrary.api_client import AsyncAppStoreServerAPIClient
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier

from services.purchase.providers.apple import AppleProvider
from shared.prices.packages import Channel
from tests.fakes.apple import models as operations
from tests.fakes.apple.objects import WHOLE, Price, forged, signed_by
from tests.fakes.apple.vendor import Apple
from tests.fakes.apple.verbs import SANDBOX
from tests.fakes.currencies import digits
from tests.fakes.webhooks import Endpoint
from tests.purchase.providers.driver import Action, FakeDriver

OPERATIONS = {Action.READ: operations.GET_TRANSACTION, Action.ACCEPT: operations.FINISH}
# As Apple writes countries: ISO 3166-1 with three letters.
STOREFRONTS = {"US": "USA", "DE": "DEU", "FR": "FRA"}


class AppleDriver(FakeDriver):
    name = "apple"
    operations = OPERATIONS
    channel = Channel.IOS
    is_store = True

    async def start(self):
        self.fake = await Apple().start()
        self.orders: dict[str, tuple[str, Price]] = {}
        self.storefront = "USA"
        self.provider = provider_of(self.fake, self.name)

    def connect(self, webhooks):
        self.fake.webhooks.endpoints.append(Endpoint(webhooks, ""))

    def payments_of(self, purchase):
        return len(self._transactions(purchase))

    def refunds_of(self, purchase):
        return sum(each.revoked is not None for each in self._transactions(purchase))

    def books(self):
        """Say what Apple holds before its fee: that is in its monthly reports alone."""
        held = Counter()
        for currency, kinds in self.fake.books().items():
            held[currency] = sum(kinds.values()) - kinds.get("fees", 0)
        return {currency: (balance, 0) for currency, balance in held.items() if balance}

    # The payer.

    def order(self, purchase, product, amount_minor, currency):
        thousandths = amount_minor * 10 ** (3 - digits(currency))
        self.orders[purchase] = product, Price(currency, thousandths)

    def token_of(self, purchase):
        return self.fake.signed(self._newest(purchase).id)

    def pay(self, purchase):
        self._buy(purchase)

    def pay_from(self, country):
        self.storefront = STOREFRONTS[country]

    def pay_again(self, purchase):
        self._buy(purchase)

    def pay_by_practice(self, purchase):
        self._buy(purchase, environment=SANDBOX)

    # Apple itself.

    def refund(self, purchase, amount_minor=None):
        transaction = self._newest(purchase)
        whole = transaction.price.thousandths // 10 ** (3 - digits(transaction.price.currency))
        part = whole if amount_minor is None else amount_minor
        self.fake.refund(transaction.id, round(WHOLE * part / whole))

    def reverse_refund(self, purchase):
        self.fake.reverse_refund(self._newest(purchase).id)

    def ask(self, purchase):
        self.fake.ask_consumption(self._newest(purchase).id)

    def answers_to(self, purchase):
        answers = self._newest(purchase).consumptions
        return [body["consumptionPercentage"] for _, body in answers]

    # What goes wrong.

    def contents(self):
        """Return what was signed, with the signed transaction in it."""
        found = [_read(json.loads(webhook.body)["signedPayload"]) for webhook in self.fake.sent]
        for payload in found:
            signed = payload["data"].get("signedTransactionInfo")
            payload["data"]["signedTransactionInfo"] = _read(signed) if signed else None
        return found

    def signed(self, content):
        content = deepcopy(content)
        inner = content.get("data") if isinstance(content, dict) else None
        transaction = inner.get("signedTransactionInfo") if isinstance(inner, dict) else None
        if isinstance(transaction, dict):
            inner["signedTransactionInfo"] = signed_by(transaction, "Apple")
        body = {"signedPayload": signed_by(content, "Apple")}
        return {"content-type": "application/json"}, json.dumps(body).encode()

    async def send_old(self):
        self.lacks("age at which a webhook is refused: it repeats one for days as it was signed")

    def forged_token(self, purchase):
        product, price = self.orders[purchase]
        self.fake.prices[product] = price
        token = self.fake.buy(product, purchase, bundle="com.example.other")
        return forged(token)

    def is_accepted(self, purchase):
        return self._newest(purchase).is_finished

    def _buy(self, purchase, **about):
        product, price = self.orders[purchase]
        self.fake.prices[product] = replace(price, storefront=self.storefront)
        self.fake.buy(product, purchase, **about)

    def _transactions(self, purchase):
        found = self.fake.transactions.values()
        return [each for each in found if str(each.account_token) == purchase]

    def _newest(self, purchase):
        return self._transactions(purchase)[-1]


def _read(signed):
    body = signed.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def provider_of(apple, name):
    """Return our adapter for a fake App Store."""
    client = AsyncAppStoreServerAPIClient(
        apple.signing_key, apple.key_id, apple.issuer_id, apple.bundle, Environment.PRODUCTION
    )
    # The library has no way to say the address.
    client._base_url = apple.url  # noqa: SLF001
    verifier = SignedDataVerifier(
        [apple.root], False, Environment.PRODUCTION, apple.bundle, apple.app
    )
    return AppleProvider(name=name, verifier=verifier, client=client)
