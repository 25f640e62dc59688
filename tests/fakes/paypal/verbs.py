"""What happens at PayPal besides our calls: payers, banks and the dashboard, as verbs."""

from collections.abc import Mapping
from decimal import Decimal

from tests.fakes.base import Fake, Line
from tests.fakes.currencies import digits
from tests.fakes.paypal.contract import contract
from tests.fakes.paypal.objects import LOST, Capture, Dispute, Order, Refund, moment, rounded
from tests.fakes.schemas import Json

FEE_RATE = Decimal("0.0349")
FEE_FIXED = Decimal("0.49")
COMPLETED, DECLINED, PENDING = "COMPLETED", "DECLINED", "PENDING"

_PENDING_REASONS = frozenset(
    {
        "ECHECK",
        "PENDING_REVIEW",
        "UNILATERAL",
        "RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION",
        "INTERNATIONAL_WITHDRAWAL",
        "TRANSACTION_APPROVED_AWAITING_FUNDING",
        "VERIFICATION_REQUIRED",
        "BUYER_COMPLAINT",
        "CHARGEBACK",
        "OTHER",
    }
)
_SCHEMAS = {
    "checkout-order": "orders.order",
    "capture": "payments.capture-2",
    "refund": "payments.refund",
    "dispute": "disputes.dispute",
    "payouts": "payouts.payout_batch",
    "payouts_item": "payouts.payout_item-2",
}
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Refused(Exception):
    """PayPal says no: with which status, and which issue of its document."""

    def __init__(self, status: int, issue: str | None) -> None:
        super().__init__(issue)
        self.status = status
        self.issue = issue


