"""What happens at Google Play besides our calls: buyers, banks and Google itself, as verbs."""

import base64
import json
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from tests.fakes.base import Fake, Line
from tests.fakes.google_play.contract import contract
from tests.fakes.google_play.objects import (
    BY_GOOGLE,
    BY_USER,
    CANCELED,
    CHARGEBACK,
    PENDING,
    PURCHASED,
    UNACKNOWLEDGED,
    Price,
    Purchase,
    Review,
    Voided,
    moment,
)
from tests.fakes.schemas import Json

FEE_RATE = Decimal("0.15")
# developer.android.com/google/play/billing/integrate: three days, three minutes for testers.
ACKNOWLEDGE_SECONDS = 3 * 86_400
ACKNOWLEDGE_TEST_SECONDS = 180
_ONE_TIME_PRODUCT, _FULL_REFUND, _CHARGEBACK_REASON = 2, 1, 7


class GooglePlayVerbs(Fake):
    """The purchases of one app, and what changes them."""

    verbs = Fake.verbs | {
        *("buy", "complete_pending", "cancel_pending", "void", "refund_unacknowledged"),
        *("ask_review", "decide_review", "test_notification"),
    }

    def __init__(
        self,
        *,
        webhooks: str | None,
        package: str,
        audience: str,
        prices: Mapping[str, Price] | None,
        seed: int,
    ) -> None:
        super().__init__(contract(), webhooks=webhooks, secret=audience, seed=seed)
        self.package = package
        self.prices = dict(prices or {"coins_100": Price("USD", 129, 30)})
        self.purchases: dict[str, Purchase] = {}
        self.reviews: dict[str, Review] = {}

    # Buyers.

    def buy(
        self,
        product: str,
        account_id: str | None,
        *,
        quantity: int = 1,
        is_pending: bool = False,
        is_test: bool = False,
        region: str = "US",
    ) -> str:
        """Buy a product in the app; return the purchase token that the app gets."""
        single = self.prices[product]
        price = Price(single.currency, single.total_minor * quantity, single.tax_minor * quantity)
        net = Decimal(price.total_minor - price.tax_minor)
        numbers = [self.random.randint(1000, 9999) for _ in range(3)]
        purchase = Purchase(
            token="".join(self.random.choice("abcdefghijklmnop") for _ in range(24)),
            product=product,
            order_id=f"GPA.{'-'.join(map(str, numbers))}-{len(self.purchases):05}",
            account_id=account_id,
            quantity=quantity,
            created=self.now(),
            price=price,
            fee_minor=int((net * FEE_RATE).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)),
            region=region,
            state=PENDING,
            is_test=is_test,
        )
        self.purchases[purchase.token] = purchase
        if not is_pending:
            self.complete_pending(purchase.token)
        return purchase.token

    def complete_pending(self, token: str) -> None:
        """Let a pending purchase be paid, in cash at a shop for example."""
        purchase = self._pending(token)
        purchase.state, purchase.order_state, purchase.paid = PURCHASED, "PROCESSED", self.now()
        self._book(purchase, 1)
        self._tell_one_time(purchase, 1)

    def cancel_pending(self, token: str) -> None:
        """Let a pending purchase never be paid."""
        purchase = self._pending(token)
        purchase.state, purchase.order_state = CANCELED, "CANCELED"
        self._tell_one_time(purchase, 2)

    def void(self, token: str, reason: int = CHARGEBACK, source: int = BY_USER) -> None:
        """Take a purchase back: the buyer, the bank or Google have their reasons (0 to 8)."""
        purchase = self.purchases[token]
        assert purchase.state == PURCHASED, purchase.state
        assert purchase.voided is None, purchase.voided
        assert 0 <= reason <= UNACKNOWLEDGED, reason
        self._void(purchase, Voided(self.now(), reason, source), is_revoked=True)

    def refund_unacknowledged(self) -> None:
        """Refund what was not acknowledged in time. Each call does so too."""
        for purchase in self.purchases.values():
            limit = ACKNOWLEDGE_TEST_SECONDS if purchase.is_test else ACKNOWLEDGE_SECONDS
            is_open = purchase.state == PURCHASED and not purchase.is_acknowledged
            if is_open and not purchase.voided and self.now() - purchase.paid > limit:
                at = purchase.paid + limit
                self._void(purchase, Voided(at, UNACKNOWLEDGED, BY_GOOGLE), is_revoked=True)

    def ask_review(self, token: str) -> str:
        """Ask the developer about a chargeback; return the token of the question."""
        purchase = self.purchases[token]
        review = Review(f"review-{len(self.reviews)}", purchase, self.now())
        self.reviews[review.token] = review
        body: Json = {
            "version": "1.0",
            "pendingRefundToken": review.token,
            "orderId": purchase.order_id,
            "refundReason": _CHARGEBACK_REASON,
        }
        if purchase.account_id is not None:
            body["obfuscatedAccountId"] = purchase.account_id
        self._tell("pendingRefundReviewNotification", body)
        return review.token

    def decide_review(self, review: str, *, is_refunded: bool) -> None:
        """Let Google decide, with or without our answer."""
        if is_refunded:
            self.void(self.reviews[review].purchase.token)

    def test_notification(self) -> None:
        """Send what the console's button sends."""
        self._tell("testNotification", {"version": "1.0"})

    def _pending(self, token: str) -> Purchase:
        purchase = self.purchases[token]
        assert purchase.state == PENDING, purchase.state
        return purchase

    def _void(self, purchase: Purchase, voided: Voided, *, is_revoked: bool) -> None:
        purchase.voided, purchase.order_state = voided, "REFUNDED"
        if is_revoked:
            purchase.state = CANCELED
        self._book(purchase, -1)
        if voided.is_listed:
            body = {
                "purchaseToken": purchase.token,
                "orderId": purchase.order_id,
                "productType": _ONE_TIME_PRODUCT,
                "refundType": _FULL_REFUND,
            }
            self._tell("voidedPurchaseNotification", body)

    def _book(self, purchase: Purchase, sign: int) -> None:
        """Note the money: a refund gives tax and fee back. Tests move none."""
        if purchase.is_test:
            return
        price = purchase.price
        kind = "payments"
        if purchase.voided:
            kind = "disputes" if purchase.voided.reason == CHARGEBACK else "refunds"
        total = sign * price.total_minor
        order, currency = purchase.order_id, price.currency
        self.lines.append(Line(kind, order, currency, total, currency, total))
        for name, minor in (("taxes", price.tax_minor), ("fees", purchase.fee_minor)):
            if minor:
                self.lines.append(Line(name, order, currency, -sign * minor))

    def _tell_one_time(self, purchase: Purchase, kind: int) -> None:
        body = {
            "version": "1.0",
            "notificationType": kind,
            "purchaseToken": purchase.token,
            "sku": purchase.product,
        }
        self._tell("oneTimeProductNotification", body)

    def _tell(self, kind: str, body: Json) -> None:
        said = {
            "version": "1.0",
            "packageName": self.package,
            "eventTimeMillis": str(int(self.now() * 1000)),
            kind: body,
        }
        schema = "DeveloperNotification"
        self.violations += self.contract.judge_object(schema, said, where=f"webhook {kind}")
        identifier = str(2_000_000_000 + len(self.sent))
        message = {
            "attributes": {},
            "data": base64.b64encode(json.dumps(said).encode()).decode(),
            "messageId": identifier,
            "message_id": identifier,
            "publishTime": moment(self.now()),
            "publish_time": moment(self.now()),
        }
        push = {"message": message, "subscription": "projects/example/subscriptions/play"}
        self.publish(identifier, kind, push, schema="PubsubPush")
