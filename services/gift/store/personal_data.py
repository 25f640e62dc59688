"""What the gift service knows of people besides their ids: what they write with their gifts."""

from shared.backoffice.erasures import PersonalData, counting
from shared.postgres.statements import Statement, text

# A message that was held and then approved is in its event as well.
_EVENTS = counting("""
    UPDATE event_archive SET event = event || '{"message": ""}'
    WHERE key = :user AND event ->> 'message' <> ''
""")
PERSONAL_DATA = PersonalData(erased={"events": _EVENTS})

_GIFTS = text("""
    SELECT (to_jsonb(t) - 'request_hash' - 'slices')::text AS row FROM gifts AS t
    WHERE viewer = :user ORDER BY requested_at
""")
_COMBOS = text("SELECT to_jsonb(t)::text AS row FROM combos AS t WHERE viewer = :user")
_RULES = text("SELECT to_jsonb(t)::text AS row FROM creator_rules AS t WHERE creator = :user")
_BLOCKS = text("SELECT to_jsonb(t)::text AS row FROM blocks AS t WHERE creator = :user")
_ERASURES = text("SELECT to_jsonb(t)::text AS row FROM erasures AS t WHERE user_id = :user")
EXPORTED: dict[str, Statement] = {
    "gifts": _GIFTS,
    "combos": _COMBOS,
    "creator_rules": _RULES,
    "blocks": _BLOCKS,
    "erasures": _ERASURES,
}
