"""What the purchase service knows of people besides their ids, and what keeps it."""

from shared.backoffice.erasures import PersonalData, counting
from shared.postgres.statements import Statement, text

# Money that is on its way: an unpaid purchase ends by itself within minutes.
_PURCHASE_OPEN = text("""
    SELECT 1 FROM purchases
    WHERE viewer = :user AND state IN ('created', 'pending', 'paid') LIMIT 1
""")
_REFUND_OPEN = text("""
    SELECT 1 FROM refunds WHERE viewer = :user AND state IN ('requested', 'frozen') LIMIT 1
""")
_WITHDRAWALS = counting("""
    UPDATE withdrawals SET consumer_name = '', reply_to = NULL
    WHERE viewer = :user AND (consumer_name <> '' OR reply_to IS NOT NULL)
""")
_EVENTS = counting("""
    UPDATE event_archive
    SET event = event || jsonb_build_object('consumer_name', '', 'reply_to', NULL)
    WHERE key = :user AND event ->> 'consumer_name' <> ''
""")
# What tells a viewer's card from others is of no use without the viewer.
_CARDS = counting("""
    UPDATE purchases SET payment_fingerprint = NULL
    WHERE viewer = :user AND payment_fingerprint IS NOT NULL
""")
_PAID_EVENTS = counting("""
    UPDATE event_archive SET event = event || '{"payment_fingerprint": null}'
    WHERE key = :user AND event ->> 'payment_fingerprint' IS NOT NULL
""")
# As they came they may hold anything that a provider knows of the payer. They are in the schema of
# reference, as the audit log is, and an erasure is as rare as what is audited.
_WEBHOOKS = counting("""
    DELETE FROM webhook_archive USING webhook_events
    WHERE webhook_events.viewer = :user
        AND webhook_archive.provider = webhook_events.provider
        AND webhook_archive.webhook_id = webhook_events.webhook_id
""")
PERSONAL_DATA = PersonalData(
    erased={
        "withdrawals": _WITHDRAWALS,
        "events": _EVENTS,
        "cards": _CARDS,
        "paid_events": _PAID_EVENTS,
        "webhooks": _WEBHOOKS,
    },
    obstacles={"purchase-open": _PURCHASE_OPEN, "refund-open": _REFUND_OPEN},
)

_PURCHASES = text("""
    SELECT (to_jsonb(t) - 'request_hash')::text AS row FROM purchases AS t
    WHERE viewer = :user ORDER BY created_at
""")
_PAYMENTS = text("SELECT to_jsonb(t)::text AS row FROM payments AS t WHERE viewer = :user")
_REFUNDS = text("""
    SELECT (to_jsonb(t) - 'request_hash')::text AS row FROM refunds AS t WHERE viewer = :user
""")
_DISPUTES = text("SELECT to_jsonb(t)::text AS row FROM disputes AS t WHERE viewer = :user")
_STATED = text("""
    SELECT (to_jsonb(t) - 'request_hash')::text AS row FROM withdrawals AS t WHERE viewer = :user
""")
_EVIDENCE = text("SELECT to_jsonb(t)::text AS row FROM country_evidence AS t WHERE viewer = :user")
_RECEIPTS = text("SELECT to_jsonb(t)::text AS row FROM receipts AS t WHERE viewer = :user")
EXPORTED: dict[str, Statement] = {
    "purchases": _PURCHASES,
    "payments": _PAYMENTS,
    "refunds": _REFUNDS,
    "disputes": _DISPUTES,
    "withdrawals": _STATED,
    "country_evidence": _EVIDENCE,
    "receipts": _RECEIPTS,
}
