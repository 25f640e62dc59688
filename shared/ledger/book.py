"""
The one path that writes the ledger, for a batch of one as for a batch of a thousand.

Open a book for the users of a batch: this locks their accounts in sorted order and loads their
earlier decisions. Decide with pure functions on the locked accounts. Write: a row a decision.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import text

from shared.ledger.entries import MAIN, Entry, LockedAccounts
from shared.postgres.copying import NULL, array, escaped, text_array
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Book:
    """
    The accounts locked by one transaction; `recorded_at` is the time of the lock.

    `is_sealed` says whether the service seals its history.
    """

    users: dict[str, LockedAccounts]
    recorded_at: datetime
    is_sealed: bool

    def __getitem__(self, user: str) -> LockedAccounts:
        return self.users[user]

    async def write(self, tx: Transaction) -> None:
        """Write every decision made since the book was opened."""
        assert not any(accounts.has_open_decision for accounts in self.users.values())
        changed = [accounts for accounts in self.users.values() if accounts.entries]
        if not changed:
            return
        await tx.copy("entries", _ENTRY, _lines(changed, self.recorded_at))
        rows = [
            (accounts.user, kind, asset, balance, accounts.version)
            for accounts in changed
            for (kind, asset), balance in accounts.balances.items()
        ]
        columns = dict(zip(_ACCOUNT, map(list, zip(*rows, strict=True)), strict=True))
        if self.is_sealed:
            await tx.execute(_WRITE_SEALED, {**columns, **_ranges(changed)})
        else:
            await tx.execute(_WRITE_ACCOUNTS, columns)


async def open_book(
    tx: Transaction, asset: str, references: Iterable[tuple[str, str]], *, is_sealed: bool = True
) -> Book:
    """
    Lock the users of these (user, reference) pairs and load the decisions of the references.

    Only accounts are ever locked, and always sorted: two batches with users in common would
    otherwise each hold what the other waits for.
    """
    pairs = sorted(set(references))
    users = {user: LockedAccounts(user) for user, _ in pairs}
    asked = {"users": list(users), "asset": asset}
    if (await tx.execute(_LOCK, asked)).scalar_one() < len(users):
        # The first statement waited for the transaction that opened an account, and did not see it.
        await tx.execute(_LOCK, asked)
    # A separate statement: the one that waited for the lock does not see what the transaction
    # that held it has written.
    found = await tx.execute(
        _READ,
        {
            "users": asked["users"],
            "pair_users": [user for user, _ in pairs],
            "pair_references": [reference for _, reference in pairs],
        },
    )
    recorded_at = None
    for row in found:
        accounts = users[row.user_id]
        if row.reference is not None:
            accounts.outcomes[row.reference] = Entry(
                row.number, row.reference, row.request_hash, row.kind, result=row.outcome
            )
        else:
            accounts.balances[row.kind, row.asset] = row.balance
            if row.kind == MAIN and row.asset == asset:
                accounts.version, recorded_at = row.number, row.recorded_at
    assert recorded_at is not None
    return Book(users, recorded_at, is_sealed)


def _ranges(changed: Sequence[LockedAccounts]) -> dict[str, list[object]]:
    """Return the numbers of the new decisions of each user, from the first to the last."""
    return {
        "users": [accounts.user for accounts in changed],
        "firsts": [accounts.entries[0].number for accounts in changed],
        "lasts": [accounts.entries[-1].number for accounts in changed],
    }


def _lines(changed: Sequence[LockedAccounts], recorded_at: datetime) -> Iterator[str]:
    at = recorded_at.isoformat()
    for accounts in changed:
        user = escaped(accounts.user)
        for entry in accounts.entries:
            result = NULL if entry.result is None else escaped(entry.result)
            yield (
                f"{user}\t{entry.number}\t{escaped(entry.reference)}\t"
                f"\\\\x{entry.request_hash.hex()}\t{_moved(entry)}\t{result}\t{at}\n"
            )


def _moved(entry: Entry) -> str:
    """Write what moved, as columns."""
    if entry.kind is None:
        return _NOTHING_MOVED
    names, assets = _legs(tuple([(account, asset) for account, asset, _ in entry.postings]))
    amounts = array([amount for _, _, amount in entry.postings])
    after, lots, slices = array(entry.balances_after), NULL, NULL
    if entry.slices:
        lots = array([lot for lot, _ in entry.slices])
        if len(entry.slices) > 1:
            slices = array([taken for _, taken in entry.slices])
    return f"{entry.kind}\t{names}\t{amounts}\t{after}\t{assets}\t{lots}\t{slices}"


@lru_cache(maxsize=1_024)
def _legs(legs: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """Write the asset and the accounts of an entry, and its assets if they differ."""
    accounts, assets = zip(*legs, strict=True)
    differ = len(set(assets)) > 1
    return (
        f"{escaped(assets[0])}\t{text_array(accounts)}",
        text_array(assets) if differ else NULL,
    )


_ENTRY = (
    *("user_id", "number", "reference", "request_hash", "kind", "asset", "accounts", "amounts"),
    *("balances_after", "assets", "lots", "slices", "result", "recorded_at"),
)
_NOTHING_MOVED = "\t".join([NULL] * 8)
_ACCOUNT = ("user_id", "kind", "asset", "balance", "version")
# OFFSET 0 keeps the search of one account from becoming a join with all of them.
_LOCK = text("""
    WITH opened AS (
        INSERT INTO accounts (user_id, kind, asset)
        SELECT user_id, 'main', :asset
        FROM unnest(CAST(:users AS text[])) WITH ORDINALITY AS u (user_id, position)
        WHERE NOT EXISTS (
            SELECT FROM accounts
            WHERE accounts.user_id = u.user_id AND kind = 'main' AND asset = :asset OFFSET 0
        )
        ORDER BY position
        ON CONFLICT DO NOTHING
        RETURNING 1
    ), locked AS (
        SELECT FROM accounts
        WHERE user_id = ANY(CAST(:users AS text[])) AND kind = 'main' AND asset = :asset
        ORDER BY user_id
        FOR UPDATE
    )
    SELECT (SELECT count(*) FROM opened) + (SELECT count(*) FROM locked)
