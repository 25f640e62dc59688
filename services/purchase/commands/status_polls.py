"""Status polls: asking the provider what became of a payment, and applying its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from services.purchase.commands.changes import PolledStatus
from services.purchase.commands.payments import apply_statuses
from services.purchase.commands.webhook_events import match_purchases, store_webhook_events
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
from shared.observability.tracing import traceparent
from shared.postgres.batching import Batcher
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

CLAIMED_MAX = 100
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


class StatusPolls:
    """
    Asks the providers what became of payments, and applies their answers.

    Answers that come while one transaction is in flight share the next, and so do webhook events.
    """

    def __init__(self, database: Database, providers: Providers) -> None:
        self.database = database
        self._providers = providers
        self._events = Batcher(self._store)
        self._statuses = Batcher(self._apply)

    async def receive(self, event: WebhookEvent) -> None:
        """Store a webhook event; if it is new, poll the status of its payment."""
        purchase = await self._events.submit(event)
        if purchase is not None:
            await self.run(StatusPoll(purchase, event))

    async def run(self, poll: StatusPoll) -> Purchase | None:
        """
        Ask the provider, and apply its answer; None if it has none yet.

        A stale answer is asked for again: it is read outside a transaction, and written in one.
        """
        purchase = None
        for _ in range(POLLS_MAX):
            status = await request_status(self._providers[poll.purchase.provider], poll)
            if status is None:
                return None
            purchase, is_used = await self._statuses.submit(
                PolledStatus(
                    poll.purchase,
                    status,
                    webhook_event=poll.webhook_event,
                    traceparent=traceparent(),
                )
            )
            if is_used:
                break
        return purchase

    async def _store(self, events: Sequence[WebhookEvent]) -> Sequence[Purchase | None]:
        async with self.database.transaction() as tx:
            return await store_webhook_events(tx, events)

    async def _apply(self, polled: Sequence[PolledStatus]) -> Sequence[tuple[Purchase, bool]]:
        async with self.database.transaction() as tx:
            return await apply_statuses(tx, polled)


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


async def claim_status_polls(tx: Transaction) -> list[StatusPoll]:
    """Take the polls that are due: for open purchases, and for webhook events not yet applied."""
    now = datetime.now(UTC)
    waiting = await purchases.claim(tx, now=now, limit=CLAIMED_MAX)
    events, abandoned = await webhook_events.claim(tx, now=now, limit=CLAIMED_MAX)
    for event in abandoned:
        log.error("webhook_event.unmatched", webhook_id=event.webhook_id)
    matched = await match_purchases(tx, events)
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
