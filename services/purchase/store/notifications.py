"""What providers told us: that something happened to a payment, not what."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import text

from services.purchase.domain.purchases import (
    CHECK_DOUBLINGS_MAX,
    CHECK_SECONDS_FIRST,
    Notification,
    Purchase,
)
from shared.postgres.database import Transaction

# What matches no purchase is looked at this often, over some 17 hours, then kept for people.
UNMATCHED_CHECKS_MAX = 200


async def add_notification(
    tx: Transaction,
    notification: Notification,
    *,
    matched: Purchase | None,
    now: datetime,
    next_check_at: datetime | None,
) -> bool:
    """Keep a notification; return whether it is new."""
    added = await tx.execute(
        _ADD_NOTIFICATION,
        {
            **{name: getattr(notification, name) for name in _FIELDS},
            "viewer": matched.viewer if matched else None,
            "purchase": matched.id if matched else None,
            "now": now,
            "next_check_at": next_check_at,
        },
    )
    return added.first() is not None


async def settle_notification(
    tx: Transaction, notification: Notification, purchase: Purchase, *, now: datetime
) -> None:
    await tx.execute(
        _SETTLE_NOTIFICATION,
        {
            "provider": notification.provider,
            "webhook_id": notification.webhook_id,
            "viewer": purchase.viewer,
            "purchase": purchase.id,
            "now": now,
        },
    )


async def claim_notifications(
    tx: Transaction, *, now: datetime, limit: int
) -> tuple[list[Notification], list[Notification]]:
    """
    Take the unsettled notifications it is time to look at; the second list for the last time.

    Only what matches no purchase is ever given up: the rest waits for the provider to answer.
    """
    claimed: list[Notification] = []
    abandoned: list[Notification] = []
    rows = await tx.execute(
        _CLAIM_NOTIFICATIONS,
        {
            "now": now,
            "limit": limit,
            "first_seconds": CHECK_SECONDS_FIRST,
            "doublings_max": CHECK_DOUBLINGS_MAX,
            "unmatched_max": UNMATCHED_CHECKS_MAX,
        },
    )
    for row in rows:
        notification = Notification(**{name: row[name] for name in _FIELDS})
        (abandoned if row["last"] else claimed).append(notification)
    return claimed, abandoned


_FIELDS = tuple(field.name for field in fields(Notification))
_ADD_NOTIFICATION = text("""
    INSERT INTO notifications (
        provider, webhook_id, kind, payload_hash, payment, reference, viewer, purchase,
        received_at, next_check_at
    )
    VALUES (
        :provider, :webhook_id, :kind, :payload_hash, :payment, :reference, :viewer, :purchase,
        :now, :next_check_at
    )
    ON CONFLICT (provider, webhook_id) DO NOTHING
    RETURNING webhook_id
""")
_SETTLE_NOTIFICATION = text("""
    UPDATE notifications
    SET settled_at = :now, next_check_at = NULL, viewer = :viewer, purchase = :purchase
    WHERE provider = :provider AND webhook_id = :webhook_id
""")
_CLAIM_NOTIFICATIONS = text("""
    UPDATE notifications AS n
    SET checks = n.checks + 1, next_check_at = CASE WHEN due.last THEN NULL ELSE due.next END
    FROM (
        SELECT provider, webhook_id, purchase IS NULL AND checks + 1 >= :unmatched_max AS last,
               CAST(:now AS timestamptz) + make_interval(
                   secs => :first_seconds * power(2, least(checks, :doublings_max))
               ) AS next
        FROM notifications
        WHERE next_check_at <= CAST(:now AS timestamptz)
        ORDER BY next_check_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE n.provider = due.provider AND n.webhook_id = due.webhook_id
    RETURNING n.provider, n.webhook_id, n.kind, n.payload_hash, n.payment, n.reference, due.last
""")
