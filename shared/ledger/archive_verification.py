"""
Verify that archives are what was sealed, and that what stays in the database is what they say.

Each file has the hash that was kept, and each of its blocks the hash of its seal. Keys and balances
brought forward are compared by sums over all archives, in memory that does not grow with them: each
row counts with a weight that is a hash of its name.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shared.ledger.archive_file import ArchivedRow, read_rows
from shared.ledger.archive_store import ArchiveUnavailable
from shared.ledger.archiving import blocks_of
from shared.ledger.recall import ARCHIVED, read_file
from shared.ledger.sealing import BLOCK_HASH
from shared.ledger.verification import LEDGER_INVARIANTS, Violation, invariant
from shared.postgres.database import Row, Transaction
from shared.postgres.statements import text


@dataclass(slots=True)
class _Sums:
    """What the archives come to that were read."""

    keys: int = 0
    balances: int = 0


async def broken_archives(tx: Transaction) -> AsyncIterator[Violation | int]:
    """Yield what is wrong with archives, and the number of each that was read."""
    sums, block, is_whole = _Sums(), 0, True
    for archive in await tx.execute(_ARCHIVES):
        if archive.first_block != block + 1:
            yield Violation("archive-missing", "", f"no archive has block {block + 1}")
            is_whole = False
        block = archive.last_block
        try:
            rows = list(read_rows(read_file(archive.file, archive.hash)))
        except ArchiveUnavailable as error:
            yield Violation("archive-unreadable", "", f"{archive.file}: {error.facts['reason']}")
            is_whole = False
            continue
        async for violation in _broken_blocks(tx, archive, rows, sums):
            yield violation
        async for violation in _wrong_users(tx, archive, rows):
            yield violation
        yield archive.number
    if is_whole:
        kept = (await tx.execute(_KEPT)).one()
        if kept.key_sum != sums.keys:
            yield Violation("archived-keys", "", "the keys that are kept are not those of archives")
        if kept.balance_sum != sums.balances:
            yield Violation(
                "opening-balances", "", "the balances brought forward are not those of archives"
            )


async def count_archives(tx: Transaction) -> int:
    return int((await tx.execute(_COUNT)).scalar_one())


async def _broken_blocks(
    tx: Transaction, archive: Row, rows: Sequence[ArchivedRow], sums: _Sums
) -> AsyncIterator[Violation]:
    """Yield what the seals say of the blocks of a file, and add what its entries come to."""
    between = {"first": archive.first_block, "last": archive.last_block}
    seals = {each.block: each for each in await tx.execute(_SEALS, between)}
    found = set()
    for block, entries in blocks_of(rows):
        found.add(block)
        sealed = seals.get(block)
        asked = {"archived": entries, "previous": sealed.previous_hash if sealed else b""}
        read = (await tx.execute(_BLOCK, asked)).one()
        sums.keys += int(read.key_sum)
        sums.balances += int(read.balance_sum)
        if sealed and (read.hash, read.entries) != (sealed.hash, sealed.entries):
            yield Violation("seal-hash", "", f"an entry of block {block} was changed")
    if found != seals.keys():
        yield Violation("archive-blocks", "", f"{archive.file} has other blocks than were sealed")


async def _wrong_users(
    tx: Transaction, archive: Row, rows: Sequence[ArchivedRow]
) -> AsyncIterator[Violation]:
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        first, last = found.get(row["user_id"], (row["number"], row["number"]))
        found[row["user_id"]] = min(first, row["number"]), max(last, row["number"])
    kept = {
        row.user_id: (row.first, row.last)
        for row in await tx.execute(_USERS, {"archive": archive.number})
    }
    for user in sorted(found.keys() | kept.keys()):
        if found.get(user) != kept.get(user):
            yield Violation(
                "archived-users",
                user,
                f"{archive.file} has decisions {found.get(user)}, kept is {kept.get(user)}",
            )


_ARCHIVES = text("SELECT number, first_block, last_block, file, hash FROM archives ORDER BY number")
_COUNT = text("SELECT count(*) FROM archives")
_SEALS = text("""
    SELECT block, entries, hash, previous_hash FROM seals WHERE block BETWEEN :first AND :last
""")
_USERS = text("SELECT user_id, first, last FROM archived_users WHERE archive = :archive")
_KEY_WEIGHT = "hashtextextended(format('%s %s %s', {number}, {key}, {user}), 0)"
_BALANCE_WEIGHT = "hashtextextended(format('%s %s %s %s', {kind}, {account}, {asset}, {user}), 0)"
_BLOCK = text(f"""
    SELECT {BLOCK_HASH} AS hash, count(*) AS entries, coalesce(sum({
    _KEY_WEIGHT.format(
        number="e.number", key="reference_key(e.gift, e.reference)", user="e.user_id"
    )
}::numeric), 0) AS key_sum, coalesce(sum((
               SELECT sum(leg.amount::numeric * {
    _BALANCE_WEIGHT.format(
        kind="e.kind", account="leg.account", asset="coalesce(leg.asset, e.asset)", user="e.user_id"
    )
})
               FROM unnest(string_to_array(e.accounts, ','), e.amounts, e.assets)
                   AS leg (account, amount, asset)
           )), 0) AS balance_sum
    FROM {ARCHIVED} AS e
""")  # noqa: S608 - our own text only
_KEPT = text(f"""
    SELECT (
        SELECT coalesce(sum({
    _KEY_WEIGHT.format(number="number", key="key", user="user_id")
}::numeric), 0) FROM archived_keys
    ) AS key_sum, (
        SELECT coalesce(sum(amount::numeric * {
    _BALANCE_WEIGHT.format(kind="kind", account="account", asset="asset", user="user_id")
}), 0) FROM opening_balances
    ) AS balance_sum
""")  # noqa: S608 - our own text only
# Of a ledger that archives: its balances begin with what was brought forward.
ARCHIVED_LEDGER_INVARIANTS = (
    *(each for each in LEDGER_INVARIANTS if each.name != "decisions-are-counted"),
    invariant(
        "decisions-are-counted",
        """
            SELECT user_id, format('%s decisions are numbered up to %s, %s before them are in'
                                   ' archives, the account says %s',
                                   coalesce(decisions, 0), highest, archived, version) AS detail
            FROM (
                SELECT user_id, max(version) AS version FROM accounts WHERE {users} GROUP BY user_id
            ) AS a
            FULL JOIN (
                SELECT user_id, count(*) AS decisions, max(number) AS highest FROM entries
                WHERE {users} GROUP BY user_id
            ) AS o USING (user_id)
            FULL JOIN (
                SELECT user_id, sum(last - first + 1) AS archived, max(last) AS last_archived
                FROM archived_users WHERE {users} GROUP BY user_id
            ) AS f USING (user_id)
            WHERE coalesce(version, 0) <> coalesce(decisions, 0) + coalesce(archived, 0)
               OR coalesce(version, 0) <> coalesce(highest, last_archived, 0)
               OR coalesce(archived, 0) <> coalesce(last_archived, 0)
        """,
    ),
    invariant(
        "reference-is-decided-once",
        """
            SELECT e.user_id, format('entry %s has the reference of entry %s in an archive',
                                     e.number, k.number) AS detail
            FROM entries AS e
            JOIN archived_keys AS k
                ON k.user_id = e.user_id AND k.key = reference_key(e.gift, e.reference)
            WHERE {e.users}
        """,
    ),
)
