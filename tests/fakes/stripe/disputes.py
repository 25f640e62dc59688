"""Disputes, inquiries and early fraud warnings: they name the charge, and never our metadata."""

from typing import Any

from tests.fakes.base import Call
from tests.fakes.stripe.core import Object, Refused
from tests.fakes.stripe.refunds import Refunds

ANSWER_SECONDS = 7 * 24 * 3600
INQUIRY = ("warning_needs_response", "warning_under_review")
OPEN = ("needs_response", "under_review", *INQUIRY)


class Disputes(Refunds):
    """The verbs are those of the payer's bank."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.handlers |= {
            "GET /v1/disputes": self._list_disputes,
            "GET /v1/disputes/{dispute}": lambda call: self.find_dispute(call.path["dispute"]),
            "POST /v1/disputes/{dispute}": self._submit_evidence,
            "POST /v1/disputes/{dispute}/close": self._accept_dispute,
            "GET /v1/radar/early_fraud_warnings": self._list_warnings,
            "GET /v1/radar/early_fraud_warnings/{early_fraud_warning}": lambda call: self.find(
                call.path["early_fraud_warning"], "radar.early_fraud_warning"
            ),
        }

    def find_dispute(self, identifier: str) -> Object:
        return self.find(identifier, "dispute", param="dispute")

    # The bank's verbs.

    def dispute(
        self,
        payment_intent: str,
        amount: int | None = None,
        *,
        inquiry: bool = False,
        reason: str = "fraudulent",
    ) -> Object:
        """Dispute a payment: the money goes at once, unless it is only an inquiry."""
        status = "warning_needs_response" if inquiry else "needs_response"
        made = self._make_dispute(payment_intent, amount, status, reason)
        self.emit("charge.dispute.created", made)
        if not inquiry:
            self._withdraw(made)
        return made

    def escalate(self, dispute: str) -> Object:
        """Make a chargeback of an inquiry."""
        found = self.find_dispute(dispute)
        assert found["status"] in INQUIRY, found["status"]
        before = found["status"]
        found |= {"is_charge_refundable": False, "status": "needs_response"}
        self._mark_disputed(found)
        self.emit("charge.dispute.updated", found, {"status": before})
        self._withdraw(found)
        return found

    def close_dispute(self, dispute: str, *, won: bool) -> Object:
        """Decide a dispute; an inquiry can only end in our favour, or escalate."""
        found = self.find_dispute(dispute)
        assert found["status"] in OPEN, found["status"]
        if found["status"] in INQUIRY:
            assert won, "an inquiry is not lost: escalate it first"
            found |= {"is_charge_refundable": False, "status": "warning_closed"}
            self.emit("charge.dispute.closed", found)
            return found
        found["status"] = "won" if won else "lost"
        self.emit("charge.dispute.closed", found)
        if won:
            charge = self.find(found["charge"], "charge")
            charge["disputed"] = True
            booked = self.book(
                "dispute_reversals", charge, found["amount"],
                source=found["id"], transaction="adjustment", fee=0,
            )  # fmt: skip
            found["balance_transactions"].append(booked)
            self.emit("charge.dispute.funds_reinstated", found)
        return found

    def move_deadline(self, dispute: str, seconds: float | None) -> Object:
        """Give us until so many seconds from now; without a number the bank takes no evidence."""
        found = self.find_dispute(dispute)
        assert found["status"] in OPEN, found["status"]
        details = found["evidence_details"]
        before = {"evidence_details": {"due_by": details["due_by"]}}
        details["due_by"] = 0 if seconds is None else int(self.now() + seconds)
        self.emit("charge.dispute.updated", found, before)
        return found

    def submit_evidence(self, dispute: str) -> Object:
        """Hand evidence in, as the dashboard does."""
        found = self.find_dispute(dispute)
        self._submit(found)
        return found

    def prevent(
        self, payment_intent: str, amount: int | None = None, *, is_withdrawn: bool = True
    ) -> Object:
        """
        Give the payer's money back before there is a dispute, as card networks offer it.

        It is over at once and costs no dispute fee. Whether the money leaves by the dispute or by a
        refund of its own depends on the programme: `is_withdrawn`.
        """
        made = self._make_dispute(payment_intent, amount, "prevented", "fraudulent")
        self.emit("charge.dispute.created", made)
        if is_withdrawn:
            self._withdraw(made, fee=0)
        self.emit("charge.dispute.closed", made)
        return made

    def warn(self, payment_intent: str, kind: str = "made_with_stolen_card") -> Object:
        """Report a payment as fraud, as banks do some days before a dispute."""
        charge = self.charge_of(payment_intent)
        made = self.make("radar.early_fraud_warning", "issfr", {
            "actionable": not charge["refunded"] and not charge["disputed"],
            "charge": charge["id"],
            "fraud_type": kind,
            "payment_intent": payment_intent,
        })  # fmt: skip
        self.emit("radar.early_fraud_warning.created", made)
        return made

    # What the shop asks.

    def _list_disputes(self, call: Call) -> Object:
        return self._list("dispute", call)

    def _list_warnings(self, call: Call) -> Object:
        return self._list("radar.early_fraud_warning", call)

    def _list(self, kind: str, call: Call) -> Object:
        names = ("charge", "payment_intent")
        equal = {name: call.query[name] for name in names if name in call.query}
        return self.page_of(self.all(kind, **equal), call)

    def _submit_evidence(self, call: Call) -> Object:
        found = self.find_dispute(call.path["dispute"])
        if found["status"] not in ("needs_response", "warning_needs_response"):
            raise Refused("This dispute is already submitted or closed.", code="dispute_closed")
        body = call.body
        given = {name: text for name, text in body.get("evidence", {}).items() if text}
        found["evidence"] |= {name: text for name, text in given.items() if isinstance(text, str)}
        found["metadata"] |= body.get("metadata") or {}
        found["evidence_details"]["has_evidence"] = bool(given)
        if given and body.get("submit", True):
            self._submit(found)
        return found

    def _submit(self, found: Object) -> None:
        before = found["status"]
        found["evidence_details"] |= {
            "has_evidence": True,
            "submission_count": found["evidence_details"]["submission_count"] + 1,
        }
        found["status"] = before.replace("needs_response", "under_review")
        self.emit("charge.dispute.updated", found, {"status": before})

    def _accept_dispute(self, call: Call) -> Object:
        found = self.find_dispute(call.path["dispute"])
        if found["status"] != "needs_response":
            raise Refused("This dispute is already closed.", code="dispute_closed")
        return self.close_dispute(found["id"], won=False)

    # What follows.

    def _make_dispute(
        self, payment_intent: str, amount: int | None, status: str, reason: str
    ) -> Object:
        charge = self.charge_of(payment_intent)
        assert charge["paid"], "only a paid charge is disputed"
        made = self.make("dispute", "du", {
            "amount": charge["amount"] if amount is None else amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "currency": charge["currency"],
            "is_charge_refundable": status in INQUIRY,
            "payment_intent": payment_intent,
            "reason": reason,
            "status": status,
        })  # fmt: skip
        made["evidence_details"] |= {"due_by": int(self.now()) + ANSWER_SECONDS}
        if status not in INQUIRY:
            self._mark_disputed(made)
        return made

    def _mark_disputed(self, dispute: Object) -> None:
        charge = self.find(dispute["charge"], "charge")
        charge["disputed"] = True
        self.close_warnings(charge)

    def _withdraw(self, dispute: Object, fee: int | None = None) -> None:
        booked = self.book(
            "disputes",
            self.find(dispute["charge"], "charge"),
            -dispute["amount"],
            source=dispute["id"],
            transaction="adjustment",
            fee=self.pricing.dispute_minor if fee is None else fee,
        )
        dispute["balance_transactions"].append(booked)
        self.emit("charge.dispute.funds_withdrawn", dispute)

    def _require_refundable(self, charge: Object) -> None:
        super()._require_refundable(charge)
        for each in self.all("dispute", charge=charge["id"]):
            is_against = each["status"] in ("needs_response", "under_review", "lost", "prevented")
            if is_against and not each["is_charge_refundable"]:
                raise Refused(
                    f"The charge {charge['id']} has been charged back; cannot issue a refund.",
                    code="charge_disputed",
                )

    def close_warnings(self, charge: Object) -> None:
        super().close_warnings(charge)
        for each in self.all("radar.early_fraud_warning", charge=charge["id"], actionable=True):
            each["actionable"] = False
            self.emit("radar.early_fraud_warning.updated", each, {"actionable": True})
