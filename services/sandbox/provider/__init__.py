"""A payment provider to practise with; its money does not exist."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar, cast
from uuid import uuid4

from services.sandbox.provider.accounts import Accounts
from services.sandbox.provider.payments import Payment, Status
from shared.errors import Kind, Refusal
from shared.idempotency import KeyReused

SUCCESS_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
SLOW_CARD = "4000000000003220"
GERMAN_CARD = "4000002760000016"
DISPUTED_CARD = "4000000000000259"
PENDING_REFUND_CARD = "4000000000007726"
FAILING_REFUND_CARD = "4000000000005126"
# Cards that pay, and the country that issued them.
CARD_COUNTRIES = {
    SUCCESS_CARD: "US",
    SLOW_CARD: "US",
    GERMAN_CARD: "DE",
    DISPUTED_CARD: "US",
    PENDING_REFUND_CARD: "US",
    FAILING_REFUND_CARD: "US",
}
SLOW_CARD_SECONDS = 3.0
# Long enough to spend the coins first.
DISPUTE_AFTER_SECONDS = 3.0
REFUND_SECONDS = 3.0
# How long the bank takes evidence.
EVIDENCE_TIME = timedelta(days=7)
TRANSFER_SECONDS = 0.2
RETURN_AFTER_SECONDS = 0.5
# Destinations with a behaviour of their own; any other is as good as acct_ok.
FAILING, RETURNING, UNANSWERED = "acct_fail", "acct_return", "acct_timeout"
# Half of the money comes back.
HALVING = "acct_half"

__all__ = ["Payment", "Provider", "Status"]

Made = TypeVar("Made")
Publish: TypeAlias = Callable[[str, dict[str, Any]], None]


class NotFound(Refusal):
    """The provider knows nothing of this."""

    kind = Kind.NOT_FOUND


class AlreadyPaid(Refusal):
    """This payment has been made and can no longer be cancelled."""

    kind = Kind.CONFLICT


class NotPayable(Refusal):
    """This payment can no longer be made."""

    kind = Kind.CONFLICT


class UnknownCard(Refusal):
    """The sandbox takes its test cards only."""

    kind = Kind.INVALID


class RefundTooLarge(Refusal):
    """More cannot be refunded than was paid."""

    kind = Kind.INVALID


class NotDisputable(Refusal):
    """Only what was paid can be disputed, and no more of it than that."""

    kind = Kind.INVALID


class DisputeDecided(Refusal):
    """The bank has decided this dispute."""

    kind = Kind.CONFLICT


class RefundDecided(Refusal):
    """This refund has failed: its money is back."""

    kind = Kind.CONFLICT


@dataclass(slots=True)
class Transfer:
    """Money on its way to a destination."""

    amount_minor: int
    currency: str
    destination: str
    reference: str
    id: str
    created_at: datetime
    status: str = "submitted"
    reason: str | None = None
    # What came back of it, in all.
    returned_minor: int = 0

    def shown(self) -> dict[str, Any]:
        return {**asdict(self), "created_at": self.created_at.isoformat()}


class Provider:
    """Everything the sandbox remembers until it is restarted."""

    def __init__(self, *, public_url: str, publish: Publish) -> None:
        self._public_url = public_url
        self._publish = publish
        self.accounts = Accounts(public_url=public_url, publish=publish)
        self._payments: dict[str, Payment] = {}
        self._transfers: dict[str, Transfer] = {}
        self._by_reference: dict[tuple[str, str], list[Any]] = {}
        self._disputes: dict[str, tuple[Payment, dict[str, Any]]] = {}
        self._refunds: dict[str, tuple[Payment, dict[str, Any]]] = {}
        # Idempotency keys: what was asked, and what it became.
        self._keys: dict[tuple[str, str], tuple[object, Any]] = {}
        self._later: set[asyncio.Task[None]] = set()

    def create_payment(
        self,
        *,
        key: str,
        amount_minor: int,
        currency: str,
        reference: str,
        description: str | None = None,
        return_url: str | None = None,
    ) -> Payment:
        asked = (amount_minor, currency, reference, description, return_url)

        def make() -> Payment:
            identifier = f"pay_{uuid4().hex}"
            payment = Payment(
                amount_minor=amount_minor,
                currency=currency,
                reference=reference,
                description=description or "",
                return_url=return_url,
                pay_url=f"{self._public_url}/pay/{identifier}",
                id=identifier,
                created_at=datetime.now(UTC),
            )
            self._payments[identifier] = payment
            self._by_reference.setdefault(("payments", reference), []).append(payment)
            return payment

        return self._once("payment", key, asked, make)

    def create_transfer(
        self, *, key: str, amount_minor: int, currency: str, destination: str, reference: str
    ) -> Transfer:
        asked = (amount_minor, currency, destination, reference)

        def make() -> Transfer:
            self.accounts.require_payable(destination)
            transfer = Transfer(
                amount_minor=amount_minor,
                currency=currency,
                destination=destination,
                reference=reference,
                id=f"tr_{uuid4().hex}",
                created_at=datetime.now(UTC),
            )
            self._transfers[transfer.id] = transfer
            self._by_reference.setdefault(("transfers", reference), []).append(transfer)
            self._do_later(TRANSFER_SECONDS, lambda: self._finish(transfer))
            return transfer

        return self._once("transfer", key, asked, make)

    def payment(self, identifier: str) -> Payment:
        if identifier not in self._payments:
            raise NotFound
        return self._payments[identifier]

    def transfer(self, identifier: str) -> Transfer:
        if identifier not in self._transfers:
            raise NotFound
        return self._transfers[identifier]

    def payments_of(self, reference: str) -> list[Payment]:
        return self._by_reference.get(("payments", reference), [])

    def transfers_of(self, reference: str) -> list[Transfer]:
        return self._by_reference.get(("transfers", reference), [])

    def pay(self, payment: Payment, card: str) -> None:
        """
        Pay with a test card; a payment that failed may be tried again.

        What follows a dash makes it a card of its own that behaves the same: two payments with
        `4242424242424242-mira` have one fingerprint. Without it the card is anybody's.
        """
        if payment.status not in (Status.OPEN, Status.FAILED):
            raise NotPayable(status=payment.status.value)
        number, _, owner = card.partition("-")
        fingerprint = hashlib.sha256(card.encode()).hexdigest() if owner else None
        payment.fingerprint, card = fingerprint, number
        payment.card_country = CARD_COUNTRIES.get(card)
        if card == DECLINED_CARD:
            payment.status, payment.failure_reason = Status.FAILED, "card_declined"
            self._publish_change("payment.failed", payment)
        elif card == SLOW_CARD:
            payment.status = Status.PROCESSING
            self._publish_change("payment.processing", payment)
            self._do_later(SLOW_CARD_SECONDS, lambda: self._succeed(payment))
        elif card in CARD_COUNTRIES:
            payment.card = card
            self._succeed(payment)
        else:
            raise UnknownCard
        if card == DISPUTED_CARD:
            self._do_later(DISPUTE_AFTER_SECONDS, lambda: self.dispute(payment, "fraudulent"))

    def cancel(self, payment: Payment) -> Payment:
        if payment.status in (Status.SUCCEEDED, Status.PROCESSING):
            raise AlreadyPaid(payment=payment.shown())
        if payment.status is not Status.CANCELLED:
            payment.status = Status.CANCELLED
            self._publish_change("payment.cancelled", payment)
        return payment

    def refund(
        self, payment: Payment, *, key: str, amount_minor: int, reference: str | None = None
    ) -> dict[str, Any]:
        """
        Give money back; `reference` is the shop's name of the refund, else its key.

        Some cards take their time, and some send the money back again.
        """

        def make() -> dict[str, Any]:
            if amount_minor > payment.refundable_minor:
                raise RefundTooLarge(refundable_minor=payment.refundable_minor)
            made: dict[str, Any] = {
                "id": f"re_{uuid4().hex}",
                "payment": payment.id,
                # Of the payment, as in every event.
                "reference": payment.reference,
                "refund_reference": reference or key,
                "amount_minor": amount_minor,
                "currency": payment.currency,
                "status": "pending" if payment.card == PENDING_REFUND_CARD else "succeeded",
            }
            payment.refunds.append(made)
            self._refunds[made["id"]] = (payment, made)
            self._publish_change(f"refund.{made['status']}", payment, about=made)
            if payment.card in (PENDING_REFUND_CARD, FAILING_REFUND_CARD):
                succeeds = payment.card == PENDING_REFUND_CARD
                self._do_later(
                    REFUND_SECONDS, lambda: self.close_refund(made["id"], succeeded=succeeds)
                )
            return made

        return self._once("refund", key, (payment.id, amount_minor), make)

    def close_refund(self, identifier: str, *, succeeded: bool) -> dict[str, Any]:
        """Let the card's bank take the money, or send it back, even long after it took it."""
        if identifier not in self._refunds:
            raise NotFound
        payment, refund = self._refunds[identifier]
        decision = "succeeded" if succeeded else "failed"
        if refund["status"] == "failed" and succeeded:
            raise RefundDecided(refund=refund)
        if refund["status"] != decision:
            refund["status"] = decision
            self._publish_change(f"refund.{decision}", payment, about=refund)
        return refund

    def dispute(
        self, payment: Payment, reason: str, amount_minor: int | None = None
    ) -> dict[str, Any]:
        """Let the cardholder ask the bank for the money back."""
        disputed_minor = payment.amount_minor if amount_minor is None else amount_minor
        if payment.status is not Status.SUCCEEDED or disputed_minor > payment.amount_minor:
            raise NotDisputable(status=payment.status.value, amount_minor=payment.amount_minor)
        dispute: dict[str, Any] = {
            "id": f"dp_{uuid4().hex}",
            "payment": payment.id,
            "status": "open",
            "reason": reason,
            "amount_minor": disputed_minor,
            "currency": payment.currency,
            "evidence_due_at": (datetime.now(UTC) + EVIDENCE_TIME).isoformat(),
            "evidence_submitted": False,
        }
        payment.disputes.append(dispute)
        self._disputes[dispute["id"]] = (payment, dispute)
        self._publish_change("payment.disputed", payment)
        return dispute

    def submit_evidence(self, identifier: str) -> dict[str, Any]:
        """Hand evidence in while the bank has not decided; once more changes nothing."""
        payment, dispute = self._dispute(identifier)
        if dispute["status"] != "open":
            raise DisputeDecided(dispute=dispute)
        if not dispute["evidence_submitted"]:
            dispute["evidence_submitted"] = True
            self._publish_change("payment.dispute_updated", payment)
        return dispute

    def warn(self, payment: Payment, reason: str) -> dict[str, Any]:
        """Let the card's network suspect fraud."""
        warning = {"id": f"ew_{uuid4().hex}", "reason": reason}
        payment.warnings.append(warning)
        self._publish_change("payment.flagged", payment)
        return warning

    def close_dispute(self, identifier: str, *, won: bool) -> dict[str, Any]:
        """Let the bank decide, once: the same decision again changes nothing."""
        payment, dispute = self._dispute(identifier)
        decision = "won" if won else "lost"
        if dispute["status"] == "open":
            dispute["status"] = decision
            self._publish_change("payment.dispute_closed", payment)
        elif dispute["status"] != decision:
            raise DisputeDecided(dispute=dispute)
        return dispute

    def _dispute(self, identifier: str) -> tuple[Payment, dict[str, Any]]:
        if identifier not in self._disputes:
            raise NotFound
        return self._disputes[identifier]

    def _publish_change(
        self, kind: str, payment: Payment, *, about: dict[str, Any] | None = None
    ) -> None:
        """Count and publish a change of a payment, or of something `about` it."""
        payment.sequence += 1
        self._publish(kind, payment.shown() if about is None else about)

    def _succeed(self, payment: Payment) -> None:
        payment.status, payment.failure_reason = Status.SUCCEEDED, None
        payment.paid_at = datetime.now(UTC)
        self._publish_change("payment.succeeded", payment)

    def _finish(self, transfer: Transfer) -> None:
        if transfer.destination.startswith(FAILING):
            transfer.status, transfer.reason = "failed", "account_closed"
        else:
            transfer.status = "paid"
        self._publish(f"transfer.{transfer.status}", transfer.shown())
        if transfer.destination.startswith(RETURNING):
            self._do_later(RETURN_AFTER_SECONDS, lambda: self._return(transfer))
        if transfer.destination.startswith(HALVING):
            self._do_later(RETURN_AFTER_SECONDS, lambda: self._return_half(transfer))

    def _return(self, transfer: Transfer) -> None:
        transfer.status, transfer.reason = "returned", "account_refused"
        transfer.returned_minor = transfer.amount_minor
        self._publish("transfer.returned", transfer.shown())

    def _return_half(self, transfer: Transfer) -> None:
        transfer.reason, transfer.returned_minor = "reversed", transfer.amount_minor // 2
        self._publish("transfer.reversed", transfer.shown())

    def _once(self, what: str, key: str, asked: object, make: Callable[[], Made]) -> Made:
        """Make something under a key, or return what was made under it before."""
        if (what, key) in self._keys:
            before, known = self._keys[what, key]
            if before != asked:
                raise KeyReused
            return cast("Made", known)
        made = make()
        self._keys[what, key] = (asked, made)
        return made

    def _do_later(self, seconds: float, action: Callable[[], object]) -> None:
        async def later() -> None:
            await asyncio.sleep(seconds)
            action()

        task = asyncio.create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)
