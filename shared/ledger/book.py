"""
The one path that writes the ledger, for a batch of one as for a batch of a thousand.

Open a book for the users of a batch: this locks their accounts in sorted order and loads their
earlier outcomes. Decide with pure functions on the locked accounts. Write: one statement a table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from shared.ledger.entries import MAIN, Entry, LockedAccounts, Outcome
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Book:
    """The accounts locked by one transaction; `recorded_at` is the time of the lock."""

    users: dict[str, LockedAccounts]
    existing: frozenset[tuple[str, str, str]]
    recorded_at: datetime

    def __getitem__(self, user: str) -> LockedAccounts:
        return self.users[user]

    async def write(self, tx: Transaction) -> None:
        """Write every decision made since the book was opened."""
        assert not any(accounts.has_open_decision for accounts in self.users.values())
        changed = [accounts for accounts in self.users.values() if accounts.decided]
        if not changed:
            return
        await _write_accounts(tx, changed, self.existing)
        entries = [entry for accounts in changed for entry in accounts.entries]
        if entries:
            await _write_entries(tx, entries, self.recorded_at)
            await _write_postings(tx, entries)
        await _write_outcomes(
            tx, [(accounts.user, outcome) for accounts in changed for outcome in accounts.decided]
        )


async def open_book(tx: Transaction, asset: str, references: Iterable[tuple[str, str]]) -> Book:
    """
    Lock the users of these (user, reference) pairs and load the outcomes of the references.

    Only accounts are ever locked, and always sorted: two batches with users in common would
    otherwise each hold what the other waits for.
    """
    pairs = sorted(set(references))
    names = sorted({user for user, _ in pairs})
    await tx.execute(_ENSURE, {"users": names, "asset": asset})
    await tx.execute(_LOCK, {"users": names, "asset": asset})
    users = {user: LockedAccounts(user) for user in names}
    existing = set()
    # A separate statement: the one that waited for the lock does not see accounts opened by the
    # transaction that held it.
    balances = await tx.execute(_BALANCES, {"users": names})
    for row in balances:
        accounts = users[row.user_id]
        accounts.balances[row.kind, row.asset] = row.balance
        existing.add((row.user_id, row.kind, row.asset))
        if row.kind == MAIN and row.asset == asset:
            accounts.version = row.version
    found = await tx.execute(
        _OUTCOMES,
        {"users": [user for user, _ in pairs], "references": [reference for _, reference in pairs]},
    )
    for row in found:
        users[row.user_id].outcomes[row.reference] = Outcome(
            row.reference, row.version, row.request_hash, row.outcome, row.entry is not None
        )
    return Book(users, frozenset(existing), balances[0].recorded_at)


async def _write_accounts(
    tx: Transaction,
    users: Sequence[LockedAccounts],
    existing: frozenset[tuple[str, str, str]],
) -> None:
    rows = [
        (accounts.user, kind, asset, balance, accounts.version)
        for accounts in users
        for (kind, asset), balance in accounts.balances.items()
    ]
    names = ("users", "kinds", "assets", "balances", "versions")
    if known := [row for row in rows if row[:3] in existing]:
        await tx.execute(_UPDATE_ACCOUNTS, _columns(known, *names))
    if opened := [row for row in rows if row[:3] not in existing]:
        await tx.execute(_INSERT_ACCOUNTS, _columns(opened, *names))


async def _write_entries(tx: Transaction, entries: Sequence[Entry], recorded_at: datetime) -> None:
    rows = [(entry.user, entry.version, entry.kind, entry.reference) for entry in entries]
    columns = _columns(rows, "users", "ids", "kinds", "references")
    await tx.execute(_INSERT_ENTRIES, {**columns, "recorded_at": recorded_at})


async def _write_postings(tx: Transaction, entries: Sequence[Entry]) -> None:
    rows = [
        (entry.user, entry.version, posting.account, posting.asset, posting.amount, balance_after)
        for entry in entries
        for posting, balance_after in entry.postings
    ]
    await tx.execute(
        _INSERT_POSTINGS,
        _columns(rows, "users", "entries", "accounts", "assets", "amounts", "balances_after"),
    )


async def _write_outcomes(tx: Transaction, decided: Sequence[tuple[str, Outcome]]) -> None:
    rows = [
        (
            user,
            outcome.reference,
            outcome.version,
            outcome.request_hash,
            outcome.result,
            outcome.version if outcome.moved else None,
        )
        for user, outcome in decided
    ]
    await tx.execute(
        _INSERT_OUTCOMES,
        _columns(rows, "users", "references", "versions", "hashes", "results", "entries"),
    )


def _columns(rows: Sequence[Sequence[object]], *names: str) -> dict[str, list[object]]:
    """Turn rows into one array a column, as `unnest` takes them."""
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


_ENSURE = text("""
    INSERT INTO accounts (user_id, kind, asset)
    SELECT user_id, 'main', :asset
    FROM unnest(CAST(:users AS text[])) WITH ORDINALITY AS u (user_id, position)
    WHERE NOT EXISTS (
        SELECT FROM accounts
        WHERE accounts.user_id = u.user_id AND kind = 'main' AND asset = :asset
    )
    ORDER BY position
    ON CONFLICT DO NOTHING
