"""
Backfills: the webhook events that a provider lists and that never arrived here.

They are stored as those that arrive, and the status polls follow them. A time of the list counts
as read once all of its events are stored: after a crash it is read again.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter

from services.purchase.commands.webhook_events import match_purchases, store_webhook_events
from services.purchase.domain.backfills import FIRST_FOR, Backfill, BackfillPlan, Window, has_gap
from services.purchase.domain.purchases import WebhookEvent, with_usable_names
from services.purchase.providers import (
    Backfills,
    ProviderRejected,
    Providers,
    ProviderUnavailable,
)
from services.purchase.store import backfills, webhook_events
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

STORED_MAX = 100
MISSED = Counter(
    "ovation_webhook_events_missed",
    "Webhook events that a provider lists and that had not arrived.",
    ["provider"],
)


async def claim_backfills(
    tx: Transaction, providers: Providers, plan: BackfillPlan
) -> list[Backfill]:
    """Take the backfills that are due, of the providers that list events."""
    listing = [name for name, each in providers.items() if isinstance(each, Backfills)]
    now = datetime.now(UTC)
    return await backfills.claim(tx, listing, now=now, every=plan.every, since=now - FIRST_FOR)


async def run_backfill(
    database: Database, providers: Providers, backfill: Backfill, plan: BackfillPlan
) -> None:
    """
    Read a provider's list up to now, outside any transaction, and store what never arrived.

    Without an answer the rest waits for the next turn; the in-flight monitor shows how long.
    """
    provider = providers[backfill.provider]
    assert isinstance(provider, Backfills), f"{backfill.provider} lists no events"
    now, lists_for = datetime.now(UTC), provider.lists_events_for
    if has_gap(backfill, lists_for=lists_for, now=now):
        log.error(
            "backfill.gap",
            provider=backfill.provider,
            covered_until=backfill.covered_until.isoformat(),
        )
    for window in plan.windows(backfill, lists_for=lists_for, now=now):
        try:
            await _read_window(database, provider, window)
        except (ProviderUnavailable, ProviderRejected) as error:
            log.warning("backfill.unanswered", provider=provider.name, error=str(error)[:200])
            return


async def _read_window(database: Database, provider: Backfills, window: Window) -> None:
    since, until = window
    async for events in _batches(provider.missed(since, until)):
        await store_missed_events(database, events)
    async with database.reference.transaction() as tx:
        await backfills.cover(tx, provider.name, until)


async def _batches(events: AsyncIterator[WebhookEvent]) -> AsyncIterator[list[WebhookEvent]]:
    batch = []
    async for event in events:
        batch.append(event)
        if len(batch) == STORED_MAX:
            yield batch
            batch = []
    if batch:
        yield batch


async def store_missed_events(database: Database, listed: Sequence[WebhookEvent]) -> None:
    """Store those of a provider's list that never arrived: most of them did."""
    listed = [*map(with_usable_names, listed)]
    async with database.reference.transaction() as tx:
        known = await webhook_events.known(tx, listed)
    missed = [each for each in listed if (each.provider, each.webhook_id) not in known]
    if not missed:
        return
    matched = await match_purchases(database, missed)
    async with database.reference.transaction() as tx:
        await store_webhook_events(tx, missed, matched)
    for event in missed:
        log.warning(
            "webhook_event.missed",
            provider=event.provider,
            webhook_id=event.webhook_id,
            kind=event.kind,
        )
        MISSED.labels(event.provider).inc()
