"""What happens in the App Store besides our calls: buyers and Apple itself, as verbs."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

from tests.fakes.apple.models import contract
from tests.fakes.apple.objects import WHOLE, Notification, Price, Transaction, millis, signed_by
from tests.fakes.base import Fake, Line
from tests.fakes.currencies import digits
from tests.fakes.schemas import Json

PRODUCTION, SANDBOX = "Production", "Sandbox"
FEE_RATE = Decimal("0.15")


class AppleVerbs(Fake):
    """The purchases of one app in one environment, and what changes them."""

    verbs = Fake.verbs | {
        *("buy", "refund", "reverse_refund", "decline_refund", "ask_consumption"),
        *("send_test", "send_unknown", "signed"),
    }

    def __init__(
        self,
        *,
        webhooks: str | None,
        environment: str,
        bundle: str,
        app: int,
        prices: Mapping[str, Price] | None,
        seed: int,
    ) -> None:
        super().__init__(contract(), webhooks=webhooks, seed=seed)
        self.environment, self.bundle, self.app = environment, bundle, app
        self.prices = dict(prices or {"coins_100": Price("USD", 990)})
        self.transactions: dict[str, Transaction] = {}
        self.notifications: list[Notification] = []

    # Buyers and Apple.

    def buy(
        self,
        product: str,
        account_token: UUID | str | None,
        quantity: int = 1,
        environment: str | None = None,
        *,
        bundle: str | None = None,
    ) -> str:
        """Buy a product in the app; return the signed transaction that the app gets."""
        transaction = Transaction(
            id=str(2_000_000_000_000_000 + len(self.transactions)),
            product=product,
            account_token=UUID(str(account_token)) if account_token else None,
            quantity=quantity,
            environment=environment or self.environment,
            bundle=bundle or self.bundle,
            price=self.prices[product],
            purchased=self.now(),
        )
        self.transactions[transaction.id] = transaction
        if self._is_ours(transaction):
            self._book("payments", transaction, WHOLE)
            self._tell("ONE_TIME_CHARGE", transaction)
        return self.signed(transaction.id)

    def signed(self, transaction_id: str) -> str:
        """Sign a transaction as it is now."""
        body = self.transactions[transaction_id].show(self.now())
        schema = "JWSTransactionDecodedPayload"
        self.violations += self.contract.judge_object(schema, body, where="signed transaction")
        return signed_by(body, "Apple")

    def refund(self, transaction_id: str, part_milliunits: int = WHOLE) -> None:
        """Refund a purchase, or a part of it: 24000 is 24 %."""
        transaction = self.transactions[transaction_id]
        assert transaction.revoked is None, transaction.revoked
        assert 0 < part_milliunits <= WHOLE, part_milliunits
        transaction.revoked, transaction.refunded_milliunits = self.now(), part_milliunits
        self._book("refunds", transaction, -part_milliunits)
        self._tell("REFUND", transaction)

    def reverse_refund(self, transaction_id: str) -> None:
        """Take a refund back, after the buyer disputed it."""
        transaction = self.transactions[transaction_id]
        assert transaction.revoked is not None
        part, transaction.refunded_milliunits = transaction.refunded_milliunits, 0
        transaction.revoked = None
        self._book("refund_reversals", transaction, part)
        self._tell("REFUND_REVERSED", transaction)

    def decline_refund(self, transaction_id: str) -> None:
        """Say no to a buyer who asked for a refund."""
        self._tell("REFUND_DECLINED", self.transactions[transaction_id])

    def ask_consumption(self, transaction_id: str, reason: str = "UNINTENDED_PURCHASE") -> None:
        """Ask how much was consumed; a buyer wants a refund."""
        transaction = self.transactions[transaction_id]
        transaction.asked = self.now()
        self._tell("CONSUMPTION_REQUEST", transaction, consumptionRequestReason=reason)

    def send_test(self) -> str:
        """Send a test notification; return its id."""
        return self._tell("TEST", None)

    def send_unknown(self, kind: str = "GIFT_RECEIVED") -> str:
        """Send a notification of a kind that the library does not know yet."""
        return self._tell(kind, None, judged_as="TEST")

    def _is_ours(self, transaction: Transaction) -> bool:
        return (transaction.environment, transaction.bundle) == (self.environment, self.bundle)

    def _book(self, kind: str, transaction: Transaction, part_milliunits: int) -> None:
        """Note the money, and Apple's part of it. The sandbox moves none."""
        if self.environment != PRODUCTION:
            return
        price = transaction.price
        thousandths = Decimal(price.thousandths * transaction.quantity * part_milliunits) / WHOLE
        minor = _rounded(thousandths.scaleb(digits(price.currency) - 3))
        fee = _rounded(minor * FEE_RATE)
        currency, total = price.currency, int(minor)
        self.lines.append(Line(kind, transaction.id, currency, total, currency, total))
        if fee:
            self.lines.append(Line("fees", transaction.id, currency, -int(fee)))

    def _tell(
        self,
        kind: str,
        transaction: Transaction | None,
        *,
        judged_as: str | None = None,
        **data: str,
    ) -> str:
        identifier = str(UUID(int=self.random.getrandbits(128), version=4))
        inner: Json = {
            "appAppleId": self.app,
            "bundleId": self.bundle,
            "bundleVersion": "1.0",
            "environment": self.environment,
            **data,
        }
        if transaction is not None:
            inner["signedTransactionInfo"] = self.signed(transaction.id)
        payload = {
            "notificationType": kind,
            "notificationUUID": identifier,
            "version": "2.0",
            "signedDate": millis(self.now()),
            "data": inner,
        }
        judged = payload | {"notificationType": judged_as or kind}
        schema = "ResponseBodyV2DecodedPayload"
        self.violations += self.contract.judge_object(schema, judged, where=f"webhook {kind}")
        signed = signed_by(payload, "Apple")
        about = transaction.id if transaction else None
        self.notifications.append(Notification(identifier, kind, self.now(), about, signed))
        self.publish(identifier, kind, {"signedPayload": signed}, schema="ResponseBodyV2")
        return identifier


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
