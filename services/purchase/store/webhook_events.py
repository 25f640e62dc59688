"""Webhook events of providers: that something happened to a payment, not what."""

from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import text

from services.purchase import tables
from services.purchase.domain.purchases import Purchase, WebhookEvent
from services.purchase.store.checks import NEXT_CHECK
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, insert_rows

# An event that matches no purchase is checked this often, over some 17 hours, then left to people.
UNMATCHED_CHECKS_MAX = 200

_event = RowMapper(WebhookEvent, tables.WebhookEvent)
_ADD = insert_rows(
    tables.WebhookEvent,
    *(field.name for field in fields(WebhookEvent)),
    *("viewer", "purchase", "received_at", "next_check_at", "checks"),
    then="ON CONFLICT (provider, webhook_id) DO NOTHING RETURNING webhook_id",
)


async def add(
    tx: Transaction,
    event: WebhookEvent,
    *,
    matched: Purchase | None,
    now: datetime,
    next_check_at: datetime | None,
) -> bool:
    """Store a webhook event; return whether it is new."""
    row = {
        **asdict(event),
        "viewer": matched.viewer if matched else None,
        "purchase": matched.id if matched else None,
        "received_at": now,
        "next_check_at": next_check_at,
        "checks": 0,
    }
    return bool(await tx.execute(_ADD, {name: [value] for name, value in row.items()}))


_MARK_APPLIED = text("""
    UPDATE webhook_events
    SET applied_at = :now, next_check_at = NULL, viewer = :viewer, purchase = :purchase
    WHERE provider = :provider AND webhook_id = :webhook_id
""")


async def mark_applied(
    tx: Transaction, event: WebhookEvent, purchase: Purchase, *, now: datetime
) -> None:
    key = {"provider": event.provider, "webhook_id": event.webhook_id}
    about = {"viewer": purchase.viewer, "purchase": purchase.id, "now": now}
    await tx.execute(_MARK_APPLIED, {**key, **about})


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
