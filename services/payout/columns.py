"""
The columns of the tables of payout, for its statements.

Written by deploy/docs/columns.py from services/payout/tables.py: run `make contracts`.
"""

from shared.postgres.rows import Table

BankAccount = Table(
    "bank_accounts",
    {
        "creator": "text",
        "token": "text",
        "key_id": "text",
        "encrypted": "bytea",
        "added_at": "timestamp with time zone",
    },
)
BankBatch = Table(
    "bank_batches",
    {
        "file": "uuid",
        "payments": "integer",
        "key_id": "text",
        "encrypted": "bytea",
    },
)
BankCutoff = Table(
    "bank_cutoffs",
    {
        "file": "uuid",
        "ordered_before": "timestamp with time zone",
        "payments_max": "integer",
        "made_by": "text",
        "reason": "text",
    },
)
BankFile = Table(
    "bank_files",
    {
        "id": "uuid",
        "payments": "integer",
        "amount_minor": "bigint",
        "currency": "text",
        "made_at": "timestamp with time zone",
        "made_by": "text",
        "key_id": "text",
        "encrypted": "bytea",
    },
)
BankOrder = Table(
    "bank_orders",
    {
        "creator": "text",
        "attempt": "uuid",
        "account": "text",
        "amount_minor": "bigint",
        "currency": "text",
        "ordered_at": "timestamp with time zone",
        "state": "text",
    },
)
BankPayment = Table(
    "bank_payments",
    {
        "creator": "text",
        "attempt": "uuid",
        "file": "uuid",
    },
)
BankReport = Table(
    "bank_reports",
    {
        "id": "uuid",
        "message_id": "text",
        "kind": "text",
        "statuses": "integer",
        "contradictions": "integer",
        "received_at": "timestamp with time zone",
        "received_by": "text",
        "confirmed_by": "text",
        "applied_at": "timestamp with time zone",
        "key_id": "text",
        "encrypted": "bytea",
    },
)
BankStatus = Table(
    "bank_statuses",
    {
        "creator": "text",
        "attempt": "uuid",
        "report": "uuid",
        "code": "text",
        "reason": "text",
    },
)
Bonus = Table(
    "bonuses",
    {
        "creator": "text",
        "id": "uuid",
        "request_hash": "bytea",
        "funder": "text",
        "diamonds": "bigint",
        "reason": "text",
        "state": "text",
        "requested_by": "text",
        "requested_at": "timestamp with time zone",
        "decided_by": "text",
        "decided_at": "timestamp with time zone",
        "matures_at": "timestamp with time zone",
        "hold_reason": "text",
        "matured": "boolean",
    },
)
Earning = Table(
    "earnings",
    {
        "creator": "text",
        "gift": "uuid",
        "slice": "smallint",
        "decision": "bigint",
        "viewer": "text",
        "lot": "uuid",
        "lot_kind": "text",
        "coins": "bigint",
        "rate_bp": "integer",
        "diamonds": "bigint",
        "reversed_diamonds": "bigint",
        "occurred_at": "timestamp with time zone",
        "matures_at": "timestamp with time zone",
        "hold_reason": "text",
        "matured": "boolean",
        "lost_diamonds": "bigint",
        "anonymous": "boolean",
        "shared_by": "text",
        "shares_bp": "integer[]",
        "gift_type": "text",
        "count": "integer",
        "room": "text",
        "combo": "uuid",
    },
)
Creator = Table(
    "creators",
    {
        "creator": "text",
        "rate_version": "integer",
        "currency": "text",
        "value_minor_per_1000": "bigint",
        "first_earned_at": "timestamp with time zone",
        "lifetime_diamonds": "bigint",
        "maturings": "bigint",
        "closed_until": "date",
        "closed_entry": "bigint",
    },
)
Reversal = Table(
    "reversals",
    {
        "creator": "text",
        "gift": "uuid",
        "lot": "uuid",
        "revision": "bigint",
        "reversed_coins": "bigint",
        "most_coins": "bigint",
        "newest_at": "timestamp with time zone",
        "restored_at": "timestamp with time zone",
        "known_revisions": "bigint[]",
        "shared_by": "text",
    },
)
SentShare = Table(
    "sent_shares",
    {
        "creator": "text",
        "gift": "uuid",
        "party": "text",
        "shares_bp": "integer[]",
    },
)
Restoration = Table(
    "restorations",
    {
        "creator": "text",
        "gift": "uuid",
        "slice": "smallint",
        "diamonds": "bigint",
        "pending": "bigint",
        "matures_at": "timestamp with time zone",
    },
)
FraudWarning = Table(
    "fraud_warnings",
    {
        "lot": "uuid",
        "flagged_at": "timestamp with time zone",
        "until": "timestamp with time zone",
    },
)
Stream = Table(
    "streams",
    {
        "stream": "uuid",
        "room": "text",
        "creator": "text",
        "opened_at": "timestamp with time zone",
        "closed_at": "timestamp with time zone",
    },
)
Funding = Table(
    "fundings",
    {
        "viewer": "text",
        "lot": "uuid",
        "purchase": "uuid",
        "paid_at": "timestamp with time zone",
        "fingerprint": "text",
    },
)
Payer = Table(
    "payers",
    {
        "viewer": "text",
        "first_paid_at": "timestamp with time zone",
    },
)
FraudFinding = Table(
    "fraud_findings",
    {
        "creator": "text",
        "payout": "uuid",
        "rule": "text",
        "version": "integer",
        "mode": "text",
        "score_bp": "integer",
        "diamonds": "bigint",
        "of_diamonds": "bigint",
        "accounts": "integer",
        "named": "text[]",
        "found_at": "timestamp with time zone",
    },
)
Payee = Table(
    "payees",
    {
        "creator": "text",
        "currency": "text",
        "provider": "text",
        "destination": "text",
        "country": "text",
        "account": "uuid",
        "changed_at": "timestamp with time zone",
        "revision": "bigint",
        "changed_by": "text",
        "usable_at": "timestamp with time zone",
        "unreviewed": "boolean",
        "verification": "text",
        "tax_form": "text",
        "tax_form_kind": "text",
        "requirements": "text[]",
        "payouts_enabled": "boolean",
        "next_read_at": "timestamp with time zone",
        "reads": "integer",
        "applied_read": "integer",
        "screening": "text",
        "list_version": "text",
        "screened_at": "timestamp with time zone",
    },
)
PayeeRevision = Table(
    "payee_revisions",
    {
        "creator": "text",
        "newest": "bigint",
    },
)
PayeeContact = Table(
    "payee_contacts",
    {
        "creator": "text",
        "revision": "bigint",
        "destination": "text",
        "email": "text",
        "legal_name": "text",
    },
)
PayeeMatch = Table(
    "payee_matches",
    {
        "creator": "text",
        "revision": "bigint",
        "entry": "text",
        "listed_name": "text",
        "list_version": "text",
        "found_at": "timestamp with time zone",
        "cleared_at": "timestamp with time zone",
        "cleared_by": "text",
    },
)
Quote = Table(
    "quotes",
    {
        "creator": "text",
        "id": "uuid",
        "diamonds": "bigint",
        "value_minor": "bigint",
        "value_currency": "text",
        "amount_minor": "bigint",
        "fee_minor": "bigint",
        "currency": "text",
        "exchange_ppm": "bigint",
        "exchanged_as_of": "date",
        "rate_version": "integer",
        "expires_at": "timestamp with time zone",
        "payout": "uuid",
    },
)
Payout = Table(
    "payouts",
    {
        "creator": "text",
        "id": "uuid",
        "idempotency_key": "text",
        "request_hash": "bytea",
        "quote": "uuid",
        "diamonds": "bigint",
        "value_minor": "bigint",
        "value_currency": "text",
        "amount_minor": "bigint",
        "fee_minor": "bigint",
        "currency": "text",
        "rate_version": "integer",
        "provider": "text",
        "destination": "text",
        "state": "text",
        "version": "integer",
        "requested_at": "timestamp with time zone",
        "correlation_id": "text",
        "returned_minor": "bigint",
        "country": "text",
    },
)
PayoutLoss = Table(
    "payout_losses",
    {
        "creator": "text",
        "payout": "uuid",
        "lost_diamonds": "bigint",
    },
)
PayoutState = Table(
    "payout_states",
    {
        "creator": "text",
        "payout": "uuid",
        "version": "integer",
        "state": "text",
        "reason": "text",
        "at": "timestamp with time zone",
    },
)
PayoutReview = Table(
    "payout_reviews",
    {
        "creator": "text",
        "payout": "uuid",
        "revision": "integer",
        "reasons": "text[]",
        "opened_at": "timestamp with time zone",
        "decide_by": "timestamp with time zone",
        "promised_by": "timestamp with time zone",
    },
)
PayoutDecision = Table(
    "payout_decisions",
    {
        "creator": "text",
        "payout": "uuid",
        "operator": "text",
        "revision": "integer",
        "decision": "text",
        "reason": "text",
        "ground": "text",
        "clause": "text",
        "facts": "text",
        "at": "timestamp with time zone",
    },
)
PayoutAppeal = Table(
    "payout_appeals",
    {
        "creator": "text",
        "payout": "uuid",
        "text": "text",
        "appealed_at": "timestamp with time zone",
        "decide_by": "timestamp with time zone",
        "decision": "text",
        "decided_at": "timestamp with time zone",
    },
)
PayoutSchedule = Table(
    "payout_schedules",
    {
        "creator": "text",
        "kind": "text",
        "threshold_diamonds": "bigint",
        "currency": "text",
        "age_years": "integer",
        "country": "text",
        "next_at": "timestamp with time zone",
        "last_tried_at": "timestamp with time zone",
        "last_refusal": "text",
    },
)
Statement = Table(
    "statements",
    {
        "creator": "text",
        "month": "date",
        "year": "integer",
        "number": "integer",
        "last_entry": "bigint",
        "available_in": "bigint",
        "available_out": "bigint",
        "closed_at": "timestamp with time zone",
    },
)
StatementLine = Table(
    "statement_lines",
    {
        "creator": "text",
        "month": "date",
        "asset": "text",
        "line": "text",
        "amount": "bigint",
        "entries": "bigint",
    },
)
MaturedSlice = Table(
    "matured_slices",
    {
        "creator": "text",
        "maturing": "bigint",
        "gift": "uuid",
        "slice": "smallint",
        "part": "smallint",
        "diamonds": "bigint",
    },
)
RateAnnouncement = Table(
    "rate_announcements",
    {
        "version": "integer",
        "plan": "text",
        "effective_from": "timestamp with time zone",
        "currency": "text",
        "value_minor_per_1000": "bigint",
        "published_at": "timestamp with time zone",
    },
)
RateAssignment = Table(
    "rate_assignments",
    {
        "creator": "text",
        "effective_from": "timestamp with time zone",
        "plan": "text",
        "assigned_at": "timestamp with time zone",
    },
)
Split = Table(
    "splits",
    {
        "creator": "text",
        "effective_from": "timestamp with time zone",
        "parties": "text[]",
        "shares_bp": "integer[]",
        "recorded_at": "timestamp with time zone",
    },
)
Attempt = Table(
    "attempts",
    {
        "creator": "text",
        "id": "uuid",
        "payout": "uuid",
        "number": "integer",
        "transfer": "text",
        "closed": "boolean",
        "checks": "integer",
        "next_check_at": "timestamp with time zone",
        "first_submitted_at": "timestamp with time zone",
        "unresolved_at": "timestamp with time zone",
        "answered_check": "integer",
    },
)
Contradiction = Table(
    "contradictions",
    {
        "creator": "text",
        "payout": "uuid",
        "attempt": "uuid",
        "state": "text",
        "status": "text",
        "at": "timestamp with time zone",
    },
)
WebhookEvent = Table(
    "webhook_events",
    {
        "id": "bigint",
        "provider": "text",
        "webhook_id": "text",
        "kind": "text",
        "attempt": "uuid",
        "payload_hash": "bytea",
        "received_at": "timestamp with time zone",
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
