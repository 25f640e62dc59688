"""The entries of each step of a purchase; the reference of an entry makes it happen once."""

from collections.abc import Sequence
from dataclasses import replace

from services.purchase.commands.books import Entry
from services.purchase.domain import books
from services.purchase.domain.answers import AppliedAnswer
from services.purchase.domain.purchases import Allocation, Payment, Purchase, Settlement
from services.purchase.domain.refunds import Refund, RefundState
from services.purchase.domain.taxes import tax_of_loss


def refund_entries(purchase: Purchase, changed: Sequence[tuple[Refund, Refund]]) -> list[Entry]:
    """Money that went back because we asked for it, and money of that which came back to us."""
    entries = []
    for before, after in changed:
        was_made, is_made = (each.state is RefundState.REFUNDED for each in (before, after))
        if is_made and not was_made:
            legs = books.refunded(purchase, after.amount_minor, after.tax_minor)
            entries.append(Entry(f"refund:{after.id}", "refund", legs, after.currency))
        elif was_made and not is_made:
            legs = books.refund_failed(purchase, after.amount_minor, after.tax_minor)
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
    refunded_minor: int,
) -> tuple[list[Entry], AppliedAnswer]:
    """
    Return what a payment's newest answer changes in the books, and that it was applied.

    `given_back_minor` is what went back of it without us, `refunded_minor` what went by our own
    refunds.
    """
    entries, fee_minor = [], applied.fee_minor
    if allocation is not None:
        if is_new:
            legs = books.received(purchase, payment, allocation)
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
        left_minor = payment.amount_minor - fee_minor - given_back_minor - refunded_minor
        settlement, applied = _settlement_entries(payment, applied, left_minor, about)
        entries += settlement
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


def lost_tax_entries(
    purchase: Purchase, applied: AppliedAnswer, *, refunded_tax_minor: int
) -> tuple[list[Entry], AppliedAnswer]:
    """Return what tax is not owed any more of money that went back without us."""
    now_minor = tax_of_loss(
        purchase.tax_minor,
        purchase.amount_minor,
        lost_minor=applied.given_back_minor,
        refunded_tax_minor=refunded_tax_minor,
    )
    if now_minor == applied.given_back_tax_minor:
        return [], applied
    legs = books.tax_lost(purchase, before_minor=applied.given_back_tax_minor, now_minor=now_minor)
    reference = f"tax:{purchase.id}:{applied.payment}:{applied.entries + 1}"
    applied = replace(applied, given_back_tax_minor=now_minor, entries=applied.entries + 1)
    return [Entry(reference, "tax", legs, purchase.currency)], applied


def _settlement_entries(
    payment: Payment, applied: AppliedAnswer, left_minor: int, about: str
) -> tuple[list[Entry], AppliedAnswer]:
    """
    Return what the provider's settlements change in the books, and that they were applied.

    `left_minor` is what is left of the payment in its own currency: all of that was exchanged. Of a
    currency that the provider does not name any more the balance is none.
    """
    if not payment.settlements:
        return [], applied
    before = {each.currency: each for each in applied.settlements}
    now = {each.currency: each for each in payment.settlements}
    exchanged = books.exchanged(applied.exchanged_minor, left_minor)
    entries = [Entry(f"exchanged:{about}", "exchange", exchanged, payment.currency)]
    for currency in sorted(before.keys() | now.keys()):
        nothing = Settlement(currency, 0, 0)
        legs = books.settlement_changed(before.get(currency, nothing), now.get(currency, nothing))
        entries.append(Entry(f"settlement:{about}:{currency}", "settlement", legs, currency))
    settlements = tuple(now[currency] for currency in sorted(now))
    return entries, replace(applied, settlements=settlements, exchanged_minor=left_minor)
