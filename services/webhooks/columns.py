"""
The columns of the tables of webhooks, for its statements.

Written by deploy/docs/columns.py from services/webhooks/tables.py: run `make contracts`.
"""

from shared.postgres.rows import Table

Grant = Table(
    "grants",
    {
        "team": "text",
        "event": "text",
        "granted_at": "timestamp with time zone",
    },
)
Endpoint = Table(
    "endpoints",
    {
        "id": "uuid",
        "team": "text",
        "key": "text",
        "request_hash": "bytea",
        "url": "text",
        "description": "text",
        "events": "text[]",
        "disabled": "text",
        "failures": "integer",
        "paused_until": "timestamp with time zone",
        "created_at": "timestamp with time zone",
        "changed_at": "timestamp with time zone",
        "deleted_at": "timestamp with time zone",
    },
)
EndpointSecret = Table(
    "endpoint_secrets",
    {
        "endpoint": "uuid",
        "number": "integer",
        "key": "text",
        "request_hash": "bytea",
        "key_id": "text",
        "encrypted": "bytea",
        "created_at": "timestamp with time zone",
        "ends_at": "timestamp with time zone",
    },
)
Event = Table(
    "events",
    {
        "id": "uuid",
        "name": "text",
        "people": "text[]",
        "body": "text",
        "occurred_at": "timestamp with time zone",
        "received_at": "timestamp with time zone",
    },
)
Delivery = Table(
    "deliveries",
    {
        "endpoint": "uuid",
        "event": "uuid",
        "position": "bigint",
        "name": "text",
        "source": "text",
        "subject": "text",
        "sequence": "text",
        "state": "text",
        "attempts": "integer",
        "attempts_before": "integer",
        "due_at": "timestamp with time zone",
        "is_behind": "boolean",
        "lease": "uuid",
        "expires_at": "timestamp with time zone",
        "created_at": "timestamp with time zone",
        "finished_at": "timestamp with time zone",
    },
)
Attempt = Table(
    "attempts",
    {
        "endpoint": "uuid",
        "event": "uuid",
        "number": "integer",
        "began_at": "timestamp with time zone",
        "milliseconds": "integer",
        "status": "integer",
        "error": "text",
        "answer": "text",
    },
)
Replay = Table(
    "replays",
    {
        "endpoint": "uuid",
        "key": "text",
        "request_hash": "bytea",
        "deliveries": "integer",
        "requested_at": "timestamp with time zone",
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
