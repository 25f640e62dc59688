"""What the payout service knows of people besides their ids: who they are, what they wrote."""

from shared.backoffice.erasures import PersonalData, counting
from shared.postgres.statements import Statement, text

DIAMONDS_LEFT = "diamonds-left"
_OPEN = "state IN ('requested', 'held', 'approved', 'sent')"
_PAYOUT_OPEN = text(f"SELECT 1 FROM payouts WHERE creator = :user AND {_OPEN} LIMIT 1")  # noqa: S608
_DIAMONDS_LEFT = text("""
    SELECT 1 FROM accounts
    WHERE user_id = :user AND kind IN ('main', 'pending') AND balance > 0 LIMIT 1
""")
# A payout that began meanwhile needs its account until it ends: the erasure is repeated.
_NONE_OPEN = f"NOT EXISTS (SELECT FROM payouts AS open WHERE open.creator = :user AND open.{_OPEN})"
_PAYEES = counting(f"DELETE FROM payees WHERE creator = :user AND {_NONE_OPEN}")  # noqa: S608
# Whose names and addresses they are, and which listed people they were taken for.
_CONTACTS = counting(f"DELETE FROM payee_contacts WHERE creator = :user AND {_NONE_OPEN}")  # noqa: S608
_MATCHES = counting(f"DELETE FROM payee_matches WHERE creator = :user AND {_NONE_OPEN}")  # noqa: S608
_BANK_ACCOUNTS = counting(f"DELETE FROM bank_accounts WHERE creator = :user AND {_NONE_OPEN}")  # noqa: S608
_DESTINATIONS = counting(f"""
    UPDATE payouts SET destination = ''
    WHERE creator = :user AND destination <> '' AND NOT {_OPEN}
""")  # noqa: S608
_BLANK_APPEALS = counting(
    "UPDATE payout_appeals SET text = '' WHERE creator = :user AND text <> ''"
)
_SCHEDULES = counting("""
    UPDATE payout_schedules
    SET kind = 'none', threshold_diamonds = NULL, next_at = NULL, age_years = NULL, country = NULL
    WHERE creator = :user AND (kind, age_years, country) IS DISTINCT FROM ('none', NULL, NULL)
""")
_CARDS = counting("""
    UPDATE fundings SET fingerprint = NULL WHERE viewer = :user AND fingerprint IS NOT NULL
""")
PERSONAL_DATA = PersonalData(
    erased={
        "payees": _PAYEES,
        "payee-contacts": _CONTACTS,
        "payee-matches": _MATCHES,
        "bank-accounts": _BANK_ACCOUNTS,
        "destinations": _DESTINATIONS,
        "appeals": _BLANK_APPEALS,
        "schedules": _SCHEDULES,
        "cards": _CARDS,
    },
    obstacles={"payout-open": _PAYOUT_OPEN, DIAMONDS_LEFT: _DIAMONDS_LEFT},
    given_up=frozenset({DIAMONDS_LEFT}),
)

_PAYEE = text("SELECT to_jsonb(t)::text AS row FROM payees AS t WHERE creator = :user")
_CONTACT = text("SELECT to_jsonb(t)::text AS row FROM payee_contacts AS t WHERE creator = :user")
# Holder and number are encrypted: creators know them.
_BANK_ACCOUNT = text("""
    SELECT (to_jsonb(t) - ARRAY['key_id', 'encrypted'])::text AS row
    FROM bank_accounts AS t WHERE creator = :user
""")
# Of anonymous gifts creators do not know the viewer; a lot leads to its viewer's purchase.
_EARNINGS = text("""
    SELECT (
        to_jsonb(t) - 'lot' || CASE WHEN anonymous THEN '{"viewer": null}'::jsonb ELSE '{}' END
    )::text AS row
    FROM earnings AS t WHERE creator = :user
""")
_ACCOUNTS = text("SELECT to_jsonb(t)::text AS row FROM accounts AS t WHERE user_id = :user")
_PAYOUTS = text("""
    SELECT (to_jsonb(t) - 'request_hash')::text AS row FROM payouts AS t
    WHERE creator = :user ORDER BY requested_at
""")
_STATES = text("SELECT to_jsonb(t)::text AS row FROM payout_states AS t WHERE creator = :user")
_REVIEWS = text("SELECT to_jsonb(t)::text AS row FROM payout_reviews AS t WHERE creator = :user")
# Who decided is the operator's own affair.
_DECISIONS = text("""
    SELECT (to_jsonb(t) - 'operator')::text AS row FROM payout_decisions AS t WHERE creator = :user
""")
_APPEALS = text("SELECT to_jsonb(t)::text AS row FROM payout_appeals AS t WHERE creator = :user")
_SCHEDULE = text("SELECT to_jsonb(t)::text AS row FROM payout_schedules AS t WHERE creator = :user")
_ASSIGNMENTS = text(
    "SELECT to_jsonb(t)::text AS row FROM rate_assignments AS t WHERE creator = :user"
)
_SPLITS = text("SELECT to_jsonb(t)::text AS row FROM splits AS t WHERE creator = :user")
_STREAMS = text("SELECT to_jsonb(t)::text AS row FROM streams AS t WHERE creator = :user")
# Which operators asked and decided is not the creator's.
_BONUSES = text("""
    SELECT (to_jsonb(t) - ARRAY['request_hash', 'requested_by', 'decided_by'])::text AS row
    FROM bonuses AS t WHERE creator = :user ORDER BY requested_at
""")
EXPORTED: dict[str, Statement] = {
    "payees": _PAYEE,
    "payee_contacts": _CONTACT,
    "bank_accounts": _BANK_ACCOUNT,
    "accounts": _ACCOUNTS,
    "earnings": _EARNINGS,
    "payouts": _PAYOUTS,
    "payout_states": _STATES,
    "payout_reviews": _REVIEWS,
    "payout_decisions": _DECISIONS,
    "payout_appeals": _APPEALS,
    "payout_schedules": _SCHEDULE,
    "rate_assignments": _ASSIGNMENTS,
    "splits": _SPLITS,
    "bonuses": _BONUSES,
    "streams": _STREAMS,
}
