"""
The columns of the tables of live, for its statements.

Written by deploy/docs/columns.py from services/live/tables.py: run `make contracts`.
"""

from shared.postgres.rows import Table

Room = Table(
    "rooms",
    {
        "room": "text",
        "sequence": "bigint",
        "gifts": "bigint",
        "coins": "bigint",
        "last_sent_at": "timestamp with time zone",
    },
)
Feed = Table(
    "feed",
    {
        "room": "text",
        "sequence": "bigint",
        "kind": "text",
        "subject": "uuid",
        "shown": "json",
    },
)
Gift = Table(
    "gifts",
    {
        "gift": "uuid",
        "room": "text",
        "viewer": "text",
        "creator": "text",
        "coins": "bigint",
        "anonymous": "boolean",
        "sent_at": "timestamp with time zone",
        "stream": "uuid",
        "first_generation": "integer",
        "generation": "integer",
        "belongs": "boolean",
    },
)
Score = Table(
    "scores",
    {
        "room": "text",
        "period": "text",
        "viewer": "text",
        "gifts": "bigint",
        "coins": "bigint",
        "first_at": "timestamp with time zone",
    },
)
Total = Table(
    "totals",
    {
        "room": "text",
        "period": "text",
        "gifts": "bigint",
        "coins": "bigint",
        "gifters": "bigint",
    },
)
Supporter = Table(
    "supporters",
    {
        "creator": "text",
        "viewer": "text",
        "gifts": "bigint",
        "coins": "bigint",
        "first_at": "timestamp with time zone",
    },
)
Gifter = Table(
    "gifters",
    {
        "viewer": "text",
        "gifts": "bigint",
        "coins": "bigint",
        "level": "smallint",
        "revision": "bigint",
        "hidden": "boolean",
        "open_coins": "bigint",
    },
)
Reversal = Table(
    "reversals",
    {
        "gift": "uuid",
        "lot": "uuid",
        "room": "text",
        "revision": "bigint",
        "reversed_coins": "bigint",
    },
)
RoomOwner = Table(
    "room_owners",
    {
        "room": "text",
        "creator": "text",
        "guests": "text[]",
        "openings": "bigint",
        "revision": "bigint",
        "owned_since": "timestamp with time zone",
    },
)
GuestStay = Table(
    "guest_stays",
    {
        "room": "text",
        "guest": "text",
        "joined_at": "timestamp with time zone",
        "left_at": "timestamp with time zone",
    },
)
Message = Table(
    "messages",
    {
        "gift": "uuid",
        "revision": "bigint",
        "message": "text",
    },
)
Stream = Table(
    "streams",
    {
        "stream": "uuid",
        "room": "text",
        "number": "bigint",
        "creator": "text",
        "title": "text",
        "opened_at": "timestamp with time zone",
        "closed_at": "timestamp with time zone",
    },
)
Goal = Table(
    "goals",
    {
        "goal": "uuid",
        "creator": "text",
        "room": "text",
        "title": "text",
        "target_coins": "bigint",
        "starts_at": "timestamp with time zone",
        "ends_at": "timestamp with time zone",
        "created_at": "timestamp with time zone",
        "removed_at": "timestamp with time zone",
        "progress_coins": "bigint",
        "contributors": "bigint",
        "reached": "boolean",
        "revision": "bigint",
        "backfill_attempt": "integer",
    },
)
GoalGifter = Table(
    "goal_gifters",
    {
        "goal": "uuid",
        "viewer": "text",
        "coins": "bigint",
    },
)
Perk = Table(
    "perks",
    {
        "perk": "uuid",
        "creator": "text",
        "kind": "text",
        "title": "text",
        "description": "text",
        "threshold_coins": "bigint",
        "uses": "integer",
        "created_at": "timestamp with time zone",
        "removed_at": "timestamp with time zone",
        "backfill_after": "text",
    },
)
Entitlement = Table(
    "entitlements",
    {
        "entitlement": "uuid",
        "perk": "uuid",
        "creator": "text",
        "viewer": "text",
        "threshold_coins": "bigint",
        "uses": "integer",
        "used": "integer",
        "withdrawn": "boolean",
        "revision": "bigint",
        "unlocked_at": "timestamp with time zone",
    },
)
Use = Table(
    "uses",
    {
        "entitlement": "uuid",
        "idempotency_key": "text",
        "used_at": "timestamp with time zone",
    },
)
Thanks = Table(
    "thanks",
    {
        "gift": "uuid",
        "room": "text",
        "creator": "text",
        "viewer": "text",
        "message": "text",
        "thanked_at": "timestamp with time zone",
    },
)
Person = Table(
    "people",
    {
        "user_id": "text",
        "name": "text",
        "picture": "text",
        "noted_at": "timestamp with time zone",
    },
)
Rebuild = Table(
    "rebuilds",
    {
        "only_one": "boolean",
        "began_at": "timestamp with time zone",
        "filled_at": "timestamp with time zone",
        "last_received_at": "timestamp with time zone",
        "generation": "integer",
        "phase": "text",
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
Quota = Table(
    "quotas",
    {
        "user_id": "text",
        "act": "text",
        "began_at": "timestamp with time zone",
        "used": "bigint",
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
