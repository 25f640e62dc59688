"""The entries of each step of a purchase; the reference of an entry makes it happen once."""

from collections.abc import Sequence
from dataclasses import replace

from services.purchase.commands.books import Entry
from services.purchase.domain import books
from services.purchase.domain.answers import AppliedAnswer
from services.purchase.domain.purchases import Allocation, Payment, Purchase
from services.purchase.domain.refunds import Refund, RefundState


def refund_entries(changed: Sequence[tuple[Refund, Refund]]) -> list[Entry]:
    """Money that went back because we asked for it, and money of that which came back to us."""
    entries = []
    for before, after in changed:
        was_made, is_made = (each.state is RefundState.REFUNDED for each in (before, after))
        if is_made and not was_made:
            legs = books.refunded(after.amount_minor)
            entries.append(Entry(f"refund:{after.id}", "refund", legs, after.currency))
        elif was_made and not is_made:
            legs = books.refund_failed(after.amount_minor)
            reference = f"refund-failed:{after.id}"
            entries.append(Entry(reference, "refund_failed", legs, after.currency))
    return entries


def payment_entries(
    purchase: Purchase,
    payment: Payment,
    allocation: Allocation | None,
    applied: AppliedAnswer,
    *,
    is_new: bool,
    given_back_minor: int,
) -> tuple[list[Entry], AppliedAnswer]:
    """Return what a payment's newest answer changes in the books, and that it was applied."""
    entries, fee_minor = [], applied.fee_minor
    if allocation is not None:
        if is_new:
            legs = books.received(payment, allocation)
            entries.append(Entry(f"received:{payment.id}", "sale", legs, payment.currency))
            fee_minor = payment.fee_minor
        assert fee_minor is not None, f"{payment.id} was booked without its fee"
        given_back = books.given_back(
            allocation,
            payment.amount_minor,
            before_minor=applied.given_back_minor,
            now_minor=given_back_minor,
        )
        fee = books.fee_changed(fee_minor, payment.fee_minor)
        about = f"{purchase.id}:{payment.id}:{applied.entries + 1}"
        entries.append(Entry(f"given-back:{about}", "dispute", given_back, payment.currency))
        entries.append(Entry(f"fee:{about}", "fee", fee, payment.currency))
        fee_minor = payment.fee_minor
    entries = [entry for entry in entries if entry.postings]
    return entries, replace(
        applied,
        sequence=payment.sequence,
        asked_at=payment.asked_at,
        answered_at=payment.answered_at,
        fee_minor=fee_minor,
        given_back_minor=given_back_minor,
        entries=applied.entries + len(entries),
    )
