"""
The one path that writes the ledger, for a batch of one as for a batch of a thousand.

Open a book for the users of a batch: their accounts are locked in sorted order and their earlier
outcomes loaded. Decide with pure functions on the holders. Write: every table in one statement.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from shared.ledger.entries import MAIN, Entry, Holder, Outcome
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Book:
    """The locked users of one transaction; `recorded_at` is when they were, for all it writes."""

    holders: dict[str, Holder]
    existing: frozenset[tuple[str, str, str]]
    recorded_at: datetime

    def __getitem__(self, user: str) -> Holder:
        return self.holders[user]

    async def write(self, tx: Transaction) -> None:
        """Write every decision made since the book was opened."""
        assert not any(holder.undecided for holder in self.holders.values())
        changed = [holder for holder in self.holders.values() if holder.decided]
        if not changed:
            return
        await _write_accounts(tx, changed, self.existing)
        entries = [entry for holder in changed for entry in holder.entries]
        if entries:
            await _write_movements(tx, entries, self.recorded_at)
            await _write_postings(tx, entries)
        await _write_outcomes(
            tx, [(holder.user, outcome) for holder in changed for outcome in holder.decided]
        )


async def open_book(tx: Transaction, unit: str, causes: Iterable[tuple[str, str]]) -> Book:
    """
    Lock the users of these (user, cause) pairs and load what was decided under the causes.

    Only accounts are ever locked, and always sorted: two batches with users in common would
    otherwise each hold what the other waits for.
    """
    pairs = sorted(set(causes))
    users = sorted({user for user, _ in pairs})
    await tx.execute(_ENSURE, {"users": users, "unit": unit})
    await tx.execute(_LOCK, {"users": users, "unit": unit})
    holders = {user: Holder(user) for user in users}
    existing = set()
    # A statement of its own: the one that waited for the lock would not see accounts that
    # whoever held it has opened meanwhile.
    balances = await tx.execute(_BALANCES, {"users": users})
    for row in balances:
        holder = holders[row.user_id]
        holder.balances[row.kind, row.unit] = row.balance
        existing.add((row.user_id, row.kind, row.unit))
        if row.kind == MAIN and row.unit == unit:
            holder.version = row.version
    found = await tx.execute(
        _OUTCOMES, {"users": [user for user, _ in pairs], "causes": [cause for _, cause in pairs]}
    )
    for row in found:
        holders[row.user_id].outcomes[row.cause] = Outcome(
            row.cause, row.version, row.request_hash, row.outcome, row.movement is not None
        )
    return Book(holders, frozenset(existing), balances[0].recorded_at)


async def _write_accounts(
    tx: Transaction,
    holders: Sequence[Holder],
    existing: frozenset[tuple[str, str, str]],
) -> None:
    rows = [
        (holder.user, kind, of_unit, balance, holder.version)
        for holder in holders
        for (kind, of_unit), balance in holder.balances.items()
    ]
    names = ("users", "kinds", "units", "balances", "versions")
    if known := [row for row in rows if row[:3] in existing]:
        await tx.execute(_UPDATE_ACCOUNTS, _columns(known, *names))
    if opened := [row for row in rows if row[:3] not in existing]:
        await tx.execute(_INSERT_ACCOUNTS, _columns(opened, *names))


async def _write_movements(
    tx: Transaction, entries: Sequence[Entry], recorded_at: datetime
) -> None:
    rows = [(entry.user, entry.version, entry.kind, entry.cause) for entry in entries]
    columns = _columns(rows, "users", "ids", "kinds", "causes")
    await tx.execute(_INSERT_MOVEMENTS, {**columns, "recorded_at": recorded_at})


async def _write_postings(tx: Transaction, entries: Sequence[Entry]) -> None:
    rows = [
        (entry.user, entry.version, posting.account, posting.unit, posting.amount, balance_after)
        for entry in entries
        for posting, balance_after in entry.postings
    ]
    await tx.execute(
        _INSERT_POSTINGS,
        _columns(rows, "users", "movements", "accounts", "units", "amounts", "balances_after"),
    )


async def _write_outcomes(tx: Transaction, decided: Sequence[tuple[str, Outcome]]) -> None:
    rows = [
        (
            user,
            outcome.cause,
            outcome.version,
            outcome.request_hash,
            outcome.result,
            outcome.version if outcome.moved else None,
        )
        for user, outcome in decided
    ]
    await tx.execute(
        _INSERT_OUTCOMES,
        _columns(rows, "users", "causes", "versions", "hashes", "results", "movements"),
    )


def _columns(rows: Sequence[Sequence[object]], *names: str) -> dict[str, list[object]]:
    """Turn rows into one array a column, as `unnest` takes them."""
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


_ENSURE = text("""
    INSERT INTO accounts (user_id, kind, unit)
    SELECT user_id, 'main', :unit
    FROM unnest(CAST(:users AS text[])) WITH ORDINALITY AS u (user_id, position)
    WHERE NOT EXISTS (
        SELECT FROM accounts
        WHERE accounts.user_id = u.user_id AND kind = 'main' AND unit = :unit
    )
    ORDER BY position
    ON CONFLICT DO NOTHING