""")
_READ = text("""
    SELECT user_id, kind, asset, balance, version AS number, CAST(NULL AS text) AS reference,
           CAST(NULL AS bytea) AS request_hash, CAST(NULL AS text) AS outcome,
           clock_timestamp() AS recorded_at
    FROM unnest(CAST(:users AS text[])) AS asked (of_user),
        LATERAL (SELECT * FROM accounts WHERE user_id = of_user OFFSET 0) AS found
    UNION ALL
    SELECT user_id, kind, NULL, NULL, number, reference, request_hash, outcome::text, NULL
    FROM unnest(CAST(:pair_users AS text[]), CAST(:pair_references AS text[]))
        AS asked (of_user, of_reference),
        LATERAL (
            SELECT * FROM outcomes
            WHERE user_id COLLATE "C" = of_user AND reference = of_reference OFFSET 0
        ) AS found
""")
# An account is found by its key, however young the statistics are.
_ACCOUNTS = """
    INSERT INTO accounts (user_id, kind, asset, balance, version)
    SELECT * FROM unnest(
        CAST(:user_id AS text[]), CAST(:kind AS text[]), CAST(:asset AS text[]),
        CAST(:balance AS bigint[]), CAST(:version AS bigint[])
    )
    ON CONFLICT (user_id, kind, asset) DO UPDATE
    SET balance = excluded.balance, version = excluded.version
"""
_WRITE_ACCOUNTS = text(_ACCOUNTS)
_WRITE_SEALED = text(f"""
    WITH written AS (
        INSERT INTO unsealed (users, firsts, lasts)
        VALUES (CAST(:users AS text[]), CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[]))
    ) {_ACCOUNTS}
""")  # noqa: S608 - our own text only
