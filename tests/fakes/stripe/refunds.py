"""Refunds: of a part or the whole, done at once, pending, or failed weeks later."""

from typing import Any

from tests.fakes.base import Call
from tests.fakes.stripe.checkout import Checkout
from tests.fakes.stripe.core import Object, Refused


class Refunds(Checkout):
    """The shop asks for refunds, the dashboard may make them, and the bank decides."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._pending = 0
        self.handlers |= {
            "POST /v1/refunds": self._create_refund,
            "GET /v1/refunds": self._list_refunds,
            "GET /v1/refunds/{refund}": lambda call: self.refund(call.path["refund"]),
            "POST /v1/refunds/{refund}/cancel": self._cancel_refund,
        }

    def refund(self, identifier: str) -> Object:
        return self.find(identifier, "refund", param="refund")

    # Verbs of the dashboard and of the bank.

    def delay_refunds(self, times: int = 1) -> None:
        """Leave the next refunds pending."""
        self._pending += times

    def refund_by_dashboard(self, payment_intent: str, amount: int | None = None) -> Object:
        """Refund as the operator's staff can, without a word to our code."""
        return self._refund(self.charge_of(payment_intent), amount, {})

    def complete_refund(self, refund: str) -> Object:
        """Let a pending refund reach the payer."""
        found = self.refund(refund)
        assert found["status"] == "pending", found["status"]
        found["status"] = "succeeded"
        self._say_updated(found, {"status": "pending"})
        return found

    def fail_refund(self, refund: str, reason: str = "expired_or_canceled_card") -> Object:
        """Let the payer's bank send a refund back, even one that succeeded weeks ago."""
        found = self.refund(refund)
        assert found["status"] in ("pending", "succeeded"), found["status"]
        return self._undo(found, "failed", reason)

    def cancel_refund(self, refund: str) -> Object:
        """Take a pending refund back, as the dashboard can."""
        found = self.refund(refund)
        assert found["status"] == "pending", found["status"]
        return self._undo(found, "canceled", "merchant_request")

    # What the shop asks.

    def _create_refund(self, call: Call) -> Object:
        body = call.body
        if body.get("payment_intent"):
            intent = self.find(
                body["payment_intent"], "payment_intent", param="payment_intent", status=400
            )
            if intent["status"] != "succeeded":
                raise Refused(
                    f"This PaymentIntent ({intent['id']}) does not have a successful charge to "
                    "refund.",
                    param="payment_intent",
                )
            charge = self.charge_of(intent["id"])
        elif body.get("charge"):
            charge = self.find(body["charge"], "charge", param="charge", status=400)
        else:
            raise Refused(
                "One of the following params should be provided for this request: payment_intent "
                "or charge.",
                code="parameter_missing",
            )
        return self._refund(charge, body.get("amount"), body)

    def _list_refunds(self, call: Call) -> Object:
        names = ("charge", "payment_intent")
        equal = {name: call.query[name] for name in names if name in call.query}
        return self.page_of(self.all("refund", **equal), call)

    def _cancel_refund(self, call: Call) -> Object:
        found = self.refund(call.path["refund"])
        # By API only those are cancelled that wait for the payer's bank details.
        raise Refused(f"You cannot cancel a refund with status {found['status']}.")

    def _refund(self, charge: Object, wanted: int | None, body: Object) -> Object:
        left = charge["amount"] - charge["amount_refunded"]
        self._require_refundable(charge)
        if charge["refunded"]:
            raise Refused(
                f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
            )
        amount = left if wanted is None else wanted
        if amount <= 0:
            raise Refused(
                "Invalid positive integer", code="parameter_invalid_integer", param="amount"
            )
        if amount > left:
            raise Refused(
                f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
                param="amount",
            )
        status = "succeeded"
        if self._pending:
            self._pending -= 1
            status = "pending"
        made = self.make("refund", "re" if charge["id"].startswith("ch_") else "pyr", {
            "amount": amount,
            "charge": charge["id"],
            "currency": charge["currency"],
            "metadata": body.get("metadata") or {},
            "payment_intent": charge["payment_intent"],
            "reason": body.get("reason"),
            "status": status,
        })  # fmt: skip
        if status == "pending":
            made["pending_reason"] = "processing"
        booked = self.book(
            "refunds", charge, -amount, source=made["id"], transaction="refund", fee=0
        )
        made["balance_transaction"] = booked["id"]
        before = charge["amount_refunded"]
        self._count(charge, amount)
        self.close_warnings(charge)
        charge["_refunds"]["data"].insert(0, made)
        self.emit("refund.created", made)
        self.emit("charge.refunded", charge, {"amount_refunded": before})
        return made

    def _undo(self, refund: Object, status: str, reason: str) -> Object:
        before = refund["status"]
        charge = self.find(refund["charge"], "charge")
        booked = self.book(
            "refund_failures", charge, refund["amount"],
            source=refund["id"], transaction="refund_failure", fee=0,
        )  # fmt: skip
        refund |= {
            "failure_balance_transaction": booked["id"], "failure_reason": reason,
            "status": status,
        }  # fmt: skip
        refund.pop("pending_reason", None)
        self._count(charge, -refund["amount"])
        if status == "failed":
            self.emit("refund.failed", refund)
        self._say_updated(refund, {"status": before})
        return refund

    def _count(self, charge: Object, amount: int) -> None:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]

    def _say_updated(self, refund: Object, previous: Object) -> None:
        self.emit("refund.updated", refund, previous)
        self.emit("charge.refund.updated", refund, previous)

    def _require_refundable(self, charge: Object) -> None:
        if not charge["paid"]:
            raise Refused(f"Charge {charge['id']} is not paid.", code="charge_not_refundable")

    def close_warnings(self, charge: Object) -> None:
        """Leave early fraud warnings of a charge without anything to do about them."""
