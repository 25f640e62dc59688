"""
Webhook events: stored first, and then the reason to poll the status of their payment.

They are in the schema of reference: whom one is about is known only once its purchase is found, in
the part that the purchase's id names. That an event was applied is recorded after the purchase was
written: a process that dies in between polls again, and an answer that is applied again changes
nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from services.purchase.commands.purchase_ids import part_with
from services.purchase.domain.purchases import PaymentName, Purchase, WebhookEvent
from services.purchase.store import payment_names, purchases, webhook_events
from shared.postgres.database import Database, Part, Transaction

log = structlog.get_logger()

# A new purchase or webhook event is polled for at once; the job leaves it to that this long.
REQUEST_SECONDS = 5


async def store_webhook_events(
    tx: Transaction, events: Sequence[WebhookEvent], matched: Mapping[WebhookEvent, Purchase]
) -> list[Purchase | None]:
    """
    Store webhook events; return for each the purchase to poll, if it is new and has one.

    `matched` is what `match_purchases` found.
    """
    now = datetime.now(UTC)
    # Sorted: two instances that get the same events would otherwise wait for each other.
    ordered = sorted(set(events), key=lambda event: (event.provider, event.webhook_id))
    new = await webhook_events.add(
        tx,
        [(event, matched.get(event)) for event in ordered],
        now=now,
        next_check_at=now + timedelta(seconds=REQUEST_SECONDS),
    )
    found = []
    for event in events:
        key = (event.provider, event.webhook_id)
        purchase = matched.get(event)
        log.info(
            "webhook_event.stored",
            kind=event.kind,
            new=key in new,
            matched=purchase is not None,
        )
        found.append(purchase if key in new and event.payment is not None else None)
        new.discard(key)
    return found


async def match_purchases(
    database: Database, events: Sequence[WebhookEvent]
) -> dict[WebhookEvent, Purchase]:
    """
    Find the purchases that webhook events refer to, at their provider.

    By our reference if the event has it, otherwise by what the provider calls the payment: an
    event about a dispute, a refund or a warning often says no more.
    """
    references: dict[WebhookEvent, UUID] = {}
    for event in events:
        try:
            references[event] = UUID(event.reference or "")
        except ValueError:
            continue
    named = [
        (event.provider, event.payment)
        for event in events
        if event not in references and event.payment is not None
    ]
    names = await _find_names(database, named)
    for event in events:
        name = names.get((event.provider, event.payment or ""))
        if event not in references and name is not None:
            references[event] = name.purchase
    if not references:
        return {}  # payments at the same provider that are not ours, or not yet known to be
    found = await _find_purchases(database, set(references.values()))
    return {
        event: found[reference]
        for event, reference in references.items()
        if reference in found and found[reference].provider == event.provider
    }


async def _find_names(
    database: Database, named: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], PaymentName]:
    if not named:
        return {}
    async with database.reference.transaction() as tx:
        return await payment_names.find(tx, named)


async def _find_purchases(database: Database, ids: Collection[UUID]) -> dict[UUID, Purchase]:
    by_part: dict[Part, list[UUID]] = {}
    for each in ids:
        by_part.setdefault(part_with(database, each), []).append(each)
    found: dict[UUID, Purchase] = {}
    for part, of_part in by_part.items():
        async with part.transaction() as tx:
            found |= {each.id: each for each in await purchases.by_id(tx, of_part)}
    return found
