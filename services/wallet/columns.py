"""
The columns of the tables of wallet, for its statements.

Written by deploy/docs/columns.py from services/wallet/tables.py: run `make contracts`.
"""

from shared.postgres.rows import Table

Lot = Table(
    "lots",
    {
        "user_id": "text",
        "id": "uuid",
        "purchase": "uuid",
        "kind": "text",
        "coins": "bigint",
        "remaining": "bigint",
        "held": "bigint",
        "open": "boolean",
        "spent": "bigint",
        "refunded": "bigint",
        "charged_back": "bigint",
        "paid_debts": "bigint",
        "adjusted": "bigint",
        "expired": "bigint",
        "forfeited": "bigint",
        "is_forfeit": "boolean",
        "owed": "bigint",
        "repaid": "bigint",
        "revision": "bigint",
        "price_minor": "bigint",
        "tax_minor": "bigint",
        "currency": "text",
        "channel": "text",
        "country": "text",
        "diamond_rate_bp": "integer",
        "funded_at": "timestamp with time zone",
        "expires_at": "timestamp with time zone",
        "recorded_at": "timestamp with time zone",
    },
)
Dispute = Table(
    "disputes",
    {
        "user_id": "text",
        "purchase": "uuid",
        "dispute": "text",
        "revision": "integer",
        "claimed_minor": "bigint",
        "currency": "text",
    },
)
Hold = Table(
    "holds",
    {
        "user_id": "text",
        "hold_key": "text",
        "purchase": "uuid",
        "state": "text",
        "refunded_coins": "bigint",
    },
)
HeldCoins = Table(
    "held_coins",
    {
        "user_id": "text",
        "hold_key": "text",
        "lot": "uuid",
        "coins": "bigint",
        "answered_coins": "bigint",
        "refunded_coins": "bigint",
    },
)
Repayment = Table(
    "repayments",
    {
        "user_id": "text",
        "lot": "uuid",
        "payer": "uuid",
        "coins": "bigint",
    },
)
Limit = Table(
    "limits",
    {
        "user_id": "text",
        "number": "bigint",
        "period": "text",
        "unit": "text",
        "set_by": "text",
        "amount": "bigint",
        "set_at": "timestamp with time zone",
        "from_at": "timestamp with time zone",
    },
)
Spending = Table(
    "spendings",
    {
        "user_id": "text",
        "day": "date",
        "currency": "text",
        "coins": "bigint",
        "amount_minor": "bigint",
    },
)
Exclusion = Table(
    "exclusions",
    {
        "user_id": "text",
        "id": "uuid",
        "idempotency_key": "text",
        "request_hash": "bytea",
        "until": "timestamp with time zone",
        "started_at": "timestamp with time zone",
        "ended_at": "timestamp with time zone",
    },
)
Suspension = Table(
    "suspensions",
    {
        "user_id": "text",
        "suspended": "boolean",
    },
)
LiabilityDay = Table(
    "liability_days",
    {
        "day": "date",
        "taken_at": "timestamp with time zone",
    },
)
LiabilityLine = Table(
    "liability_lines",
    {
        "day": "date",
        "country": "text",
        "currency": "text",
        "age": "text",
        "lots": "bigint",
        "unspent_coins": "bigint",
        "price_minor": "bigint",
        "tax_minor": "bigint",
        "deferred_gross_minor": "bigint",
        "deferred_minor": "bigint",
        "released_minor": "bigint",
        "refunded_minor": "bigint",
        "disputed_minor": "bigint",
    },
)
FlowHour = Table(
    "flow_hours",
    {
        "hour": "timestamp with time zone",
        "bought_coins": "bigint",
        "given_coins": "bigint",
        "taken_at": "timestamp with time zone",
    },
)
OpeningSlice = Table(
    "opening_slices",
    {
        "user_id": "text",
        "lot": "uuid",
        "coins": "bigint",
    },
)
Account = Table(
    "accounts",
    {
        "user_id": "text",
        "kind": "text",
        "asset": "text",
        "balance": "bigint",
        "version": "bigint",
    },
)
Entry = Table(
    "entries",
    {
        "number": "bigint",
        "recorded_at": "timestamp with time zone",
        "user_id": "text",
        "gift": "uuid",
        "reference": "text",
        "request_hash": "bytea",
        "kind": "text",
        "asset": "text",
        "accounts": "text",
        "amounts": "bigint[]",
        "balances_after": "bigint[]",
        "assets": "text[]",
        "lots": "uuid[]",
        "slices": "bigint[]",
        "result": "jsonb",
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
Adjustment = Table(
    "adjustments",
    {
        "user_id": "text",
        "id": "uuid",
        "idempotency_key": "text",
        "request_hash": "bytea",
        "amount": "bigint",
        "reason": "text",
        "requested_by": "text",
        "requested_at": "timestamp with time zone",
        "state": "text",
        "decided_by": "text",
        "decided_at": "timestamp with time zone",
    },
)
Unsealed = Table(
    "unsealed",
    {
        "id": "bigint",
        "users": "text[]",
        "firsts": "bigint[]",
        "lasts": "bigint[]",
    },
)
Seal = Table(
    "seals",
    {
        "block": "bigint",
        "users": "text[]",
        "firsts": "bigint[]",
        "lasts": "bigint[]",
        "entries": "bigint",
        "hash": "bytea",
        "previous_hash": "bytea",
        "sealed_at": "timestamp with time zone",
    },
)
Archive = Table(
    "archives",
    {
        "number": "bigint",
        "first_block": "bigint",
        "last_block": "bigint",
        "entries": "bigint",
        "gifts": "bigint",
        "file": "text",
        "size_bytes": "bigint",
        "hash": "bytea",
        "first_at": "timestamp with time zone",
        "last_at": "timestamp with time zone",
        "keep_until": "date",
        "archived_at": "timestamp with time zone",
    },
)
ArchivedUser = Table(
    "archived_users",
    {
        "user_id": "text",
        "archive": "bigint",
        "first": "bigint",
        "last": "bigint",
        "last_at": "timestamp with time zone",
    },
)
ArchivedKey = Table(
    "archived_keys",
    {
        "number": "bigint",
        "key": "uuid",
        "user_id": "text",
    },
)
ArchiveTotal = Table(
    "archive_totals",
    {
        "archive": "bigint",
        "account": "text",
        "asset": "text",
        "debit": "bigint",
        "credit": "bigint",
        "postings": "bigint",
    },
)
OpeningBalance = Table(
    "opening_balances",
    {
        "user_id": "text",
        "kind": "text",
        "account": "text",
        "asset": "text",
        "amount": "bigint",
        "last_at": "timestamp with time zone",
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
