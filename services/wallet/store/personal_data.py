"""What the wallet knows of people besides their ids: nothing but numbers and times."""

from shared.backoffice.erasures import PersonalData
from shared.ledger.recall import ARCHIVED
from shared.postgres.statements import Statement, text

COINS_LEFT = "coins-left"
_COINS_LEFT = text("""
    SELECT 1 FROM accounts
    WHERE user_id = :user AND kind IN ('main', 'held') AND balance > 0 LIMIT 1
""")
PERSONAL_DATA = PersonalData(
    erased={}, obstacles={COINS_LEFT: _COINS_LEFT}, given_up=frozenset({COINS_LEFT})
)

_ACCOUNTS = text("SELECT to_jsonb(t)::text AS row FROM accounts AS t WHERE user_id = :user")
_LOTS = text("SELECT to_jsonb(t)::text AS row FROM lots AS t WHERE user_id = :user")
_ENTRIES = text("""
    SELECT (to_jsonb(t) - 'request_hash')::text AS row FROM entries AS t
    WHERE user_id = :user ORDER BY number
""")
_ARCHIVED_ENTRIES = text(f"""
    SELECT (to_jsonb(t) - 'request_hash')::text AS row FROM {ARCHIVED} AS t ORDER BY number
""")  # noqa: S608 - our own text only
_LIMITS = text("SELECT to_jsonb(t)::text AS row FROM limits AS t WHERE user_id = :user")
_EXCLUSIONS = text("SELECT to_jsonb(t)::text AS row FROM exclusions AS t WHERE user_id = :user")
EXPORTED: dict[str, Statement] = {
    "accounts": _ACCOUNTS,
    "lots": _LOTS,
    "archived_entries": _ARCHIVED_ENTRIES,
    "entries": _ENTRIES,
    "limits": _LIMITS,
    "exclusions": _EXCLUSIONS,
}
