"""
Operators who read about people leave a line in the audit log, before they are answered.

One rule for every operator route: a new one that names a person has it without asking for it.
"""

import re
from collections.abc import Collection
from urllib.parse import quote

import structlog
from fastapi import Request
from pydantic_core import to_json

from shared.identity.claims import BadClaim, read_subject
from shared.identity.people import SEVERAL_PEOPLE
from shared.postgres.database import Database
from shared.postgres.statements import text

READ = "read"
# Scopes of routes that show people also where a request names none: lists of open work.
SHOWS_PEOPLE = frozenset(
    (
        *("bank-files:write", "bonuses:write", "dead-letters:read", "disputes:read"),
        *("dormant:read",),
        *("payees:review", "payouts:review", "wallets:read"),
    )
)
PATH_CHARACTERS_MAX = 1_000
IDS_MAX = 100
_ID = re.compile(r"[0-9a-fA-F-]{36}")


async def record_reading(
    request: Request, *, operator: str, scope: str, people: Collection[str]
) -> None:
    """Record who reads about whom, where and when, if the request names a known person."""
    named = sorted({person for person in people if _can_be_named(person)})
    if not named and scope in SHOWS_PEOPLE and not people:
        named = [SEVERAL_PEOPLE]
    if not named:
        return
    ids = [value for _, value in request.query_params.multi_items() if _ID.fullmatch(value)]
    facts = {
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
        "ids": ids[:IDS_MAX],
    }
    database: Database = request.app.state.database
    async with database.reference.transaction() as tx:
        await tx.execute(
            _RECORD,
            {
                "operator": operator,
                "action": READ,
                "people": named,
                "reason": f"GET {quote(request.scope['path'])}"[:PATH_CHARACTERS_MAX],
                "facts": to_json(facts).decode(),
            },
        )


def _can_be_named(person: str) -> bool:
    """Whether this can be a user's id; the route refuses any other."""
    try:
        read_subject(person)
    except BadClaim:
        return False
    return True


_RECORD = text("""
    INSERT INTO audit (operator, action, user_id, reason, facts)
    SELECT :operator, :action, person, :reason, CAST(CAST(:facts AS text) AS jsonb)
    FROM unnest(CAST(:people AS text[])) AS person
""")
