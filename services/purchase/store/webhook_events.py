"""Webhook events of providers: that something happened to a payment, not what."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from services.purchase import columns as tables
from services.purchase.domain.purchases import (
    CHECK_DOUBLINGS_MAX,
    Purchase,
    UnmatchedEvent,
    WebhookEvent,
)
from services.purchase.store.checks import next_check
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, unnest, update_rows
from shared.postgres.statements import text

# An event that matches no purchase is checked after ever longer pauses, at most 85 minutes. After
# ten minutes, its sixth check, the provider is asked whose payment it is about. If that is not ours
# the last time either, after some 17 hours, it is left to people.
UNMATCHED_DOUBLINGS_MAX = 9
UNMATCHED_ASKED_FROM = 6
UNMATCHED_CHECKS_MAX = 21

_event = RowMapper(WebhookEvent, tables.WebhookEvent)
_FIELDS = tuple(field.name for field in fields(WebhookEvent))
_ADD = insert_rows(
    tables.WebhookEvent,
    *(*_FIELDS, "viewer", "purchase", "received_at", "next_check_at", "checks"),
    then="ON CONFLICT (provider, webhook_id) DO NOTHING RETURNING provider, webhook_id",
)


async def add(
    tx: Transaction,
    events: Sequence[tuple[WebhookEvent, Purchase | None]],
    *,
    now: datetime,
    next_check_at: datetime,
) -> set[tuple[str, str]]:
    """Store webhook events with their purchases; return the new ones, by provider and id."""
    rows = arrays([event for event, _ in events], *_FIELDS) | {
        "viewer": [matched and matched.viewer for _, matched in events],
        "purchase": [matched and matched.id for _, matched in events],
        "received_at": [now] * len(events),
        # Without a payment there is nothing to poll; it is stored for people to read.
        "next_check_at": [next_check_at if event.payment else None for event, _ in events],
        "checks": [0] * len(events),
    }
    return {(row.provider, row.webhook_id) for row in await tx.execute(_ADD, rows)}


_KNOWN = text(f"""
    SELECT provider, webhook_id FROM webhook_events JOIN
    {unnest(tables.WebhookEvent, "provider", "webhook_id", name="listed")}
    USING (provider, webhook_id)
""")  # noqa: S608 - our own text only


async def known(tx: Transaction, events: Sequence[WebhookEvent]) -> set[tuple[str, str]]:
    """Return which of these events are stored, by provider and id."""
    keys = arrays(events, "provider", "webhook_id")
    return {(row.provider, row.webhook_id) for row in await tx.execute(_KNOWN, keys)}


_REOPEN = update_rows(
    tables.WebhookEvent,
    ("provider", "webhook_id"),
    ("kind", "payment", "reference"),
    also="""
        applied_at = NULL,
        checks = 0,
        next_check_at = CASE WHEN new.payment IS NOT NULL THEN CAST(:now AS timestamptz) END
    """,
)


async def reopen(tx: Transaction, events: Sequence[WebhookEvent], *, now: datetime) -> None:
    """Let events be followed again, with what is read of them now."""
    if events:
        ordered = sorted(events, key=lambda event: (event.provider, event.webhook_id))
        changed = arrays(ordered, "provider", "webhook_id", "kind", "payment", "reference")
        await tx.execute(_REOPEN, {**changed, "now": now})


_MARK_APPLIED = update_rows(
    tables.WebhookEvent,
    ("provider", "webhook_id"),
    ("viewer", "purchase"),
    also="applied_at = :now, next_check_at = NULL",
)


async def mark_applied(
    tx: Transaction, applied: Sequence[tuple[WebhookEvent, Purchase]], *, now: datetime
) -> None:
    """Record that what events led to was applied to their purchases, which are locked."""
    if applied:
        # Sorted, as those that are read again: neither then waits for the other.
        ordered = sorted(applied, key=lambda each: (each[0].provider, each[0].webhook_id))
        key = arrays([event for event, _ in ordered], "provider", "webhook_id")
        about = arrays([purchase for _, purchase in ordered], "viewer", purchase="id")
        await tx.execute(_MARK_APPLIED, {**key, **about, "now": now})


_NEXT_CHECK = next_check(
    f"CASE WHEN purchase IS NULL THEN {UNMATCHED_DOUBLINGS_MAX} ELSE {CHECK_DOUBLINGS_MAX} END"
)
_CLAIM = text(f"""
    UPDATE webhook_events
    SET checks = webhook_events.checks + 1,
        next_check_at = due.next
    FROM (
        SELECT provider, webhook_id, {_NEXT_CHECK} AS next
        FROM webhook_events
        WHERE next_check_at <= CAST(:now AS timestamptz)
        ORDER BY next_check_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE webhook_events.provider = due.provider AND webhook_events.webhook_id = due.webhook_id
    RETURNING {_event.columns},
        purchase IS NULL AND checks >= {UNMATCHED_ASKED_FROM} AS is_asked,
        checks >= {UNMATCHED_CHECKS_MAX} AS is_last
""")  # noqa: S608 - our own text only


async def claim(
    tx: Transaction, *, now: datetime, limit: int
) -> tuple[list[WebhookEvent], list[UnmatchedEvent]]:
    """
    Take the open events that are due; those of the second list matched no purchase for long.

    They come again until they are applied or given up: a crash in between loses none.
    """
    claimed: list[WebhookEvent] = []
    unmatched: list[UnmatchedEvent] = []
    for row in await tx.execute(_CLAIM, {"now": now, "limit": limit}):
        if row["is_asked"]:
            unmatched.append(UnmatchedEvent(_event(row), is_last=row["is_last"]))
        else:
            claimed.append(_event(row))
    return claimed, unmatched


_GIVE_UP = text("""
    UPDATE webhook_events SET next_check_at = NULL
    WHERE provider = :provider AND webhook_id = :webhook_id AND purchase IS NULL
""")


async def give_up(tx: Transaction, event: WebhookEvent) -> None:
    """Check an event that matches no purchase no more: it is stored for people to read."""
    await tx.execute(_GIVE_UP, {"provider": event.provider, "webhook_id": event.webhook_id})
