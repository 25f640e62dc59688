"""
The columns of the tables of purchase, for its statements.

Written by deploy/docs/columns.py from services/purchase/tables.py: run `make contracts`.
"""

from shared.postgres.rows import Table

Payment = Table(
    "payments",
    {
        "viewer": "text",
        "purchase": "uuid",
        "payment": "text",
        "allocation": "text",
        "amount_minor": "bigint",
        "currency": "text",
        "paid_at": "timestamp with time zone",
        "recorded_at": "timestamp with time zone",
    },
)
PaymentName = Table(
    "payment_names",
    {
        "provider": "text",
        "name": "text",
        "viewer": "text",
        "purchase": "uuid",
        "payment": "text",
    },
)
ProviderAnswer = Table(
    "provider_answers",
    {
        "viewer": "text",
        "purchase": "uuid",
        "payment": "text",
        "sequence": "bigint",
        "asked_at": "timestamp with time zone",
        "answered_at": "timestamp with time zone",
        "ignored_before": "timestamp with time zone",
        "fee_minor": "bigint",
        "given_back_minor": "bigint",
        "entries": "integer",
        "settlements": "jsonb",
        "exchanged_minor": "bigint",
        "given_back_tax_minor": "bigint",
    },
)
CountryEvidence = Table(
    "country_evidence",
    {
        "viewer": "text",
        "purchase": "uuid",
        "kind": "text",
        "country": "text",
        "recorded_at": "timestamp with time zone",
    },
)
Dispute = Table(
    "disputes",
    {
        "viewer": "text",
        "purchase": "uuid",
        "dispute": "text",
        "payment": "text",
        "state": "text",
        "reason": "text",
        "amount_minor": "bigint",
        "currency": "text",
        "revision": "smallint",
        "recorded_at": "timestamp with time zone",
        "evidence_due_at": "timestamp with time zone",
        "evidence_submitted": "boolean",
    },
)
Warning = Table(
    "warnings",
    {
        "viewer": "text",
        "purchase": "uuid",
        "warning": "text",
        "reason": "text",
        "recorded_at": "timestamp with time zone",
    },
)
Campaign = Table(
    "campaigns",
    {
        "name": "text",
        "code": "text",
        "coins": "bigint",
        "coins_min": "bigint",
        "budget_coins": "bigint",
        "promised_coins": "bigint",
        "coins_days": "integer",
        "valid_from": "timestamp with time zone",
        "valid_until": "timestamp with time zone",
        "countries": "text[]",
    },
)
CampaignPromise = Table(
    "campaign_promises",
    {
        "id": "uuid",
        "campaign": "text",
        "viewer": "text",
        "purchase": "uuid",
        "coins": "bigint",
        "promised_at": "timestamp with time zone",
        "next_check_at": "timestamp with time zone",
    },
)
Purchase = Table(
    "purchases",
    {
        "viewer": "text",
        "id": "uuid",
        "idempotency_key": "text",
        "request_hash": "bytea",
        "package": "text",
        "coins": "bigint",
        "bonus_coins": "bigint",
        "amount_minor": "bigint",
        "currency": "text",
        "channel": "text",
        "country": "text",
        "provider": "text",
        "correlation_id": "text",
        "state": "text",
        "payment": "text",
        "next_action_url": "text",
        "late": "boolean",
        "version": "bigint",
        "created_at": "timestamp with time zone",
        "expires_at": "timestamp with time zone",
        "paid_at": "timestamp with time zone",
        "payment_fingerprint": "text",
        "credited_at": "timestamp with time zone",
        "tax_country": "text",
        "tax_kind": "text",
        "tax_rate_bp": "integer",
        "tax_minor": "bigint",
        "tax_payer": "text",
        "withdrawn_at": "timestamp with time zone",
        "product": "text",
        "consumption_consent": "boolean",
        "withdrawal_days": "smallint",
        "first_purchase_coins": "bigint",
        "promo_coins": "bigint",
        "promo_days": "integer",
        "campaign": "text",
        "promise": "uuid",
        "ip_country": "text",
        "counted_minor": "bigint",
        "next_check_at": "timestamp with time zone",
        "checks": "integer",
        "watch_at": "timestamp with time zone",
    },
)
Exclusion = Table(
    "exclusions",
    {
        "viewer": "text",
        "exclusion": "uuid",
        "until": "timestamp with time zone",
        "ended": "boolean",
    },
)
ReceiptNumber = Table(
    "receipt_numbers",
    {
        "seller": "text",
        "year": "integer",
        "last": "bigint",
    },
)
Receipt = Table(
    "receipts",
    {
        "seller": "text",
        "year": "integer",
        "series": "smallint",
        "number": "bigint",
        "viewer": "text",
        "purchase": "uuid",
        "kind": "text",
        "refund": "uuid",
        "issued_at": "timestamp with time zone",
        "coins": "bigint",
        "amount_minor": "bigint",
        "tax_minor": "bigint",
        "seller_details": "jsonb",
    },
)
Refund = Table(
    "refunds",
    {
        "viewer": "text",
        "purchase": "uuid",
        "id": "uuid",
        "idempotency_key": "text",
        "request_hash": "bytea",
        "requested_by": "text",
        "state": "text",
        "coins": "bigint",
        "amount_minor": "bigint",
        "tax_minor": "bigint",
        "currency": "text",
        "reason": "text",
        "requested_at": "timestamp with time zone",
        "decided_at": "timestamp with time zone",
        "voided_at": "timestamp with time zone",
        "next_check_at": "timestamp with time zone",
        "checks": "integer",
        "submitted_at": "timestamp with time zone",
        "provider_refund": "text",
        "unresolved_at": "timestamp with time zone",
        "look_at": "timestamp with time zone",
        "looks": "integer",
    },
)
Withdrawal = Table(
    "withdrawals",
    {
        "viewer": "text",
        "purchase": "uuid",
        "id": "uuid",
        "idempotency_key": "text",
        "request_hash": "bytea",
        "consumer_name": "text",
        "reply_to": "text",
        "received_at": "timestamp with time zone",
        "period_ends_at": "timestamp with time zone",
        "refund": "uuid",
        "reason": "text",
    },
)
Acceptance = Table(
    "acceptances",
    {
        "viewer": "text",
        "purchase": "uuid",
        "paid_at": "timestamp with time zone",
        "next_check_at": "timestamp with time zone",
        "checks": "integer",
        "accepted_at": "timestamp with time zone",
        "rejected": "text",
    },
)
StoreQuestion = Table(
    "store_questions",
    {
        "viewer": "text",
        "purchase": "uuid",
        "id": "uuid",
        "question": "text",
        "asked_at": "timestamp with time zone",
        "coins": "bigint",
        "used_coins": "bigint",
        "next_check_at": "timestamp with time zone",
        "checks": "integer",
        "answered_at": "timestamp with time zone",
        "rejected": "text",
    },
)
WebhookEvent = Table(
    "webhook_events",
    {
        "provider": "text",
        "webhook_id": "text",
        "kind": "text",
        "payload_hash": "bytea",
        "payment": "text",
        "reference": "text",
        "viewer": "text",
        "purchase": "uuid",
        "received_at": "timestamp with time zone",
        "applied_at": "timestamp with time zone",
        "next_check_at": "timestamp with time zone",
        "checks": "integer",
    },
)
ArchivedWebhook = Table(
    "webhook_archive",
    {
        "provider": "text",
        "webhook_id": "text",
        "received_at": "timestamp with time zone",
        "key_id": "text",
        "encrypted": "bytea",
        "replay_at": "timestamp with time zone",
        "replays": "integer",
    },
)
Backfill = Table(
    "backfills",
    {
        "provider": "text",
        "covered_until": "timestamp with time zone",
        "next_check_at": "timestamp with time zone",
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
