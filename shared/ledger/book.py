"""
The one path that writes the ledger, for a batch of one as for a batch of a thousand.

Open a book for the users of a batch: this locks their accounts in sorted order and loads their
earlier decisions. Decide with pure functions on the locked accounts. Write: a row a decision.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from shared.ledger.entries import GIFT_PREFIX, MAIN, Entry, LockedAccounts, Posting
from shared.ledger.recall import recall_decisions
from shared.postgres.copying import NULL, array, escaped, text_array
from shared.postgres.database import Transaction
from shared.postgres.statements import text


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
            written = await tx.execute(_WRITE_SEALED, {**columns, **_ranges(changed)})
        else:
            written = await tx.execute(_WRITE_ACCOUNTS, columns)
        if written.scalar_one() < len(rows):
            await tx.execute(_OPEN_ACCOUNTS, columns)


async def open_book(
    tx: Transaction, asset: str, references: Iterable[tuple[str, str]], *, is_sealed: bool = True
) -> Book:
    """
    Lock the users of these (user, reference) pairs and load the decisions of the references.

    Every account of a user belongs to the row `main`. These rows are locked in the order of the
    users' code points, missing ones are opened in their turn, and nothing is locked a second time:
    two batches with users in common would otherwise each hold what the other waits for.
    """
    pairs = sorted(set(references))
    users = {user: LockedAccounts(user) for user, _ in pairs}
    asked = {"users": list(users), "asset": asset}
    await tx.execute(_LOCK, asked)
    # A separate statement: the one that waited for the lock does not see what the transaction
    # that held it has written.
    statement = _READ_SEALED if is_sealed else _READ
    found = await tx.execute(statement, {"users": asked["users"], **_asked(pairs)})
    recorded_at, archived = None, []
    for row in found:
        accounts, kind = users[row["user_id"]], row["kind"]
        if row["is_archived"]:
            archived.append((row["user_id"], row["number"]))
        elif (reference := row["reference"]) is not None:
            accounts.outcomes[reference] = Entry(
                row["number"], reference, row["request_hash"], kind, result=row["outcome"]
            )
        else:
            held = row["asset"]
            accounts.balances[kind, held] = row["balance"]
            if kind == MAIN and held == asset:
                accounts.version, recorded_at = row["number"], row["recorded_at"]
    assert recorded_at is not None
    if archived:
        await _add_archived(tx, users, pairs, archived)
    return Book(users, recorded_at, is_sealed)


async def _add_archived(
    tx: Transaction,
    users: Mapping[str, LockedAccounts],
    pairs: Sequence[tuple[str, str]],
    archived: Sequence[tuple[str, int]],
) -> None:
    """Add decisions that are in archives; the key of another text may be the same."""
    decisions = await recall_decisions(tx, archived)
    for user, reference in pairs:
        if (known := decisions.get((user, reference))) is not None:
            users[user].outcomes[reference] = known


def _asked(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the references as parameters: gifts by their ids, and all others."""
    gifts = [pair for pair in pairs if pair[1].startswith(GIFT_PREFIX)]
    others = set(pairs).difference(gifts) if len(gifts) < len(pairs) else ()
    return {
        "gift_users": [user for user, _ in gifts],
        "gifts": [reference[len(GIFT_PREFIX) :] for _, reference in gifts],
        "other_users": [user for user, _ in others],
        "references": [reference for _, reference in others],
    }


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
                f"{user}\t{entry.number}\t{_referred(entry.reference)}\t"
                f"\\\\x{entry.request_hash.hex()}\t{_moved(entry)}\t{result}\t{at}\n"
            )


def _referred(reference: str) -> str:
    """Write a reference as columns: the id of a gift, or the text of another."""
    if reference.startswith(GIFT_PREFIX):
        return f"{reference.removeprefix(GIFT_PREFIX)}\t{NULL}"
    return f"{NULL}\t{escaped(reference)}"


def _moved(entry: Entry) -> str:
    """Write what moved, as columns."""
    if entry.kind is None:
        return _NOTHING_MOVED
    legs, assets = _legs(tuple(entry.postings))
    after, lots, slices = array(entry.balances_after), NULL, NULL
    if entry.slices:
        lots = array([lot for lot, _ in entry.slices])
        if len(entry.slices) > 1:
            slices = array([taken for _, taken in entry.slices])
    return f"{entry.kind}\t{legs}\t{after}\t{assets}\t{lots}\t{slices}"


@lru_cache(maxsize=4_096)
def _legs(postings: tuple[Posting, ...]) -> tuple[str, str]:
    """Write the asset, the accounts and the amounts of an entry, and its assets if they differ."""
    accounts, assets, amounts = zip(*postings, strict=True)
    assert not any("," in account for account in accounts), accounts
    return (
        f"{escaped(assets[0])}\t{escaped(','.join(accounts))}\t{array(amounts)}",
        escaped(text_array(assets)) if len(set(assets)) > 1 else NULL,
    )


