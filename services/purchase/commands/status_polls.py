"""Status polls: asking the provider what became of a payment, and applying its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from services.purchase.commands.payments import apply_provider_status
from services.purchase.domain import transitions
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.purchases import (
    NoPayment,
    Payment,
    ProviderStatus,
    Purchase,
    WebhookEvent,
)
from services.purchase.providers import (
    Provider,
    ProviderRejected,
    Providers,
    ProviderUnavailable,
)
from services.purchase.store import purchases, webhook_events
from shared.observability.metrics import CONTRADICTIONS
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

CLAIMED_MAX = 100
# A new purchase or webhook event is polled for at once; the job leaves it to that this long.
REQUEST_SECONDS = 5
# So often an answer may turn out to be stale before the next turn is waited for.
POLLS_MAX = 3


@dataclass(frozen=True, slots=True)
class StatusPoll:
    """
    What to ask the provider, outside any transaction; its answer is then applied in one.

    A webhook event may be about another payment than the purchase knows.
    """

    purchase: Purchase
    webhook_event: WebhookEvent | None = None


async def poll_status(
    database: Database, providers: Providers, poll: StatusPoll
) -> Purchase | None:
    """
    Ask the provider, and apply its answer; None if it has none yet.

    A stale answer is asked for again: it is read outside a transaction, and written in one.
    """
    purchase = None
    for _ in range(POLLS_MAX):
        status = await request_status(providers[poll.purchase.provider], poll)
        if status is None:
            return None
        async with database.transaction() as tx:
            purchase, is_used = await apply_status(tx, poll, status)
        if is_used:
            break
    return purchase


async def request_status(provider: Provider, poll: StatusPoll) -> ProviderStatus | None:
    """
    Ask the provider for the status, and cancel there what is no longer wanted.

    Never inside a transaction: a slow provider would hold its locks. None means that there is
    nothing to act on yet; the job polls again.
    """
    purchase, now = poll.purchase, datetime.now(UTC)
    try:
        status = await _look_up(provider, poll, now)
        if isinstance(status, Payment) and is_foreign_answer(status, purchase):
            return None
        if isinstance(status, Payment) and transitions.is_unwanted(purchase, status, now=now):
            status = await provider.cancel(status)
            # It neither was cancelled nor came too late, for an unknown reason.
            return None if transitions.is_unwanted(purchase, status, now=now) else status
    except ProviderUnavailable as error:
        log.warning("provider.unavailable", purchase=str(purchase.id), error=str(error))
        return None
    return status


def is_foreign_answer(payment: Payment, purchase: Purchase) -> bool:
    """Whether a payment is of another purchase: then its answer says nothing about this one."""
    if payment.reference == str(purchase.id):
        return False
    log.error("payment.contradicted", purchase=str(purchase.id), payment=payment.id)
    CONTRADICTIONS.labels(Contradiction.PAYMENT_FOREIGN.value).inc()
    return True


async def apply_status(
    tx: Transaction, poll: StatusPoll, status: ProviderStatus
) -> tuple[Purchase, bool]:
    """
    Take the steps that the provider status allows; return whether it was used.

    If not, another answer was used meanwhile and may be the newer one: poll again.
    """
    purchase, is_used = await apply_provider_status(tx, poll.purchase, status)
    if is_used and poll.webhook_event is not None:
        await webhook_events.mark_applied(tx, poll.webhook_event, purchase, now=datetime.now(UTC))
    return purchase, is_used


async def store_webhook_event(tx: Transaction, event: WebhookEvent) -> StatusPoll | None:
    """Store a webhook event; return the poll it asks for, if it is new and about a purchase."""
    now = datetime.now(UTC)
    matched = (await _match(tx, [event])).get(event)
    # Without a payment there is nothing to poll; it is stored for people to read.
    next_check_at = now + timedelta(seconds=REQUEST_SECONDS) if event.payment else None
    is_new = await webhook_events.add(
        tx, event, matched=matched, now=now, next_check_at=next_check_at
    )
    log.info("webhook_event.stored", kind=event.kind, new=is_new, matched=matched is not None)
    if not is_new or matched is None or event.payment is None:
        return None
    return StatusPoll(matched, event)


async def claim_status_polls(tx: Transaction) -> list[StatusPoll]:
    """Take the polls that are due: for open purchases, and for webhook events not yet applied."""
    now = datetime.now(UTC)
    waiting = await purchases.claim(tx, now=now, limit=CLAIMED_MAX)
    events, abandoned = await webhook_events.claim(tx, now=now, limit=CLAIMED_MAX)
    for event in abandoned:
        log.error("webhook_event.unmatched", webhook_id=event.webhook_id)
    matched = await _match(tx, events)
    return [*map(StatusPoll, waiting)] + [
        StatusPoll(purchase, event) for event, purchase in matched.items()
    ]


async def _look_up(provider: Provider, poll: StatusPoll, now: datetime) -> ProviderStatus | None:
    purchase = poll.purchase
    if poll.webhook_event is not None:
        assert poll.webhook_event.payment is not None
        return await provider.read(poll.webhook_event.payment)
    if purchase.payment is None and now < purchase.expires_at:
        return await _create(provider, purchase)
    # A payment made now would ask for money that is not wanted any more: only look.
    found = await provider.read(purchase.payment) if purchase.payment is not None else None
    if found is None:
        found = await provider.find(purchase.id)
        if found is None and purchase.payment is not None:
            log.error("payment.contradicted", purchase=str(purchase.id), payment=purchase.payment)
            CONTRADICTIONS.labels(Contradiction.PAYMENT_VANISHED.value).inc()
    if found is None and now >= purchase.expires_at:
        return NoPayment()
    return found


async def _create(provider: Provider, purchase: Purchase) -> ProviderStatus:
    """Request a payment; a rejection counts once a look has shown that there is none."""
    try:
        return await provider.create(purchase)
    except ProviderRejected as rejected:
        log.warning("payment.rejected", purchase=str(purchase.id), reason=rejected.reason)
        return await provider.find(purchase.id) or NoPayment(rejected.reason)


async def _match(tx: Transaction, events: Sequence[WebhookEvent]) -> dict[WebhookEvent, Purchase]:
    """Find the purchases that webhook events refer to: by our reference, at their provider."""
    references: dict[WebhookEvent, UUID] = {}
    for event in events:
        try:
            references[event] = UUID(event.reference or "")
        except ValueError:
            continue  # a payment at the same provider that is not ours
    if not references:
        return {}
    found = {each.id: each for each in await purchases.by_id(tx, list(references.values()))}
    return {
        event: found[reference]
        for event, reference in references.items()
        if reference in found and found[reference].provider == event.provider
    }
