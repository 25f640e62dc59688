"""
The columns of the tables of gift, for its statements.

Written by deploy/docs/columns.py from services/gift/tables.py: run `make contracts`.
"""

from shared.postgres.rows import Table

Gift = Table(
    "gifts",
    {
        "viewer": "text",
        "id": "uuid",
        "idempotency_key": "text",
        "request_hash": "bytea",
        "gift_type": "text",
        "price_coins": "bigint",
        "count": "integer",
        "coins": "bigint",
        "creator": "text",
        "room": "text",
        "message": "text",
        "anonymous": "boolean",
        "state": "text",
        "attempt": "integer",
        "last_requested_at": "timestamp with time zone",
        "requested_at": "timestamp with time zone",
        "expires_at": "timestamp with time zone",
        "decided_at": "timestamp with time zone",
        "correlation_id": "text",
        "slices": "jsonb",
        "refusal": "jsonb",
        "age_verified": "smallint",
        "paid_at": "timestamp with time zone",
        "reversed_coins": "bigint",
        "reversal_facts": "integer",
        "mode": "text",
        "combo": "uuid",
        "repeat_count": "bigint",
        "combo_coins": "bigint",
        "target": "text",
        "message_state": "text",
        "message_revision": "bigint",
    },
)
OpenGift = Table(
    "open_gifts",
    {
        "viewer": "text",
        "gift": "uuid",
        "requested_at": "timestamp with time zone",
        "last_requested_at": "timestamp with time zone",
    },
)
Combo = Table(
    "combos",
    {
        "viewer": "text",
        "id": "uuid",
        "room": "text",
        "creator": "text",
        "gift_type": "text",
        "anonymous": "boolean",
        "started_at": "timestamp with time zone",
        "last_requested_at": "timestamp with time zone",
        "open_gifts": "integer",
        "sent_gifts": "integer",
        "repeat_count": "bigint",
        "coins": "bigint",
        "ended_at": "timestamp with time zone",
        "correlation_id": "text",
        "target": "text",
    },
)
Reversal = Table(
    "reversals",
    {
        "viewer": "text",
        "gift": "uuid",
        "lot": "uuid",
        "revision": "bigint",
        "reversed_coins": "bigint",
        "published_coins": "bigint",
        "known_revisions": "bigint[]",
        "published_revision": "bigint",
    },
)
CatalogueState = Table(
    "catalogue",
    {
        "is_the_one": "boolean",
        "revision": "bigint",
    },
)
GiftType = Table(
    "gift_types",
    {
        "id": "text",
        "revision": "bigint",
        "names": "jsonb",
        "descriptions": "jsonb",
        "price_version": "integer",
        "mode": "text",
        "category": "text",
        "batch_counts": "jsonb",
        "count_max": "integer",
        "sort": "integer",
        "is_active": "boolean",
        "locks": "jsonb",
        "icon_url": "text",
        "animations": "jsonb",
        "extension": "jsonb",
        "changed_at": "timestamp with time zone",
        "changed_by": "text",
    },
)
Price = Table(
    "prices",
    {
        "gift_type": "text",
        "version": "integer",
        "price_coins": "bigint",
        "operator": "text",
        "valid_from": "timestamp with time zone",
    },
)
CatalogueFile = Table(
    "catalogue_files",
    {
        "digest": "bytea",
        "format": "text",
        "is_moving": "boolean",
        "width": "integer",
        "height": "integer",
        "duration_ms": "integer",
        "content": "bytea",
        "uploaded_at": "timestamp with time zone",
        "uploaded_by": "text",
        "used_at": "timestamp with time zone",
    },
)
GifterLevel = Table(
    "gifter_levels",
    {
        "viewer": "text",
        "revision": "bigint",
        "level": "integer",
    },
)
Room = Table(
    "rooms",
    {
        "room": "text",
        "revision": "bigint",
        "creator": "text",
        "guests": "text[]",
        "stream": "uuid",
        "is_open": "boolean",
        "opened_at": "timestamp with time zone",
    },
)
CreatorRules = Table(
    "creator_rules",
    {
        "creator": "text",
        "gifts_off": "boolean",
        "hold_messages": "boolean",
        "changed_at": "timestamp with time zone",
        "changed_by": "text",
    },
)
StreamWithoutGifts = Table(
    "streams_without_gifts",
    {
        "creator": "text",
        "stream": "uuid",
        "made_at": "timestamp with time zone",
        "made_by": "text",
    },
)
Block = Table(
    "blocks",
    {
        "creator": "text",
        "viewer": "text",
        "until": "timestamp with time zone",
        "made_at": "timestamp with time zone",
        "made_by": "text",
    },
)
Message = Table(
    "messages",
    {
        "creator": "text",
        "gift": "uuid",
        "viewer": "text",
        "held_at": "timestamp with time zone",
        "decided_at": "timestamp with time zone",
        "decided_by": "text",
    },
)
Erasure = Table(
    "erasures",
    {
        "user_id": "text",
        "id": "uuid",
        "forfeit": "boolean",
        "state": "text",
        "requested_at": "timestamp with time zone",
        "decided_at": "timestamp with time zone",
    },
)
ErasureAnswer = Table(
    "erasure_answers",
    {
        "user_id": "text",
        "erasure": "uuid",
        "service": "text",
        "obstacles": "text[]",
        "erased": "jsonb",
    },
)
TencentSignature = Table(
    "tencent_signatures",
    {
        "request_time": "bigint",
        "bodies": "bytea[]",
    },
)
Audit = Table(
    "audit",
    {
        "id": "bigint",
        "at": "timestamp with time zone",
        "operator": "text",
        "action": "text",
        "user_id": "text",
        "reason": "text",
        "facts": "jsonb",
    },
)
Outbox = Table(
    "outbox",
    {
        "id": "bigint",
        "share": "smallint",
        "key": "text",
        "message_id": "uuid",
        "exchange": "text",
        "routing_key": "text",
        "headers": "json",
        "body": "bytea",
        "created_at": "timestamp with time zone",
        "attempts": "integer",
    },
)
OutboxBlocked = Table(
    "outbox_blocked",
    {
        "share": "smallint",
        "key": "text",
        "message_id": "uuid",
        "reason": "text",
        "blocked_at": "timestamp with time zone",
        "retry_at": "timestamp with time zone",
    },
)
Inbox = Table(
    "inbox",
    {
        "queue": "text",
        "message_id": "uuid",
        "received_at": "timestamp with time zone",
    },
)
Redrive = Table(
    "redrives",
    {
        "dead_letter": "uuid",
        "operator": "text",
        "idempotency_key": "text",
        "request_hash": "bytea",
        "queue": "text",
        "message": "text",
        "reason": "text",
        "redriven_at": "timestamp with time zone",
    },
)
EventArchive = Table(
    "event_archive",
    {
        "key": "text",
        "id": "uuid",
        "type": "text",
        "sequence": "bigint",
        "correlation_id": "text",
        "causation_id": "text",
        "event": "jsonb",
        "occurred_at": "timestamp with time zone",
    },
)
Quota = Table(
    "quotas",
    {
        "user_id": "text",
        "act": "text",
        "began_at": "timestamp with time zone",
        "used": "bigint",
    },
)
ErasedUser = Table(
    "erased_users",
    {
        "user_id": "text",
        "erasure": "uuid",
        "erased_at": "timestamp with time zone",
        "repeat_at": "timestamp with time zone",
    },
)
ErasedKind = Table(
    "erased_kinds",
    {
        "user_id": "text",
        "erasure": "uuid",
        "kind": "text",
        "count": "bigint",
    },
)
