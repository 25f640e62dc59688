"""Payouts of a PayPal account: batches of one item, and what becomes of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.base import Answer, Call, Line
from tests.fakes.paypal.objects import CURRENCIES, WHOLE, moment, read
from tests.fakes.paypal.payer import Payer
from tests.fakes.schemas import Json

BATCH_IDS_SECONDS = 30 * 86_400
# The event that tells each status of an item; developer.paypal.com/api/rest/webhooks/event-names
# has none for REVERSED.
EVENTS = {
    "SUCCESS": "SUCCEEDED",
    "FAILED": "FAILED",
    "UNCLAIMED": "UNCLAIMED",
    "RETURNED": "RETURNED",
    "ONHOLD": "HELD",
    "BLOCKED": "BLOCKED",
    "REFUNDED": "REFUNDED",
}
# While an item has one of these, its money is not on our account.
_GONE = frozenset({"SUCCESS", "UNCLAIMED", "ONHOLD"})


@dataclass(slots=True)
class Payout:
    """A batch and its item, which is looked at after the batch was taken."""

    id: str
    item_id: str
    transaction_id: str
    sender_batch_id: str
    subject: str | None
    item: Json
    created: float
    batch_status: str = "PENDING"
    status: str | None = None
    error: str | None = None

    @property
    def amount_minor(self) -> int:
        money = self.item["amount"]
        return read({"currency_code": money["currency"], "value": money["value"]})

    @property
    def currency(self) -> str:
        return str(self.item["amount"]["currency"])

    def header(self) -> Json:
        sender: Json = {"sender_batch_id": self.sender_batch_id}
        if self.subject is not None:
            sender["email_subject"] = self.subject
        return {
            "payout_batch_id": self.id,
            "batch_status": self.batch_status,
            "sender_batch_header": sender,
        }

    def show(self, url: str) -> Json:
        """Say the batch with its item, once there is one."""
        header = self.header() | {
            "time_created": moment(self.created),
            "amount": self.item["amount"],
            "fees": {"currency": self.currency, "value": "0.00"},
        }
        items = [] if self.status is None else [self._item(url)]
        links = [_link(f"{url}/v1/payments/payouts/{self.id}", "self")]
        return {"batch_header": header, "items": items, "links": links}

    def show_item(self, url: str) -> Json:
        """Say the item alone, as a webhook does."""
        return self._item(url) | {"sender_batch_id": self.sender_batch_id}

    def _item(self, url: str) -> Json:
        made: Json = {
            "payout_item_id": self.item_id,
            "transaction_id": self.transaction_id,
            "transaction_status": self.status,
            "payout_item_fee": {"currency": self.currency, "value": "0.25"},
            "payout_batch_id": self.id,
            "payout_item": self.item,
            "time_processed": moment(self.created),
            "links": [_link(f"{url}/v1/payments/payouts-item/{self.item_id}", "item")],
        }
        if self.error is not None:
            made["errors"] = {
                "name": self.error,
                "message": "Receiver is unregistered, or cannot have it.",
                "debug_id": "f2a1c0de5bad0",
            }
        return made


class Payouts(Payer):
    """The verbs are those of receivers, and of PayPal's own people."""

    verbs = Payer.verbs | {"plan_payout", "become_payout", "be_short"}

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.payouts: dict[str, Payout] = {}
        self._planned: list[str] = []
        self._short = 0

    def payout_routes(self) -> dict[str, Callable[[Call], Answer]]:
        return {
            "POST /v1/payments/payouts": self._create_payout,
            "GET /v1/payments/payouts/{id}": self._show_payout,
            "GET /v1/payments/payouts-item/{payout_item_id}": self._show_item,
        }

    # Verbs.

    def plan_payout(self, status: str) -> None:
        """Let the item of the next batch have this status: PENDING, UNCLAIMED, FAILED ..."""
        assert status in (*EVENTS, "PENDING", "DENIED"), status
        self._planned.append(status)

    def become_payout(self, batch: str, status: str, error: str | None = None) -> None:
        """Let an item become something else."""
        payout = self.payouts[batch]
        was_gone, is_gone = payout.status in _GONE, status in _GONE
        payout.status, payout.error = status, error
        if was_gone != is_gone:
            kind, amount = ("payouts", -1) if is_gone else ("payout_returns", 1)
            minor = amount * payout.amount_minor
            self.lines.append(Line(kind, payout.id, payout.currency, minor))
        if status in EVENTS:
            kind = f"PAYMENT.PAYOUTS-ITEM.{EVENTS[status]}"
            self._tell(kind, "payouts_item", payout.show_item(self.url), payout.id)

    def be_short(self, times: int = 1) -> None:
        """Have too little money for the next batches."""
        self._short += times

    # Calls.

    def _create_payout(self, call: Call) -> Answer:
        header, items = call.body["sender_batch_header"], call.body["items"]
        name = header["sender_batch_id"]
        for known in self.payouts.values():
            if known.sender_batch_id == name and self.now() - known.created < BATCH_IDS_SECONDS:
                return self._is_known(known)
        if problem := _problem(items):
            return _error(400, "VALIDATION_ERROR", "Invalid request - see details", problem)
        if self._short:
            self._short -= 1
            text = "Sender does not have sufficient funds. Please add funds and retry."
            return _error(422, "INSUFFICIENT_FUNDS", text)
        payout = Payout(
            id=self.new_id(),
            item_id=self.new_id(),
            transaction_id=self.new_id(),
            sender_batch_id=name,
            subject=header.get("email_subject"),
            item=items[0],
            created=self.now(),
        )
        self.payouts[payout.id] = payout
        # What was taken is looked at afterwards.
        link = _link(f"{self.url}/v1/payments/payouts/{payout.id}", "self")
        answer = Answer(201, {"batch_header": payout.header(), "links": [link]})
        self._look_at(payout, self._planned.pop(0) if self._planned else "SUCCESS")
        return answer

    def _look_at(self, payout: Payout, status: str) -> None:
        if status == "DENIED":
            payout.batch_status = "DENIED"
            kind, body = "PAYMENT.PAYOUTSBATCH.DENIED", payout.show(self.url)
            self._tell(kind, "payouts", body, payout.id)
            return
        payout.batch_status = "PROCESSING" if status == "PENDING" else "SUCCESS"
        error = "RECEIVER_UNREGISTERED" if status == "FAILED" else None
        self.become_payout(payout.id, status, error)

    def _is_known(self, payout: Payout) -> Answer:
        """Refuse a second batch of a name with the address of the first."""
        answer = _error(
            400,
            "USER_BUSINESS_ERROR",
            "User business error.",
            {
                "field": "SENDER_BATCH_ID",
                "location": "body",
                "issue": "Batch with given sender_batch_id already exists",
            },
        )
        address = f"{self.url}/v1/payments/payouts/{payout.id}"
        return Answer(400, answer.body | {"links": [_link(address, "self")]})

    def _show_payout(self, call: Call) -> Answer:
        found = self.payouts.get(call.path["id"])
        if found is None:
            return _error(404, "INVALID_RESOURCE_ID", "Requested resource ID was not found.")
        return Answer(200, found.show(self.url))

    def _show_item(self, call: Call) -> Answer:
        for payout in self.payouts.values():
            if payout.item_id == call.path["payout_item_id"]:
                return Answer(200, payout.show_item(self.url))
        return _error(404, "INVALID_RESOURCE_ID", "Requested resource ID was not found.")


def _problem(items: Json) -> Json:
    """Say what is wrong with an item, as PayPal does before it takes a batch."""
    for at, item in enumerate(items):
        money = item["amount"]
        if "@" not in item["receiver"]:
            issue = "Receiver is invalid or does not match with type"
            return {"field": f"items[{at}].receiver", "location": "body", "issue": issue}
        decimals = len(money["value"].partition(".")[2].rstrip("0"))
        if money["currency"] not in CURRENCIES or (money["currency"] in WHOLE and decimals):
            issue = "Currency code or value is invalid"
            return {"field": f"items[{at}].amount", "location": "body", "issue": issue}
    return None


def _error(status: int, name: str, message: str, problem: Json = None) -> Answer:
    body: Json = {"name": name, "message": message, "debug_id": "f2a1c0de5bad0"}
    if problem is not None:
        body["details"] = [problem]
    return Answer(status, body)


def _link(href: str, rel: str) -> Json:
    return {"href": href, "rel": rel, "method": "GET"}
