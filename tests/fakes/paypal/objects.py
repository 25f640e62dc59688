"""What PayPal keeps: orders, captures, refunds and disputes, and how its API shows them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import sha256

from tests.fakes.currencies import digits
from tests.fakes.schemas import Json

# developer.paypal.com/api/rest/reference/currency-codes: these three take no decimals there, while
# ISO 4217 counts HUF and TWD in hundredths. Amounts here are minor units of ISO 4217.
CURRENCIES = frozenset(
    {
        "AUD",
        "BRL",
        "CAD",
        "CNY",
        "CZK",
        "DKK",
        "EUR",
        "HKD",
        "HUF",
        "ILS",
        "JPY",
        "MYR",
        "MXN",
        "TWD",
        "NZD",
        "NOK",
        "PHP",
        "PLN",
        "GBP",
        "SGD",
        "SEK",
        "CHF",
        "THB",
        "USD",
    }
)
WHOLE = frozenset({"HUF", "JPY", "TWD"})
# How long the merchant has for an answer; and the status meanwhile.
ANSWER_SECONDS = 10 * 86_400
WAITING = "WAITING_FOR_SELLER_RESPONSE"
PAYER_EMAIL = "payer@example.com"
# Of ids of payers: PayPal takes no letter or digit that can be read as another one.
_PAYER_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
MERCHANT = {"email_address": "merchant@example.com", "merchant_id": "C7CYMKZDG8D6E"}


def shown(minor: int, currency: str) -> Json:
    """Say an amount as PayPal does, with as many decimals as it takes for the currency."""
    value = Decimal(minor).scaleb(-digits(currency))
    decimals = 0 if currency in WHOLE else 2
    return {"currency_code": currency, "value": f"{value:.{decimals}f}"}


def read(money: Json) -> int:
    """Read an amount in minor units of ISO 4217; it was judged to be a number before."""
    return int(Decimal(money["value"]).scaleb(digits(money["currency_code"])))


def rounded(value: Decimal, currency: str) -> int:
    """Round to what PayPal can say in the currency, in minor units of ISO 4217."""
    step = 100 if currency in WHOLE and digits(currency) else 1
    return int((value / step).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)) * step


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Refund:
    """Money on its way back to the payer; `receivable_minor` left the account for it."""

    id: str
    capture: str
    amount_minor: int
    currency: str
    receivable_minor: int
    receivable_currency: str
    status: str
    created: float
    updated: float
    custom_id: str | None = None
    note: str | None = None
    total_minor: int = 0

    def show(self, url: str) -> Json:
        made: Json = {
            "id": self.id,
            "status": self.status,
            "amount": shown(self.amount_minor, self.currency),
            "seller_payable_breakdown": self._breakdown(),
            "payer": MERCHANT,
            "create_time": moment(self.created),
            "update_time": moment(self.updated),
            "links": [
                _link(f"{url}/v2/payments/refunds/{self.id}", "self"),
                _link(f"{url}/v2/payments/captures/{self.capture}", "up"),
            ],
        }
        if self.status == "PENDING":
            made["status_details"] = {"reason": "ECHECK"}
        if self.custom_id is not None:
            made["custom_id"] = self.custom_id
        if self.note is not None:
            made["note_to_payer"] = self.note
        return made

    def _breakdown(self) -> Json:
        made: Json = {
            "gross_amount": shown(self.amount_minor, self.currency),
            # PayPal keeps its fee since 2019.
            "paypal_fee": shown(0, self.currency),
            "net_amount": shown(self.amount_minor, self.currency),
            "total_refunded_amount": shown(self.total_minor, self.currency),
        }
        if self.receivable_currency != self.currency:
            receivable = shown(self.receivable_minor, self.receivable_currency)
            made["net_amount_in_receivable_currency"] = receivable
        return made


@dataclass(slots=True)
class Capture:
    """Money taken from the payer. Fee, net and rate are known once it is COMPLETED."""

    id: str
    order: str
    amount_minor: int
    currency: str
    status: str
    reason: str | None
    created: float
    updated: float
    custom_id: str | None = None
    invoice_id: str | None = None
    fee_minor: int = 0
    rate: Decimal | None = None
    receivable_currency: str = ""
    receivable_fee_minor: int = 0
    receivable_net_minor: int = 0
    refunds: list[Refund] = field(default_factory=list)

    @property
    def refunded_minor(self) -> int:
        return sum(each.amount_minor for each in self.refunds if each.status in _MOVED)

    def show(self, url: str, *, is_alone: bool) -> Json:
        """Say it alone, as GET does, or as a part of its order."""
        made: Json = {
            "id": self.id,
            "status": self.status,
            "amount": shown(self.amount_minor, self.currency),
            "final_capture": True,
            "disbursement_mode": "INSTANT",
            "seller_protection": {"status": "NOT_ELIGIBLE"},
            "create_time": moment(self.created),
            "update_time": moment(self.updated),
            "links": [
                _link(f"{url}/v2/payments/captures/{self.id}", "self"),
                _link(f"{url}/v2/payments/captures/{self.id}/refund", "refund", "POST"),
                _link(f"{url}/v2/checkout/orders/{self.order}", "up"),
            ],
        }
        if self.reason is not None:
            made["status_details"] = {"reason": self.reason}
        if self.custom_id is not None:
            made["custom_id"] = self.custom_id
        if self.invoice_id is not None:
            made["invoice_id"] = self.invoice_id
        if self.receivable_currency:
            made["seller_receivable_breakdown"] = self._breakdown()
        if is_alone:
            made["supplementary_data"] = {"related_ids": {"order_id": self.order}}
            made["payee"] = MERCHANT
        return made

    def _breakdown(self) -> Json:
        made: Json = {
            "gross_amount": shown(self.amount_minor, self.currency),
            "paypal_fee": shown(self.fee_minor, self.currency),
            "net_amount": shown(self.amount_minor - self.fee_minor, self.currency),
        }
        if self.rate is not None:
            receivable = self.receivable_currency
            made["paypal_fee_in_receivable_currency"] = shown(self.receivable_fee_minor, receivable)
            made["receivable_amount"] = shown(self.receivable_net_minor, receivable)
            made["exchange_rate"] = {
                "source_currency": self.currency,
                "target_currency": receivable,
                "value": str(self.rate),
            }
        return made


@dataclass(slots=True)
class Order:
    """What the payer is asked to approve."""

    id: str
    unit: Json
    intent: str
    created: float
    updated: float
    status: str
    source: Json
    return_url: str | None
    cancel_url: str | None
    # What the next capture becomes: COMPLETED, DECLINED, a reason to be PENDING, or a 422 issue.
    outcome: str = "COMPLETED"
    # Of the payer's account; only answers after the approval have it.
    country: str | None = "US"
    captures: list[Capture] = field(default_factory=list)

    @property
    def amount_minor(self) -> int:
        return read(self.unit["amount"])

    @property
    def currency(self) -> str:
        return str(self.unit["amount"]["currency_code"])

    @property
    def payer_id(self) -> str:
        """Return whose account approves it: each order has a payer of its own."""
        number = int.from_bytes(sha256(self.id.encode()).digest(), "big")
        return "".join(_PAYER_SIGNS[number >> 5 * place & 31] for place in range(13))

    def show(self, url: str) -> Json:
        unit = {"reference_id": "default"} | self.unit | {"payee": MERCHANT}
        if self.captures:
            unit["payments"] = {
                "captures": [each.show(url, is_alone=False) for each in self.captures],
            }
            if refunds := [each for capture in self.captures for each in capture.refunds]:
                unit["payments"]["refunds"] = [each.show(url) for each in refunds]
        made: Json = {
            "id": self.id,
            "intent": self.intent,
            "status": self.status,
            "purchase_units": [unit],
            "create_time": moment(self.created),
            "update_time": moment(self.updated),
            "links": self.links(url),
        }
        if self.status in ("APPROVED", "COMPLETED"):
            made["payer"] = {
                "email_address": PAYER_EMAIL,
                "payer_id": self.payer_id,
                "name": {"given_name": "Pat", "surname": "Payer"},
            }
            account: Json = {"account_id": self.payer_id, "email_address": PAYER_EMAIL}
            if self.country is not None:
                account["address"] = {"country_code": self.country}
            made["payment_source"] = {"paypal": account}
        elif self.source is not None:
            made["payment_source"] = {"paypal": {}}
        return made

    def links(self, url: str) -> list[Json]:
        own = f"{url}/v2/checkout/orders/{self.id}"
        made = [_link(own, "self")]
        if self.status in ("CREATED", "PAYER_ACTION_REQUIRED"):
            rel = "approve" if self.source is None else "payer-action"
            made.append(_link(f"{url}/checkoutnow?token={self.id}", rel))
        if self.status in ("CREATED", "APPROVED"):
            made.append(_link(f"{own}/capture", "capture", "POST"))
        return made


@dataclass(slots=True)
class Dispute:
    """A payer's complaint: no money moves in an INQUIRY, it is gone in a CHARGEBACK."""

    id: str
    capture: Capture
    amount_minor: int
    reason: str
    channel: str
    created: float
    updated: float
    stage: str = "INQUIRY"
    status: str = WAITING
    outcome: str | None = None
    # Until when the merchant may answer, and the evidence that was handed in.
    due: float = 0.0
    evidences: list[Json] = field(default_factory=list)
    # (DEBIT or CREDIT, reason, minor units of the account's currency, when)
    entries: list[tuple[str, str, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ask(self.created)

    def ask(self, now: float) -> None:
        """Ask the merchant for evidence."""
        self.status, self.due = WAITING, now + ANSWER_SECONDS

    @property
    def state(self) -> str:
        if self.outcome:
            return "RESOLVED"
        return "REQUIRED_ACTION" if self.status == WAITING else "UNDER_PAYPAL_REVIEW"

    def _brief(self, url: str) -> Json:
        return {
            "dispute_id": self.id,
            "create_time": moment(self.created),
            "update_time": moment(self.updated),
            "reason": self.reason,
            "status": self.status,
            "dispute_amount": shown(self.amount_minor, self.capture.currency),
            "dispute_life_cycle_stage": self.stage,
            "dispute_channel": self.channel,
            **self._deadline(),
            "links": [_link(f"{url}/v1/customer/disputes/{self.id}", "self")],
        }

    def _deadline(self) -> Json:
        return {} if self.outcome else {"seller_response_due_date": moment(self.due)}

    def show_brief(self, url: str) -> Json:
        """Say it as an item of the list."""
        return self._brief(url) | {"dispute_state": self.state}

    def show(self, url: str) -> Json:
        transaction: Json = {
            "seller_transaction_id": self.capture.id,
            "create_time": moment(self.capture.created),
            "transaction_status": _TRANSACTION[self.capture.status],
            "gross_amount": shown(self.capture.amount_minor, self.capture.currency),
            "buyer": {"name": "Pat Payer"},
            "seller": {
                "email": MERCHANT["email_address"],
                "merchant_id": MERCHANT["merchant_id"],
                "name": "Merchant",
            },
        }
        if self.capture.custom_id is not None:
            transaction["custom"] = self.capture.custom_id
        if self.capture.invoice_id is not None:
            transaction["invoice_number"] = self.capture.invoice_id
        made = self._brief(url) | {"disputed_transactions": [transaction]}
        if self.evidences:
            made["evidences"] = self.evidences
        if self.entries:
            made["money_movements"] = [
                {
                    "affected_party": "SELLER",
                    "type": kind,
                    "reason": reason,
                    "amount": shown(minor, self.capture.receivable_currency),
                    "initiated_time": moment(when),
                }
                for kind, reason, minor, when in self.entries
            ]
        if self.outcome:
            refunded = 0 if self.outcome not in LOST else self.amount_minor
            made["dispute_outcome"] = {
                "outcome_code": self.outcome,
                "amount_refunded": shown(refunded, self.capture.currency),
            }
        return made


_MOVED = frozenset({"PENDING", "COMPLETED"})
LOST = frozenset({"RESOLVED_BUYER_FAVOUR", "ACCEPTED"})
_TRANSACTION = {
    "COMPLETED": "COMPLETED",
    "PARTIALLY_REFUNDED": "PARTIALLY_REFUNDED",
    "REFUNDED": "REFUNDED",
    "PENDING": "PENDING",
    "DECLINED": "DENIED",
    "FAILED": "FAILED",
}


def _link(href: str, rel: str, method: str = "GET") -> Json:
    return {"href": href, "rel": rel, "method": method}