""")
_LOCK = text("""
    SELECT FROM accounts
    WHERE user_id = ANY(CAST(:users AS text[])) AND kind = 'main' AND asset = :asset
    ORDER BY user_id
    FOR UPDATE
""")
_BALANCES = text("""
    SELECT user_id, kind, asset, balance, version, clock_timestamp() AS recorded_at
    FROM accounts
    WHERE user_id = ANY(CAST(:users AS text[]))
""")
_OUTCOMES = text("""
    SELECT user_id, reference, version, request_hash, outcome::text AS outcome, entry
    FROM outcomes
    JOIN unnest(CAST(:users AS text[]), CAST(:references AS text[])) AS asked (user_id, reference)
        USING (user_id, reference)
""")
_UPDATE_ACCOUNTS = text("""
    UPDATE accounts SET balance = new.balance, version = new.version
    FROM unnest(
        CAST(:users AS text[]), CAST(:kinds AS text[]), CAST(:assets AS text[]),
        CAST(:balances AS bigint[]), CAST(:versions AS bigint[])
    ) AS new (user_id, kind, asset, balance, version)
    WHERE accounts.user_id = new.user_id
      AND accounts.kind = new.kind AND accounts.asset = new.asset
""")
_INSERT_ACCOUNTS = text("""
    INSERT INTO accounts (user_id, kind, asset, balance, version)
    SELECT * FROM unnest(
        CAST(:users AS text[]), CAST(:kinds AS text[]), CAST(:assets AS text[]),
        CAST(:balances AS bigint[]), CAST(:versions AS bigint[])
    )
""")
# The sealer finds a new entry in `unsealed`, written by the same statement.
_INSERT_ENTRIES = text("""
    WITH new AS (
        INSERT INTO entries (user_id, id, kind, reference, recorded_at)
        SELECT user_id, id, kind, reference, CAST(:recorded_at AS timestamptz)
        FROM unnest(
            CAST(:users AS text[]), CAST(:ids AS bigint[]),
            CAST(:kinds AS text[]), CAST(:references AS text[])
        ) AS e (user_id, id, kind, reference)
        RETURNING user_id, id
    )
    INSERT INTO unsealed (user_id, entry) SELECT user_id, id FROM new
""")
_INSERT_POSTINGS = text("""
    INSERT INTO postings (user_id, entry, account, asset, amount, balance_after)
    SELECT * FROM unnest(
        CAST(:users AS text[]), CAST(:entries AS bigint[]), CAST(:accounts AS text[]),
        CAST(:assets AS text[]), CAST(:amounts AS bigint[]), CAST(:balances_after AS bigint[])
    )
""")
_INSERT_OUTCOMES = text("""
    INSERT INTO outcomes (user_id, reference, version, request_hash, outcome, entry)
    SELECT user_id, reference, version, request_hash, outcome::jsonb, entry
    FROM unnest(
        CAST(:users AS text[]), CAST(:references AS text[]), CAST(:versions AS bigint[]),
        CAST(:hashes AS bytea[]), CAST(:results AS text[]), CAST(:entries AS bigint[])
    ) AS o (user_id, reference, version, request_hash, outcome, entry)
""")