""")
_LOCK = text("""
    SELECT FROM accounts
    WHERE user_id = ANY(CAST(:users AS text[])) AND kind = 'main' AND unit = :unit
    ORDER BY user_id
    FOR UPDATE
""")
_BALANCES = text("""
    SELECT user_id, kind, unit, balance, version, clock_timestamp() AS recorded_at
    FROM accounts
    WHERE user_id = ANY(CAST(:users AS text[]))
""")
_OUTCOMES = text("""
    SELECT user_id, cause, version, request_hash, outcome::text AS outcome, movement
    FROM outcomes
    JOIN unnest(CAST(:users AS text[]), CAST(:causes AS text[])) AS asked (user_id, cause)
        USING (user_id, cause)
""")
_UPDATE_ACCOUNTS = text("""
    UPDATE accounts SET balance = new.balance, version = new.version
    FROM unnest(
        CAST(:users AS text[]), CAST(:kinds AS text[]), CAST(:units AS text[]),
        CAST(:balances AS bigint[]), CAST(:versions AS bigint[])
    ) AS new (user_id, kind, unit, balance, version)
    WHERE accounts.user_id = new.user_id
      AND accounts.kind = new.kind AND accounts.unit = new.unit
""")
_INSERT_ACCOUNTS = text("""
    INSERT INTO accounts (user_id, kind, unit, balance, version)
    SELECT * FROM unnest(
        CAST(:users AS text[]), CAST(:kinds AS text[]), CAST(:units AS text[]),
        CAST(:balances AS bigint[]), CAST(:versions AS bigint[])
    )
""")
# The sealer finds a new movement in `unsealed`, written by the same statement.
_INSERT_MOVEMENTS = text("""
    WITH new AS (
        INSERT INTO movements (user_id, id, kind, cause, recorded_at)
        SELECT user_id, id, kind, cause, CAST(:recorded_at AS timestamptz)
        FROM unnest(
            CAST(:users AS text[]), CAST(:ids AS bigint[]),
            CAST(:kinds AS text[]), CAST(:causes AS text[])
        ) AS m (user_id, id, kind, cause)
        RETURNING user_id, id
    )
    INSERT INTO unsealed (user_id, movement) SELECT user_id, id FROM new
""")
_INSERT_POSTINGS = text("""
    INSERT INTO postings (user_id, movement, account, unit, amount, balance_after)
    SELECT * FROM unnest(
        CAST(:users AS text[]), CAST(:movements AS bigint[]), CAST(:accounts AS text[]),
        CAST(:units AS text[]), CAST(:amounts AS bigint[]), CAST(:balances_after AS bigint[])
    )
""")
_INSERT_OUTCOMES = text("""
    INSERT INTO outcomes (user_id, cause, version, request_hash, outcome, movement)
    SELECT user_id, cause, version, request_hash, outcome::jsonb, movement
    FROM unnest(
        CAST(:users AS text[]), CAST(:causes AS text[]), CAST(:versions AS bigint[]),
        CAST(:hashes AS bytea[]), CAST(:results AS text[]), CAST(:movements AS bigint[])
    ) AS o (user_id, cause, version, request_hash, outcome, movement)
""")
