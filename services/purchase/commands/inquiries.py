"""Asking the provider for the truth, and settling purchases by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from services.purchase.commands.books import Entry, post
from services.purchase.commands.facts import facts_of
from services.purchase.domain import money as books
from services.purchase.domain import settlement
from services.purchase.domain.purchases import (
    Dispute,
    NoPayment,
    Notification,
    Payment,
    Purchase,
    Standing,
    Truth,
)
from services.purchase.domain.settlement import Settlement
from services.purchase.providers import PaymentRefused, Provider, ProviderSilent
from services.purchase.store import money, notifications, purchases, refunds
from shared.contracts.envelope import Cause
from shared.database import Transaction
from shared.messaging.chronicle import announce

log = structlog.get_logger()

CLAIMED_MAX = 100
# Whoever records something asks the provider at once; the janitor leaves them this long.
REQUEST_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Inquiry:
    """
    Something to ask the provider about: outside any transaction, and then settled in one.

    A notification may speak of another payment than the purchase knows.
    """

    purchase: Purchase
    notification: Notification | None = None


async def ask(provider: Provider, inquiry: Inquiry) -> Truth | None:
    """
    Ask the provider for the truth, and cancel there what is no longer wanted.

    Never inside a transaction: a slow provider would hold its locks. None means that there is
    nothing to act on yet; the janitor asks again.
    """
    purchase, now = inquiry.purchase, datetime.now(UTC)
    try:
        truth = await _look_up(provider, inquiry, now)
        if isinstance(truth, Payment) and truth.reference != str(purchase.id):
            log.error("payment.foreign", purchase=str(purchase.id), payment=truth.id)
            return None
        if isinstance(truth, Payment) and settlement.is_unwanted(purchase, truth, now=now):
            truth = await provider.cancel(truth)
    except ProviderSilent as error:
        log.warning("provider.silent", purchase=str(purchase.id), error=str(error))
        return None
    except PaymentRefused as error:
        log.warning("payment.refused", purchase=str(purchase.id), reason=error.reason)
        return NoPayment(error.reason)
    return truth


async def settle(tx: Transaction, inquiry: Inquiry, truth: Truth) -> Purchase:
    """Take the steps that the provider's word allows, and announce each once."""
    now = datetime.now(UTC)
    key = (inquiry.purchase.viewer, inquiry.purchase.id)
    before = (await purchases.lock(tx, [key]))[key]
    disputes = await money.disputes(tx, before)
    settled = settlement.settle(
        before,
        truth,
        standings=await money.standings(tx, before),
        disputes=disputes,
        now=now,
        ours_minor=await refunds.ours_minor(tx, *key),
        warned=await refunds.warnings(tx, *key),
    )
    if settled.purchase != before:
        await purchases.save(tx, [settled.purchase], now=now)
    if settled.standing is not None:
        assert isinstance(truth, Payment)
        await money.add_payment(tx, before, truth, settled.standing, now=now)
        _alert(before, truth, settled.standing)
    await money.save_disputes(tx, before, settled.disputes)
    for step in settled.steps:
        if isinstance(step, settlement.RiskFlagged):
            await refunds.add_warning(tx, *key, warning=step.warning.id, reason=step.warning.reason)
    await post(tx, before.viewer, _entries(truth, settled, disputes))
    await announce(tx, facts_of(before, settled, Cause(before.correlation_id)))
    if inquiry.notification is not None:
        await notifications.settle_notification(tx, inquiry.notification, before, now=now)
    return settled.purchase


async def keep_notification(tx: Transaction, notification: Notification) -> Inquiry | None:
    """Keep what a provider told us; return what to ask it, if it is new and about a purchase."""
    now = datetime.now(UTC)
    matched = (await _match(tx, [notification])).get(notification.reference)
    new = await notifications.add_notification(
        tx,
        notification,
        matched=matched,
        now=now,
        # Without a payment there is nothing to ask about; it is kept for people to read.
        next_check_at=now + timedelta(seconds=REQUEST_SECONDS) if notification.payment else None,
    )
    log.info("notification.kept", kind=notification.kind, new=new, matched=matched is not None)
    if not new or matched is None or notification.payment is None:
        return None
    return Inquiry(matched, notification)


async def claim_inquiries(tx: Transaction) -> list[Inquiry]:
    """Take what it is time to ask about: purchases that wait, notifications nobody settled."""
    now = datetime.now(UTC)
    waiting = await purchases.claim_purchases(tx, now=now, limit=CLAIMED_MAX)
    unsettled, abandoned = await notifications.claim_notifications(tx, now=now, limit=CLAIMED_MAX)
    for notification in abandoned:
        log.error("notification.unmatched", webhook_id=notification.webhook_id)
    matches = await _match(tx, unsettled)
    return [Inquiry(purchase) for purchase in waiting] + [
        Inquiry(matches[notification.reference], notification)
        for notification in unsettled
        if notification.reference in matches
    ]


async def _look_up(provider: Provider, inquiry: Inquiry, now: datetime) -> Truth | None:
    purchase = inquiry.purchase
    if inquiry.notification is not None:
        assert inquiry.notification.payment is not None
        return await provider.read(inquiry.notification.payment)
    if purchase.payment is None and now < purchase.expires_at:
        return await provider.create(purchase)
    # A payment made now would ask for money that nobody wants to pay any more: only look.
    found = (
        await provider.find(purchase.id)
        if purchase.payment is None
        else await provider.read(purchase.payment)
    )
    if found is None and now >= purchase.expires_at:
        return NoPayment()
    return found


async def _match(tx: Transaction, unmatched: Sequence[Notification]) -> dict[str | None, Purchase]:
    """Find the purchases that notifications refer to, by the reference they give."""
    references: dict[UUID, str | None] = {}
    for notification in unmatched:
        try:
            references[UUID(notification.reference or "")] = notification.reference
        except ValueError:
            continue  # somebody else's payment at the same provider
    found = await purchases.purchases_by_id(tx, list(references)) if references else []
    return {references[purchase.id]: purchase for purchase in found}


def _entries(truth: Truth, settled: Settlement, known: Mapping[str, Dispute]) -> list[Entry]:
    """What the provider's word does to the books."""
    entries: list[Entry] = []
    if settled.standing is not None and isinstance(truth, Payment):
        legs = books.received(truth, settled.standing)
        entries.append(Entry(f"received:{truth.id}", "sale", legs, truth.currency))
    for dispute in settled.disputes:
        legs = books.disputed(
            settlement.claimed_minor(known.get(dispute.id)), settlement.claimed_minor(dispute)
        )
        cause = f"dispute:{dispute.id}:{dispute.revision}"
        entries.append(Entry(cause, "dispute", legs, dispute.currency))
    return entries


def _alert(purchase: Purchase, payment: Payment, standing: Standing) -> None:
    """Money that bought nothing has to go back: a person must hear of it."""
    if standing is not Standing.CREDITED:
        log.error(
            "payment.uncredited",
            standing=standing.value,
            purchase=str(purchase.id),
            payment=payment.id,
            asked=[purchase.amount_minor, purchase.currency],
            came=[payment.amount_minor, payment.currency],
        )
