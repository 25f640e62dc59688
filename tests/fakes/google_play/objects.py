"""What Google Play keeps: purchases and what became of them, and how its API shows them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.fakes.currencies import digits
from tests.fakes.schemas import Json

PURCHASED, CANCELED, PENDING = 0, 1, 2
_STATES = {PURCHASED: "PURCHASED", CANCELED: "CANCELLED", PENDING: "PENDING"}


@dataclass(frozen=True, slots=True)
class Price:
    """What a buyer pays in the storefront, tax included, in minor units of ISO 4217."""

    currency: str
    total_minor: int
    tax_minor: int = 0


@dataclass(slots=True)
class Purchase:
    """One purchase; its order exists once it is paid."""

    token: str
    product: str
    order_id: str
    account_id: str | None
    quantity: int
    created: float
    price: Price
    fee_minor: int
    region: str
    state: int
    is_test: bool
    paid: float = 0
    is_acknowledged: bool = False
    is_consumed: bool = False
    voided: "Voided | None" = None
    order_state: str = "PENDING"

    @property
    def refundable(self) -> int:
        return 0 if self.order_state == "REFUNDED" else self.quantity

    def show(self) -> Json:
        """Say it as purchases.products does."""
        made: Json = {
            "kind": "androidpublisher#productPurchase",
            "purchaseTimeMillis": millis(self.created),
            "purchaseState": self.state,
            "consumptionState": int(self.is_consumed),
            "acknowledgementState": int(self.is_acknowledged),
            "regionCode": self.region,
            "refundableQuantity": self.refundable,
        }
        if self.state != PENDING:
            made["orderId"] = self.order_id
        if self.account_id is not None:
            made["obfuscatedExternalAccountId"] = self.account_id
        if self.quantity > 1:
            made["quantity"] = self.quantity
        if self.is_test:
            made["purchaseType"] = 0
        return made

    def show_2(self) -> Json:
        """Say it as purchases.productsv2 does."""
        consumption = "CONSUMED" if self.is_consumed else "YET_TO_BE_CONSUMED"
        acknowledged = "ACKNOWLEDGED" if self.is_acknowledged else "PENDING"
        made: Json = {
            "kind": "androidpublisher#productPurchaseV2",
            "productLineItem": [
                {
                    "productId": self.product,
                    "productOfferDetails": {
                        "quantity": self.quantity,
                        "refundableQuantity": self.refundable,
                        "consumptionState": f"CONSUMPTION_STATE_{consumption}",
                    },
                }
            ],
            "purchaseStateContext": {"purchaseState": _STATES[self.state]},
            "acknowledgementState": f"ACKNOWLEDGEMENT_STATE_{acknowledged}",
            "regionCode": self.region,
        }
        if self.state != PENDING:
            made["orderId"] = self.order_id
            made["purchaseCompletionTime"] = moment(self.paid)
        if self.account_id is not None:
            made["obfuscatedExternalAccountId"] = self.account_id
        if self.is_test:
            made["testPurchaseContext"] = {"fopType": "TEST"}
        return made

    def show_order(self) -> Json:
        """Say it as orders does: the only place with a price."""
        price = self.price
        total, tax = (
            money(price.total_minor, price.currency),
            money(price.tax_minor, price.currency),
        )
        revenue = price.total_minor - price.tax_minor - self.fee_minor
        history: Json = {"processedEvent": {"eventTime": moment(self.paid)}}
        last = self.paid
        if self.voided:
            last = self.voided.at
            history["refundEvent"] = {
                "eventTime": moment(last),
                "refundDetails": {"total": total, "tax": tax},
                "refundReason": "CHARGEBACK" if self.voided.reason == CHARGEBACK else "OTHER",
            }
        return {
            "orderId": self.order_id,
            "purchaseToken": self.token,
            "state": self.order_state,
            "createTime": moment(self.created),
            "lastEventTime": moment(last),
            "buyerAddress": {"buyerCountry": self.region},
            "total": total,
            "tax": tax,
            "developerRevenueInBuyerCurrency": money(revenue, price.currency),
            "orderDetails": {"taxInclusive": True},
            "orderHistory": history,
            "salesChannel": "IN_APP",
            "lineItems": [
                {
                    "productId": self.product,
                    "productTitle": self.product,
                    "listingPrice": money(price.total_minor // self.quantity, price.currency),
                    "total": total,
                    "tax": tax,
                    "oneTimePurchaseDetails": {"quantity": self.quantity},
                }
            ],
        }


CHARGEBACK, UNACKNOWLEDGED = 7, 8
BY_USER, BY_DEVELOPER, BY_GOOGLE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Voided:
    """Why a purchase is void (0 to 8, in the words of the discovery document), and by whom."""

    at: float
    reason: int
    source: int
    # An order that its developer refunded without taking the goods back is not in the list.
    is_listed: bool = True

    def show(self, purchase: Purchase) -> Json:
        return {
            "kind": "androidpublisher#voidedPurchase",
            "purchaseToken": purchase.token,
            "purchaseTimeMillis": millis(purchase.created),
            "voidedTimeMillis": millis(self.at),
            "orderId": purchase.order_id,
            "voidedSource": self.source,
            "voidedReason": self.reason,
        }


@dataclass(slots=True)
class Review:
    """Google's question about a refund; the first answer within 24 hours counts."""

    token: str
    purchase: Purchase
    asked: float
    answers: list[Json] = field(default_factory=list)


def money(minor: int, currency: str) -> Json:
    """Say an amount as google.type.Money does: units, and billionths of one; zero is left out."""
    units, rest = divmod(minor, 10 ** digits(currency))
    made: Json = {"currencyCode": currency}
    if units:
        made["units"] = str(units)
    if rest:
        made["nanos"] = rest * 10 ** (9 - digits(currency))
    return made


def millis(seconds: float) -> str:
    return str(int(seconds * 1000))


def moment(seconds: float) -> str:
    shown = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return shown.replace("+00:00", "Z")
