"""Asking the provider for the truth, and settling purchases by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from services.purchase.commands.payments import apply_truth
from services.purchase.domain import settlement
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.purchases import (
    NoPayment,
    Notification,
    Payment,
    Purchase,
    Truth,
)
from services.purchase.providers import Provider
from services.purchase.store import notifications, purchases
from shared.http.provider_client import ProviderRejected, ProviderUnavailable
from shared.observability.metrics import CONTRADICTIONS
from shared.postgres.database import Transaction

log = structlog.get_logger()

CLAIMED_MAX = 100
# Whoever records something asks the provider at once; the janitor leaves them this long.
REQUEST_SECONDS = 5
# So often an answer may turn out to be old before the next turn is waited for.
ASKED_MAX = 3


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
        if isinstance(truth, Payment) and is_foreign_answer(truth, purchase):
            return None
        if isinstance(truth, Payment) and settlement.is_unwanted(purchase, truth, now=now):
            truth = await provider.cancel(truth)
            # It neither was cancelled nor came too late: nobody knows why.
            return None if settlement.is_unwanted(purchase, truth, now=now) else truth
    except ProviderUnavailable as error:
        log.warning("provider.silent", purchase=str(purchase.id), error=str(error))
        return None
    return truth


def is_foreign_answer(payment: Payment, purchase: Purchase) -> bool:
    """Whether a payment is of another purchase: then nothing that it says is about this one."""
    if payment.reference == str(purchase.id):
        return False
    log.error("payment.contradicted", purchase=str(purchase.id), payment=payment.id)
    CONTRADICTIONS.labels(Contradiction.PAYMENT_FOREIGN.value).inc()
    return True


async def settle(tx: Transaction, inquiry: Inquiry, truth: Truth) -> Purchase:
    """Take the steps that the provider's word allows, as far as it is no old news."""
    purchase, _ = await settle_if_newest(tx, inquiry, truth)
    return purchase


async def settle_if_newest(
    tx: Transaction, inquiry: Inquiry, truth: Truth
) -> tuple[Purchase, bool]:
    """
    Take the steps that the provider's word allows; whether it was used.

    If not, another answer was used meanwhile and may be the newer one: ask again.
    """
    purchase, used = await apply_truth(tx, inquiry.purchase, truth)
    if used and inquiry.notification is not None:
        now = datetime.now(UTC)
        await notifications.settle_notification(tx, inquiry.notification, purchase, now=now)
    return purchase, used


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
        return await _create(provider, purchase)
    # A payment made now would ask for money that nobody wants to pay any more: only look.
    found = await provider.read(purchase.payment) if purchase.payment is not None else None
    if found is None:
        found = await provider.find(purchase.id)
        if found is None and purchase.payment is not None:
            log.error("payment.contradicted", purchase=str(purchase.id), payment=purchase.payment)
            CONTRADICTIONS.labels(Contradiction.PAYMENT_VANISHED.value).inc()
    if found is None and now >= purchase.expires_at:
        return NoPayment()
    return found


async def _create(provider: Provider, purchase: Purchase) -> Truth:
    """Ask for a payment; a refusal counts once a look has shown that there is none."""
    try:
        return await provider.create(purchase)
    except ProviderRejected as refused:
        log.warning("payment.refused", purchase=str(purchase.id), reason=refused.reason)
        return await provider.find(purchase.id) or NoPayment(refused.reason)


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
