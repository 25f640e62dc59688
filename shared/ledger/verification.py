"""
Verify that a ledger agrees with its postings, in memory that does not grow with it.

Users are taken in ranges. For each range, PostgreSQL derives balances again from the postings and
returns only the differences. One snapshot covers all of it, so writers go on.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shared.postgres.database import Transaction
from shared.postgres.statements import Statement, text

RANGE_USERS = 500
VIOLATIONS_SHOWN_MAX = 100
# The invariant above all others.
UNBALANCED = "entry-sums-to-zero"


@dataclass(frozen=True, slots=True)
class Violation:
    """Rows that break an invariant: its name, the user of the rows, and what is wrong."""

    invariant: str
    user: str
    detail: str


@dataclass(frozen=True, slots=True)
class Invariant:
    """
    What must hold, as a statement that returns (user_id, detail) of each violation.

    The statement covers the users above `:after`, up to `:until`.
    """

    name: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Progress:
    """How many users and postings are verified so far."""

    users: int
    postings: int


async def verify_ledger(
    tx: Transaction, invariants: Sequence[Invariant]
) -> AsyncIterator[Violation | Progress]:
    """Yield each violation, and the progress after each range of users."""
    after, users, postings = "", 0, 0
    while True:
        row = (await tx.execute(_RANGE, {"after": after, "limit": RANGE_USERS})).one()
        # The last range is open: what belongs to no user we know must be found as well.
        until = row.last if row.users == RANGE_USERS else None
        between = {"after": after, "until": until}
        for each in invariants:
            for number, found in enumerate(await tx.execute(each.statement, between)):
                if number == VIOLATIONS_SHOWN_MAX:
                    yield Violation(each.name, found.user_id, "and more of the same")
                    break
                yield Violation(each.name, found.user_id, found.detail)
        users += row.users
        postings += (await tx.execute(_POSTINGS, between)).scalar_one()
        yield Progress(users, postings)
        if until is None:
            return
        after = until


async def count_users(tx: Transaction) -> int:
    return int((await tx.execute(_USERS)).scalar_one())


def invariant(name: str, statement: str) -> Invariant:
    """
    Define an invariant.

    `{users}` is the condition on its users, `{t.users}` on those of table t, `{creators}` or
    `{viewers}` where the column is called so.
    """
    return Invariant(name, _over_users(statement))


def _over_users(statement: str) -> Statement:
    def condition(found: re.Match[str]) -> str:
        column = f"{found[1] or ''}{_COLUMNS[found[2]]}"
        upper = f"(CAST(:until AS text) IS NULL OR {column} <= CAST(:until AS text))"
        return f"{column} > CAST(:after AS text) AND {upper}"

    return text(_USERS_MARK.sub(condition, statement))


_USERS_MARK = re.compile(r"\{(\w+\.)?(users|creators|viewers)\}")
_COLUMNS = {"users": "user_id", "creators": "creator", "viewers": "viewer"}
LEDGER_INVARIANTS = (
    invariant(
        UNBALANCED,
        """
            SELECT user_id, format('entry %s is off by %s %s', entry, sum(amount), asset)
                AS detail
            FROM postings WHERE {users}
            GROUP BY user_id, entry, asset HAVING sum(amount) <> 0
        """,
    ),
    invariant(
        "entry-has-postings",
        """
            SELECT user_id, format('entry %s has a kind and no postings, or these without it',
                                   number) AS detail
            FROM entries
            WHERE {users} AND (
                (kind IS NULL) <> (coalesce(cardinality(amounts), 0) = 0)
                OR cardinality(string_to_array(accounts, ',')) <> cardinality(amounts)
                OR cardinality(balances_after) > cardinality(amounts)
            )
        """,
    ),
    invariant(
        "balance-is-its-postings",
        """
            SELECT user_id, format('%s %s is %s, its postings say %s', account, asset,
                                   coalesce(balance, 0), coalesce(posted, 0)) AS detail
            FROM (SELECT user_id, kind AS account, asset, balance FROM accounts WHERE {users}) AS a
            FULL JOIN (
                SELECT user_id, account, asset, sum(amount) AS posted FROM postings
                WHERE {users} AND account NOT LIKE '@%'
                GROUP BY user_id, account, asset
            ) AS p USING (user_id, account, asset)
            WHERE coalesce(balance, 0) <> coalesce(posted, 0)
        """,
    ),
    invariant(
        "balance-after-follows",
        """
            SELECT user_id, format('after entry %s %s is said to be %s, and is %s', entry,
                                   account, balance_after, running) AS detail
            FROM (
                SELECT user_id, entry, account, balance_after, sum(amount) OVER (
                    PARTITION BY user_id, account, asset ORDER BY entry
                ) AS running
                FROM postings WHERE {users} AND account NOT LIKE '@%'
            ) AS p
            WHERE balance_after IS DISTINCT FROM running
        """,
    ),
    invariant(
        "decisions-are-counted",
        """
            SELECT user_id, format('%s decisions are numbered up to %s, the account says %s',
                                   coalesce(decisions, 0), highest, version) AS detail
            FROM (
                SELECT user_id, max(version) AS version FROM accounts WHERE {users} GROUP BY user_id
            ) AS a
            FULL JOIN (
                SELECT user_id, count(*) AS decisions, max(number) AS highest FROM entries
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
_POSTINGS = _over_users(
    "SELECT coalesce(sum(cardinality(amounts)), 0)::bigint FROM entries WHERE {users}"
)