_ENTRY = (
    *("user_id", "number", "gift", "reference", "request_hash", "kind", "asset", "accounts"),
    *("amounts", "balances_after", "assets", "lots", "slices", "result", "recorded_at"),
)
_NOTHING_MOVED = "\t".join([NULL] * 8)
_ACCOUNT = ("user_id", "kind", "asset", "balance", "version")
# One pass in the given order, over accounts that exist and accounts that do not. A row in conflict
# is locked before its WHERE is looked at, also one that another transaction has just opened; the
# WHERE is false, so nothing is written. With a statement for the missing ones and another for the
# rest, a transaction would come back for an account while it holds later ones.
_LOCK = text("""
    INSERT INTO accounts (user_id, kind, asset)
    SELECT user_id, 'main', :asset
    FROM unnest(CAST(:users AS text[])) WITH ORDINALITY AS asked (user_id, position)
    ORDER BY position
    ON CONFLICT (user_id, kind, asset) DO UPDATE SET version = accounts.version WHERE false
""")
_DECIDED = """
    SELECT user_id, kind, asset, balance, version AS number, CAST(NULL AS text) AS reference,
           CAST(NULL AS bytea) AS request_hash, CAST(NULL AS text) AS outcome,
           clock_timestamp() AS recorded_at, false AS is_archived
    FROM unnest(CAST(:users AS text[])) AS asked (of_user),
        LATERAL (SELECT * FROM accounts WHERE user_id = of_user OFFSET 0) AS found
    UNION ALL
    SELECT user_id, kind, NULL, NULL, number, reference, request_hash, outcome::text, NULL,
           false
    FROM unnest(CAST(:gift_users AS text[]), CAST(:gifts AS uuid[])) AS asked (of_user, of_gift),
        LATERAL (
            SELECT * FROM outcomes
            WHERE user_id COLLATE "C" = of_user AND gift = of_gift OFFSET 0
        ) AS found
    UNION ALL
    SELECT user_id, kind, NULL, NULL, number, reference, request_hash,
           coalesce(result, '{}')::text, NULL, false
    FROM unnest(CAST(:other_users AS text[]), CAST(:references AS text[]))
        AS asked (of_user, of_reference),
        LATERAL (
            SELECT * FROM entries
            WHERE user_id COLLATE "C" = of_user AND reference = of_reference OFFSET 0
        ) AS found
"""
_READ = text(_DECIDED)
# A decision that is in an archive has left its key: while there are archives, it is looked up too.
_READ_SEALED = text(f"""{_DECIDED}
    UNION ALL
    SELECT user_id, NULL, NULL, NULL, number, NULL, NULL, NULL, NULL, true
    FROM (
        SELECT * FROM unnest(CAST(:gift_users AS text[]), CAST(:gifts AS uuid[]))
        UNION ALL
        SELECT of_other, reference_key(NULL, of_reference)
        FROM unnest(CAST(:other_users AS text[]), CAST(:references AS text[]))
            AS other (of_other, of_reference)
    ) AS asked (of_user, of_key),
        LATERAL (
            SELECT * FROM archived_keys WHERE user_id = of_user AND key = of_key OFFSET 0
        ) AS found
    WHERE EXISTS (SELECT FROM archives)
""")  # noqa: S608 - our own text only
# An account is found by its key, however young the statistics are: the LIMIT makes PostgreSQL
# expect one row. Most accounts are there, and an upsert would log the lock of each as well.
_GIVEN = """
    (
        SELECT * FROM unnest(
            CAST(:user_id AS text[]), CAST(:kind AS text[]), CAST(:asset AS text[]),
            CAST(:balance AS bigint[]), CAST(:version AS bigint[])
        ) AS given (user_id, kind, asset, balance, version)
        LIMIT cardinality(CAST(:user_id AS text[]))
    ) AS new
"""
_MOVED = f"""
    moved AS (
        UPDATE accounts SET balance = new.balance, version = new.version
        FROM {_GIVEN}
        WHERE accounts.user_id = new.user_id AND accounts.kind = new.kind
            AND accounts.asset = new.asset
        RETURNING 1
    )
    SELECT count(*) FROM moved
"""  # noqa: S608 - our own text only
_WRITE_ACCOUNTS = text(f"WITH {_MOVED}")
_WRITE_SEALED = text(f"""
    WITH written AS (
        INSERT INTO unsealed (users, firsts, lasts)
        VALUES (CAST(:users AS text[]), CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[]))
    ), {_MOVED}
""")  # noqa: S608 - our own text only
_OPEN_ACCOUNTS = text(f"""
    INSERT INTO accounts (user_id, kind, asset, balance, version)
    SELECT * FROM {_GIVEN}
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - our own text only