class PayPalVerbs(Fake):
    """The state of a merchant's account, and what changes it."""

    verbs = Fake.verbs | {
        *("approve", "decline", "hold", "complete_capture", "deny_capture"),
        *("hold_refund", "refund_by_dashboard", "complete_refund", "fail_refund", "cancel_refund"),
        *("dispute", "escalate", "close_dispute", "resend"),
    }

    def __init__(self, *, holds: tuple[str, ...], rates: Mapping[str, Decimal], seed: int) -> None:
        super().__init__(contract(), seed=seed)
        self.holds = holds
        self.rates = rates
        self.orders: dict[str, Order] = {}
        self.captures: dict[str, Capture] = {}
        self.refunds: dict[str, Refund] = {}
        self.disputes: dict[str, Dispute] = {}
        # Each event with the id of its transaction.
        self.events: dict[str, tuple[Json, str]] = {}
        self._refund_statuses: list[str] = []

    # The payer.

    def approve(self, order_id: str) -> None:
        """Approve an order; the money moves when it is captured."""
        order = self.orders[order_id]
        assert order.status in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED"), order.status
        order.status, order.outcome, order.updated = "APPROVED", COMPLETED, self.now()
        self._tell("CHECKOUT.ORDER.APPROVED", "checkout-order", order.show(self.url), order.id)

    def decline(self, order_id: str, issue: str = "INSTRUMENT_DECLINED") -> None:
        """Let the next capture be refused with this issue, or be DECLINED."""
        self.orders[order_id].outcome = issue

    def hold(self, order_id: str, reason: str = "PENDING_REVIEW") -> None:
        """Let the next capture be PENDING, until `complete_capture` or `deny_capture`."""
        assert reason in _PENDING_REASONS, reason
        self.orders[order_id].outcome = reason

    # Captures.

    def capture(self, order: Order) -> Capture:
        """Take the money of an approved order, or what else was chosen for it."""
        outcome, order.outcome = order.outcome, COMPLETED
        is_pending = outcome in _PENDING_REASONS
        invoice = order.unit.get("invoice_id")
        if invoice and any(each.invoice_id == invoice for each in self.captures.values()):
            raise Refused(422, "DUPLICATE_INVOICE_ID")
        if not is_pending and outcome not in (COMPLETED, DECLINED):
            order.status = "PAYER_ACTION_REQUIRED" if order.source is not None else "CREATED"
            raise Refused(422, outcome)
        capture = Capture(
            id=self.new_id(),
            order=order.id,
            amount_minor=order.amount_minor,
            currency=order.currency,
            status=PENDING if is_pending else outcome,
            reason=outcome if is_pending else None,
            created=self.now(),
            updated=self.now(),
            custom_id=order.unit.get("custom_id"),
            invoice_id=invoice,
        )
        self.captures[capture.id] = capture
        order.captures.append(capture)
        order.status, order.updated = COMPLETED, self.now()
        if capture.status == COMPLETED:
            self._book(capture)
            self._tell_capture("PAYMENT.CAPTURE.COMPLETED", capture)
            self._tell("CHECKOUT.ORDER.COMPLETED", "checkout-order", order.show(self.url), order.id)
        else:
            self._tell_capture(f"PAYMENT.CAPTURE.{capture.status}", capture)
        return capture

    def complete_capture(self, capture_id: str) -> None:
        """Let a pending capture arrive."""
        capture = self._pending(capture_id)
        capture.status, capture.reason = COMPLETED, None
        self._book(capture)
        self._tell_capture("PAYMENT.CAPTURE.COMPLETED", capture)

    def deny_capture(self, capture_id: str) -> None:
        """Let a pending capture never arrive."""
        capture = self._pending(capture_id)
        capture.status, capture.reason = DECLINED, None
        self._tell_capture("PAYMENT.CAPTURE.DENIED", capture)

    def _pending(self, capture_id: str) -> Capture:
        capture = self.captures[capture_id]
        assert capture.status == PENDING, capture.status
        capture.updated = self.now()
        return capture

    def _book(self, capture: Capture) -> None:
        """Settle a capture: what comes in a currency that the account keeps, or is converted."""
        currency = capture.currency
        fixed = rounded(FEE_FIXED.scaleb(digits(currency)), currency)
        fee = min(capture.amount_minor, rounded(capture.amount_minor * FEE_RATE, currency) + fixed)
        capture.fee_minor = fee
        if currency in self.holds:
            capture.receivable_currency = currency
            capture.receivable_fee_minor = fee
            capture.receivable_net_minor = capture.amount_minor - fee
        else:
            capture.rate = self.rates[currency]
            capture.receivable_currency = self.holds[0]
            capture.receivable_fee_minor = self._converted(capture, fee)
            capture.receivable_net_minor = self._converted(capture, capture.amount_minor - fee)
        gross = capture.receivable_net_minor + capture.receivable_fee_minor
        self._move("payments", capture, gross, capture.amount_minor)
        self._move("fees", capture, -capture.receivable_fee_minor)

    def _converted(self, capture: Capture, minor: int) -> int:
        """Convert what is in the currency of a capture to that of the account, in minor units."""
        if capture.rate is None:
            return minor
        shift = digits(capture.receivable_currency) - digits(capture.currency)
        return rounded((minor * capture.rate).scaleb(shift), capture.receivable_currency)

    def _move(self, kind: str, capture: Capture, minor: int, charged_minor: int = 0) -> None:
        """Note a change of the account's balance, and what it is for the payer."""
        if minor:
            charged = (capture.currency, charged_minor) if charged_minor else ("", 0)
            line = Line(kind, capture.id, capture.receivable_currency, minor, *charged)
            self.lines.append(line)

    # Refunds.

    def hold_refund(self) -> None:
        """Let the next refund be PENDING, until it is completed, fails or is cancelled."""
        self._refund_statuses.append(PENDING)

    def refund_by_dashboard(self, capture_id: str, amount_minor: int | None = None) -> str:
        """Refund by hand, at PayPal's own page; return the refund's id."""
        capture = self.captures[capture_id]
        left = capture.amount_minor - capture.refunded_minor
        return self.refund(capture, left if amount_minor is None else amount_minor).id

    def refund(
        self,
        capture: Capture,
        amount_minor: int,
        *,
        custom_id: str | None = None,
        note: str | None = None,
    ) -> Refund:
        """Give money back, or refuse it as the document says."""
        left = capture.amount_minor - capture.refunded_minor
        self._check_refund(capture, amount_minor, left)
        refund = Refund(
            id=self.new_id(),
            capture=capture.id,
            amount_minor=amount_minor,
            currency=capture.currency,
            receivable_minor=self._converted(capture, amount_minor),
            receivable_currency=capture.receivable_currency,
            status=self._refund_statuses.pop(0) if self._refund_statuses else COMPLETED,
            created=self.now(),
            updated=self.now(),
            custom_id=custom_id,
            note=note,
            total_minor=capture.refunded_minor + amount_minor,
        )
        self.refunds[refund.id] = refund
        capture.refunds.append(refund)
        self._move("refunds", capture, -refund.receivable_minor, -amount_minor)
        self._restate(capture)
        kind = (
            "PAYMENT.CAPTURE.REFUNDED" if refund.status == COMPLETED else "PAYMENT.REFUND.PENDING"
        )
        self._tell_refund(kind, refund)
        if refund.status == COMPLETED and not capture.amount_minor - capture.refunded_minor:
            for dispute in self._open_disputes(capture):
                self._resolve(dispute, "RESOLVED_BUYER_FAVOUR")
        return refund

    def _check_refund(self, capture: Capture, amount_minor: int, left: int) -> None:
        if capture.status == PENDING:
            raise Refused(422, "PENDING_CAPTURE")
        if capture.status in (DECLINED, "FAILED"):
            raise Refused(422, "REFUND_NOT_ALLOWED")
        if self.now() - capture.created > 180 * 86_400:
            raise Refused(422, "REFUND_TIME_LIMIT_EXCEEDED")
        if not left:
            raise Refused(422, "CAPTURE_FULLY_REFUNDED")
        if any(each.stage != "INQUIRY" for each in self._open_disputes(capture)):
            raise Refused(422, "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")
        if any(each.capture is capture and each.outcome in LOST for each in self.disputes.values()):
            raise Refused(422, "REFUND_NOT_ALLOWED")
        if amount_minor > left:
            raise Refused(422, "REFUND_AMOUNT_EXCEEDED")
        if amount_minor < left and self._open_disputes(capture):
            raise Refused(422, "TRANSACTION_DISPUTED")

    def complete_refund(self, refund_id: str) -> None:
        """Let a pending refund reach the payer."""
        refund = self.refunds[refund_id]
        assert refund.status == PENDING, refund.status
        refund.status, refund.updated = COMPLETED, self.now()
        self._restate(self.captures[refund.capture])
        self._tell_refund("PAYMENT.CAPTURE.REFUNDED", refund)

    def fail_refund(self, refund_id: str) -> None:
        """Let a refund fail, however long ago it was: its money is ours again."""
        self._return(self.refunds[refund_id], "FAILED")

    def cancel_refund(self, refund_id: str) -> None:
        """Cancel a refund: its money is ours again."""
        self._return(self.refunds[refund_id], "CANCELLED")

    def _return(self, refund: Refund, status: str) -> None:
        assert refund.status in (PENDING, COMPLETED), refund.status
        refund.status, refund.updated = status, self.now()
        capture = self.captures[refund.capture]
        self._move("refund_failures", capture, refund.receivable_minor, refund.amount_minor)
        self._restate(capture)
        self._tell_refund("PAYMENT.REFUND.FAILED", refund)

    def _restate(self, capture: Capture) -> None:
        done = sum(each.amount_minor for each in capture.refunds if each.status == COMPLETED)
        capture.updated = self.now()
        if not done:
            capture.status = COMPLETED
        else:
            capture.status = "REFUNDED" if done == capture.amount_minor else "PARTIALLY_REFUNDED"

    # Disputes.

    def dispute(
        self,
        capture_id: str,
        amount_minor: int | None = None,
        *,
        stage: str = "CHARGEBACK",
        reason: str = "UNAUTHORISED",
        fee_minor: int = 0,
    ) -> str:
        """
        Complain about a capture; return the dispute's id.

        A CHARGEBACK takes the money, and the fee, at once; an INQUIRY takes nothing.
        """
        assert stage in ("INQUIRY", "CHARGEBACK"), stage
        capture = self.captures[capture_id]
        dispute = Dispute(
            id=f"PP-D-{self.random.randint(10_000, 99_999)}-{len(self.disputes)}",
            capture=capture,
            amount_minor=capture.amount_minor if amount_minor is None else amount_minor,
            reason=reason,
            channel="INTERNAL" if stage == "INQUIRY" else "EXTERNAL",
            created=self.now(),
            updated=self.now(),
        )
        self.disputes[dispute.id] = dispute
        if stage == "CHARGEBACK":
            self._charge_back(dispute, fee_minor)
        self._tell_dispute("CUSTOMER.DISPUTE.CREATED", dispute)
        return dispute.id

    def escalate(self, dispute_id: str, fee_minor: int = 0) -> None:
        """Turn an inquiry into a chargeback."""
        dispute = self.disputes[dispute_id]
        assert dispute.stage == "INQUIRY", dispute.stage
        assert dispute.outcome is None, dispute.outcome
        self._charge_back(dispute, fee_minor)
        self._tell_dispute("CUSTOMER.DISPUTE.UPDATED", dispute)

    def close_dispute(self, dispute_id: str, *, won: bool, outcome: str | None = None) -> None:
        """Decide a dispute: for the merchant, or for the payer."""
        chosen = outcome or ("RESOLVED_SELLER_FAVOUR" if won else "RESOLVED_BUYER_FAVOUR")
        assert (chosen not in LOST) is won, chosen
        dispute = self.disputes[dispute_id]
        assert dispute.outcome is None, dispute.outcome
        if dispute.stage == "INQUIRY" and not won:
            self._charge_back(dispute, 0)
        elif dispute.stage != "INQUIRY" and won:
            self._move_dispute(dispute, "CREDIT", "DISPUTE_SETTLEMENT", self._disputed(dispute))
        self._resolve(dispute, chosen)

    def _charge_back(self, dispute: Dispute, fee_minor: int) -> None:
        dispute.stage = "CHARGEBACK"
        dispute.ask(self.now())
        self._move_dispute(dispute, "DEBIT", "DISPUTE_SETTLEMENT", self._disputed(dispute))
        self._move_dispute(dispute, "DEBIT", "CHARGEBACK_FEE", fee_minor)

    def _disputed(self, dispute: Dispute) -> int:
        return self._converted(dispute.capture, dispute.amount_minor)

    def _move_dispute(self, dispute: Dispute, kind: str, reason: str, minor: int) -> None:
        if minor:
            dispute.entries.append((kind, reason, minor, self.now()))
            if reason == "CHARGEBACK_FEE":
                self._move("fees", dispute.capture, -minor)
            elif kind == "DEBIT":
                self._move("disputes", dispute.capture, -minor, -dispute.amount_minor)
            else:
                self._move("dispute_reversals", dispute.capture, minor, dispute.amount_minor)

    def _resolve(self, dispute: Dispute, outcome: str) -> None:
        dispute.outcome, dispute.status, dispute.updated = outcome, "RESOLVED", self.now()
        self._tell_dispute("CUSTOMER.DISPUTE.RESOLVED", dispute)

    def _open_disputes(self, capture: Capture) -> list[Dispute]:
        every = self.disputes.values()
        return [each for each in every if each.capture is capture and each.outcome is None]

    # Webhooks.

    def resend(self, event_id: str, webhook_ids: list[str] | None = None) -> None:
        """Send an event again, to all webhooks or to these."""
        self.webhooks.send_again(event_id, webhook_ids)

    def new_id(self) -> str:
        """Make an id as PayPal's are: 17 capital letters and digits."""
        return "".join(self.random.choice(_ALPHABET) for _ in range(17))

    def _tell_capture(self, kind: str, capture: Capture) -> None:
        self._tell(kind, "capture", capture.show(self.url, is_alone=True), capture.id)

    def _tell_refund(self, kind: str, refund: Refund) -> None:
        self._tell(kind, "refund", refund.show(self.url), refund.capture)

    def _tell_dispute(self, kind: str, dispute: Dispute) -> None:
        dispute.updated = self.now()
        self._tell(kind, "dispute", dispute.show(self.url), dispute.capture.id)

    def _tell(self, kind: str, resource: str, body: Json, payment: str) -> None:
        identifier = f"WH{self.new_id()}"
        version = "2.0" if resource in ("checkout-order", "capture", "refund") else "1.0"
        event = {
            "id": identifier,
            "create_time": moment(self.now()),
            "resource_type": resource,
            "event_version": "1.0",
            "event_type": kind,
            "summary": kind.replace(".", " ").capitalize(),
            "resource_version": version,
            "resource": body,
            "links": [
                {
                    "href": f"{self.url}/v1/notifications/webhooks-events/{identifier}",
                    "rel": "self",
                    "method": "GET",
                }
            ],
        }
        self.events[identifier] = (event, payment)
        where = f"webhook {kind}"
        self.violations += self.contract.judge_object(_SCHEMAS[resource], body, where=where)
        self.publish(identifier, kind, event, schema="webhooks.event")
