"""Status polls: asking the provider what became of a payment, and applying its answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import structlog

from services.purchase.commands.answers import apply_answers
from services.purchase.commands.changes import PolledStatus
from services.purchase.commands.payments import Applied
from services.purchase.commands.webhook_events import match_purchases, store_webhook_events
from services.purchase.domain import transitions
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.invoices import PLAIN, InvoiceRules
from services.purchase.domain.purchases import (
    NoPayment,
    NotSoldByStore,
    Payment,
    ProviderStatus,
    Purchase,
    StoreUnavailable,
    TokenRefused,
    UnmatchedEvent,
    WebhookEvent,
)
from services.purchase.domain.webhook_archive import ArchivedWebhook
from services.purchase.providers import (
    Captures,
    Payments,
    ProviderRejected,
    Providers,
    ProviderUnavailable,
    Redirects,
    Stores,
)
from services.purchase.store import payment_names, purchases, webhook_archive, webhook_events
from shared.observability.metrics import CONTRADICTIONS
from shared.observability.tracing import traceparent
from shared.postgres.batching import Batcher
from shared.postgres.database import Database, Part, Transaction

log = structlog.get_logger()

CLAIMED_MAX = 100
# So often an answer may turn out to be stale before the next turn is waited for.
POLLS_MAX = 3


@dataclass(frozen=True, slots=True)
class StatusPoll:
    """
    What to ask the provider, outside any transaction; its answer is then applied in one.

    A webhook event may be about another payment than the purchase knows. A watch only reads what
    became of a payment that came.
    """

    purchase: Purchase
    webhook_event: WebhookEvent | None = None
    is_watch: bool = False


class StatusPolls:
    """
    Asks the providers what became of payments, and applies their answers.

    Answers that come while one transaction is in flight share the next, and so do webhook events.
    """

    def __init__(
        self, database: Database, providers: Providers, invoices: InvoiceRules = PLAIN
    ) -> None:
        self.database = database
        self._providers = providers
        self._invoices = invoices
        self._events = Batcher(self._store)
        self._statuses = {
            part.number: Batcher(partial(self._apply, part)) for part in database.parts
        }

    async def receive(self, event: WebhookEvent, archived: ArchivedWebhook | None = None) -> None:
        """
        Store a webhook event; if it is new, poll the status of its payment.

        With it the webhook that it came in is stored, if that is kept.
        """
        purchase = await self._events.submit((event, archived))
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
            applied = await self._submit(
                PolledStatus(
                    poll.purchase,
                    status,
                    webhook_event=poll.webhook_event,
                    traceparent=traceparent(),
                )
            )
            purchase = applied.purchase
            if applied.is_used:
                break
        return purchase

    async def claim(self, purchase: Purchase, token: str) -> Purchase:
        """
        Apply the payment that a store's token is of; refuse one of another purchase.

        What a token says is asked for again while it is stale, as any answer is.
        """
        store = self._providers[purchase.provider]
        if purchase.product is None or not isinstance(store, Stores):
            raise NotSoldByStore(purchase=purchase.id)
        for _ in range(POLLS_MAX):
            payment = await _claim(store, purchase, token)
            polled = PolledStatus(purchase, payment, traceparent=traceparent())
            applied = await self._submit(polled)
            purchase = applied.purchase
            if applied.is_used:
                break
            await self._require_owner(purchase, payment)
        return purchase

    async def _require_owner(self, purchase: Purchase, payment: Payment) -> None:
        """Refuse a payment that another purchase has; otherwise something newer is known of it."""
        name = (purchase.provider, payment.id)
        async with self.database.reference.transaction() as tx:
            owner = (await payment_names.find(tx, [name])).get(name)
        if owner is None or owner.purchase != purchase.id:
            raise TokenRefused(purchase=purchase.id)

    async def resolve(self, unmatched: UnmatchedEvent) -> None:
        """
        Ask the provider whose payment an unmatched event is about; act on it, or give it up.

        The payment may say our reference where the event did not. Without an answer the event
        stays due: an event about a dispute is not given up because the provider was away. Nor is
        it before its last turn: what the provider does not know yet it may know later.
        """
        event = unmatched.event
        provider = self._providers.get(event.provider)
        payment = None
        if provider is not None and event.payment is not None:
            try:
                payment = await provider.read(event.payment)
            except ProviderUnavailable as error:
                log.warning("provider.unavailable", webhook=event.webhook_id, error=str(error))
                return
        purchase = None
        if payment is not None:
            named = replace(event, reference=payment.reference)
            purchase = (await match_purchases(self.database, [named])).get(named)
        if purchase is None and unmatched.is_last:
            async with self.database.reference.transaction() as tx:
                await webhook_events.give_up(tx, event)
        if purchase is not None:
            await self.run(StatusPoll(purchase, event))
        elif unmatched.is_last:
            log.error("webhook_event.unmatched", webhook_id=event.webhook_id)

    async def _store(
        self, received: Sequence[tuple[WebhookEvent, ArchivedWebhook | None]]
    ) -> Sequence[Purchase | None]:
        events = [event for event, _ in received]
        matched = await match_purchases(self.database, events)
        async with self.database.reference.transaction() as tx:
            found = await store_webhook_events(tx, events, matched)
            await webhook_archive.add(tx, [kept for _, kept in received if kept is not None])
        return found

    async def _submit(self, polled: PolledStatus) -> Applied:
        part = self.database.part_for(polled.purchase.viewer)
        return await self._statuses[part.number].submit(polled)

    async def _apply(self, part: Part, polled: Sequence[PolledStatus]) -> Sequence[Applied]:
        return await apply_answers(self.database, part, polled, self._invoices)


async def _claim(store: Stores, purchase: Purchase, token: str) -> Payment:
    try:
        payment = await store.claim(purchase, token)
    except ProviderUnavailable as error:
        log.warning("provider.unavailable", purchase=str(purchase.id), error=str(error)[:200])
        raise StoreUnavailable(purchase=purchase.id) from error
    except ProviderRejected as rejected:
        raise TokenRefused(purchase=purchase.id, reason=rejected.reason) from rejected
    if payment.reference != str(purchase.id):
        raise TokenRefused(purchase=purchase.id)
    return payment


async def request_status(provider: Payments, poll: StatusPoll) -> ProviderStatus | None:
    """
    Ask the provider for the status; take what is approved, and cancel what is no longer wanted.

    Never inside a transaction: a slow provider would hold its locks. None means that there is
    nothing to act on yet; the job polls again.
    """
    purchase, now = poll.purchase, datetime.now(UTC)
    try:
        status = await _look_up(provider, poll, now)
        if isinstance(status, Payment) and is_foreign_answer(status, purchase):
            return None
        if isinstance(status, Payment) and isinstance(provider, Captures):
            status = await _capture_wanted(provider, purchase, status)
        if isinstance(status, Payment) and transitions.is_unwanted(purchase, status, now=now):
            if not isinstance(provider, Redirects):
                return None  # a payment in an app store cannot be cancelled from here
            status = await provider.cancel(status)
            # It neither was cancelled nor came too late, for an unknown reason.
            return None if transitions.is_unwanted(purchase, status, now=now) else status
    except ProviderUnavailable as error:
        log.warning("provider.unavailable", purchase=str(purchase.id), error=str(error))
        return None
    return status


async def _capture_wanted(provider: Captures, purchase: Purchase, payment: Payment) -> Payment:
    """Take what is approved and still wanted; if it is given up meanwhile, it counts as late."""
    if not transitions.is_to_capture(purchase, payment, now=datetime.now(UTC)):
        return payment
    return await provider.capture(payment)


def is_foreign_answer(payment: Payment, purchase: Purchase) -> bool:
    """Whether a payment is of another purchase: then its answer says nothing about this one."""
    if payment.reference == str(purchase.id):
        return False
    log.error("payment.contradicted", purchase=str(purchase.id), payment=payment.id)
    CONTRADICTIONS.labels(Contradiction.PAYMENT_FOREIGN.value).inc()
    return True


async def claim_open_purchases(tx: Transaction) -> list[StatusPoll]:
    """Take the open purchases of a part that are due for a poll."""
    claimed = await purchases.claim(tx, now=datetime.now(UTC), limit=CLAIMED_MAX)
    return [*map(StatusPoll, claimed)]


async def claim_webhook_events(
    database: Database,
) -> tuple[list[StatusPoll], list[UnmatchedEvent], bool]:
    """
    Take the webhook events that are due: polls for those of our purchases, and whether more wait.

    The second list are events that matched no purchase for long, to be resolved.
    """
    async with database.reference.transaction() as tx:
        events, unmatched = await webhook_events.claim(tx, now=datetime.now(UTC), limit=CLAIMED_MAX)
    matched = await match_purchases(database, [*events, *(each.event for each in unmatched)])
    polls = [StatusPoll(purchase, event) for event, purchase in matched.items()]
    is_more = len(events) + len(unmatched) >= CLAIMED_MAX
    return polls, [each for each in unmatched if each.event not in matched], is_more


async def _look_up(provider: Payments, poll: StatusPoll, now: datetime) -> ProviderStatus | None:
    purchase = poll.purchase
    if poll.webhook_event is not None:
        assert poll.webhook_event.payment is not None
        return await provider.read(poll.webhook_event.payment)
    if poll.is_watch:
        assert purchase.payment is not None
        if (paid := await provider.read(purchase.payment)) is None:
            # Providers forget old payments: without another sign that is no contradiction.
            log.warning("watch.unknown", purchase=str(purchase.id), payment=purchase.payment)
        return paid
    redirects = provider if isinstance(provider, Redirects) else None
    if redirects is not None and purchase.payment is None and now < purchase.expires_at:
        return await _create(redirects, purchase)
    # A payment made now would ask for money that is not wanted any more: only look.
    found = await provider.read(purchase.payment) if purchase.payment is not None else None
    if found is None:
        if redirects is not None:
            found = await redirects.find(purchase)
        if found is None and purchase.payment is not None:
            log.error("payment.contradicted", purchase=str(purchase.id), payment=purchase.payment)
            CONTRADICTIONS.labels(Contradiction.PAYMENT_VANISHED.value).inc()
    if found is None and now >= purchase.expires_at:
        return NoPayment()
    return found


async def _create(provider: Redirects, purchase: Purchase) -> ProviderStatus:
    """Request a payment; a rejection counts once a look has shown that there is none."""
    try:
        return await provider.create(purchase)
    except ProviderRejected as rejected:
        log.warning("payment.rejected", purchase=str(purchase.id), reason=rejected.reason)
        return await provider.find(purchase) or NoPayment(rejected.reason)
