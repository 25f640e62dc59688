"""Webhook events of providers: that something happened to a payment, not what."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import text

from services.purchase import tables
from services.purchase.domain.purchases import Purchase, WebhookEvent
from services.purchase.store.checks import NEXT_CHECK
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows

# An event that matches no purchase is checked this often, over some 17 hours, then left to people.
UNMATCHED_CHECKS_MAX = 200

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
        key = arrays([event for event, _ in applied], "provider", "webhook_id")
        about = arrays([purchase for _, purchase in applied], "viewer", purchase="id")
        await tx.execute(_MARK_APPLIED, {**key, **about, "now": now})


_CLAIM = text(f"""
    UPDATE webhook_events
    SET checks = webhook_events.checks + 1,
        next_check_at = CASE WHEN due.last THEN NULL ELSE due.next END
    FROM (
        SELECT provider, webhook_id, {NEXT_CHECK} AS next,
               purchase IS NULL AND checks + 1 >= {UNMATCHED_CHECKS_MAX} AS last
        FROM webhook_events
        WHERE next_check_at <= CAST(:now AS timestamptz)
        ORDER BY next_check_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE webhook_events.provider = due.provider AND webhook_events.webhook_id = due.webhook_id
    RETURNING {_event.columns}, due.last
""")  # noqa: S608 - our own text only


async def claim(
    tx: Transaction, *, now: datetime, limit: int
) -> tuple[list[WebhookEvent], list[WebhookEvent]]:
    """
    Take the open events that are due; the second list for the last time.

    Only what matches no purchase is ever given up: the rest waits for the provider to answer.
    """
    claimed: list[WebhookEvent] = []
    abandoned: list[WebhookEvent] = []
    for row in await tx.execute(_CLAIM, {"now": now, "limit": limit}):
        (abandoned if row["last"] else claimed).append(_event(row))
    return claimed, abandoned
