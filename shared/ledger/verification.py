"""
Proof that a ledger is what its postings say, in memory that does not grow with it.

Users are taken in ranges; within one, PostgreSQL derives everything again from the postings and
returns only what differs. All of it is read at one instant, while the ledger goes on.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause, text

from shared.postgres.database import Transaction

RANGE_USERS = 500
FAULTS_SHOWN_MAX = 100
# The law above all others.
UNBALANCED = "movement-sums-to-zero"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the books that cannot be: which law it breaks, whose it is, and what it is."""

    check: str
    user: str
    detail: str


@dataclass(frozen=True, slots=True)
class Check:
    """
    A law, as a statement that returns (user_id, detail) of whatever breaks it.

    It looks at the users above `:after`, up to `:until`.
    """

    name: str
    statement: TextClause


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the proof has come."""

    users: int
    postings: int


async def prove(tx: Transaction, checks: Sequence[Check]) -> AsyncIterator[Fault | Progress]:
    """Yield what breaks a law, and after each range of users how far we are."""
    after, users, postings = "", 0, 0
    while True:
        row = (await tx.execute(_RANGE, {"after": after, "limit": RANGE_USERS})).one()
        # The last range is open: what belongs to no user we know must be found as well.
        until = row.last if row.users == RANGE_USERS else None
        between = {"after": after, "until": until}
        for check in checks:
            for number, found in enumerate(await tx.execute(check.statement, between)):
                if number == FAULTS_SHOWN_MAX:
                    yield Fault(check.name, found.user_id, "and more of the same")
                    break
                yield Fault(check.name, found.user_id, found.detail)
        users += row.users
        postings += (await tx.execute(_POSTINGS, between)).scalar_one()
        yield Progress(users, postings)
        if until is None:
            return
        after = until


async def count_users(tx: Transaction) -> int:
    return int((await tx.execute(_USERS)).scalar_one())


def law(name: str, statement: str) -> Check:
    """
    Write a law down.

    `{users}` is the condition on its users, `{t.users}` on those of table t, `{creators}` or
    `{viewers}` where the column is called so.
    """
    return Check(name, _over_users(statement))


def _over_users(statement: str) -> TextClause:
    def condition(found: re.Match[str]) -> str:
        column = f"{found[1] or ''}{_COLUMNS[found[2]]}"
        upper = f"(CAST(:until AS text) IS NULL OR {column} <= CAST(:until AS text))"
        return f"{column} > CAST(:after AS text) AND {upper}"

    return text(_USERS_MARK.sub(condition, statement))


_USERS_MARK = re.compile(r"\{(\w+\.)?(users|creators|viewers)\}")
_COLUMNS = {"users": "user_id", "creators": "creator", "viewers": "viewer"}
LEDGER_CHECKS = (
    law(
        UNBALANCED,
        """
            SELECT user_id, format('movement %s is off by %s %s', movement, sum(amount), unit)
                AS detail
            FROM postings WHERE {users}
            GROUP BY user_id, movement, unit HAVING sum(amount) <> 0
        """,
    ),
    law(
        "movement-has-postings",
        """
            SELECT user_id, format('movement %s is without postings, or these without it', id)
                AS detail
            FROM (SELECT user_id, id FROM movements WHERE {users}) AS m
            FULL JOIN (SELECT DISTINCT user_id, movement AS id FROM postings WHERE {users}) AS p
                USING (user_id, id)
            WHERE m IS NULL OR p IS NULL
        """,
    ),
    law(
        "balance-is-its-postings",
        """
            SELECT user_id, format('%s %s is %s, its postings say %s', account, unit,
                                   coalesce(balance, 0), coalesce(posted, 0)) AS detail
            FROM (SELECT user_id, kind AS account, unit, balance FROM accounts WHERE {users}) AS a
            FULL JOIN (
                SELECT user_id, account, unit, sum(amount) AS posted FROM postings
                WHERE {users} AND account NOT LIKE '@%'
                GROUP BY user_id, account, unit
            ) AS p USING (user_id, account, unit)
            WHERE coalesce(balance, 0) <> coalesce(posted, 0)
        """,
    ),
    law(
        "balance-after-follows",
        """
            SELECT user_id, format('after movement %s %s is said to be %s, and is %s', movement,
                                   account, balance_after, running) AS detail
            FROM (
                SELECT user_id, movement, account, balance_after, sum(amount) OVER (
                    PARTITION BY user_id, account, unit ORDER BY movement
                ) AS running
                FROM postings WHERE {users} AND account NOT LIKE '@%'
            ) AS p
            WHERE balance_after IS DISTINCT FROM running
        """,
    ),
    law(
        "movement-has-its-outcome",
        """
            SELECT user_id, format('%s: movement %s, outcome of %s', cause, m.id, o.movement)
                AS detail
            FROM (SELECT user_id, cause, id FROM movements WHERE {users}) AS m
            FULL JOIN (
                SELECT user_id, cause, movement FROM outcomes
                WHERE {users} AND movement IS NOT NULL
            ) AS o USING (user_id, cause)
            WHERE m.id IS DISTINCT FROM o.movement
        """,
    ),
    law(
        "decisions-are-counted",
        """
            SELECT user_id, format('%s decisions are numbered up to %s, the account says %s',
                                   coalesce(decisions, 0), highest, version) AS detail
            FROM (
                SELECT user_id, max(version) AS version FROM accounts WHERE {users} GROUP BY user_id
            ) AS a
            FULL JOIN (
                SELECT user_id, count(*) AS decisions, max(version) AS highest FROM outcomes
                WHERE {users} GROUP BY user_id
            ) AS o USING (user_id)
            WHERE coalesce(version, 0) <> coalesce(decisions, 0)
               OR coalesce(version, 0) <> coalesce(highest, 0)
        """,
    ),
)
_RANGE = text("""
    SELECT count(*) AS users, max(user_id) AS last FROM (
        SELECT DISTINCT user_id FROM accounts WHERE user_id > :after ORDER BY user_id LIMIT :limit
    ) AS next
""")
_USERS = text("SELECT count(DISTINCT user_id) FROM accounts")
_POSTINGS = _over_users("SELECT count(*) FROM postings WHERE {users}")
