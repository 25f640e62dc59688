"""
A hash chain over the entries: a later change of history becomes visible. Each part has its own.

Each transaction leaves a row in `unsealed` that names its decisions, until a sealer takes it; so
nothing is locked where gifts are paid. A block's hash covers whole entries, refusals included, and
the hash of the block before it. Each block is published: others keep the hash, and a new chain
would differ.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared.ledger.verification import Violation
from shared.postgres.database import Row, Transaction
from shared.postgres.statements import text

BLOCK_ENTRIES_MAX = 1_000
GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block of entries."""

    number: int
    entries: int
    hash: bytes
    previous_hash: bytes


def chain_of(tx: Transaction, asset: str) -> str:
    """Return the name of the chain that this transaction's part has: `coins`, or `coins-07`."""
    return asset if tx.part is None else f"{asset}-{tx.part:02}"


async def seal(tx: Transaction) -> Block | None:
    """Seal the decisions that wait, about a block of them; only one sealer may do this."""
    taken = await tx.execute(_TAKE, {"limit": BLOCK_ENTRIES_MAX})
    ranges = sorted(
        (user, first, last)
        for row in taken
        for user, first, last in zip(row.users, row.firsts, row.lasts, strict=True)
    )
    if not ranges:
        return None
    users, firsts, lasts = (list(column) for column in zip(*ranges, strict=True))
    members = {"users": users, "firsts": firsts, "lasts": lasts}
    last = (await tx.execute(_LAST)).first()
    number, previous = (last.block + 1, last.hash) if last else (1, GENESIS)
    digest, entries = (await tx.execute(_HASH, {**members, "previous": previous})).one()
    await tx.execute(
        _ADD,
        {**members, "block": number, "entries": entries, "hash": digest, "previous": previous},
    )
    return Block(number, entries, digest, previous)


async def broken_seals(tx: Transaction) -> AsyncIterator[Violation | int]:
    """
    Yield what the chain proves to have been changed, and the number of each block checked.

    One block is in memory at a time. At the end come entries that slipped past the chain. Of a
    block that is in an archive only the chain is looked at: see `broken_archives`.
    """
    block, previous = 0, GENESIS
    while True:
        sealed = (await tx.execute(_NEXT, {"after": block})).first()
        if sealed is None:
            break
        block += 1
        if sealed.block != block:
            yield Violation("seal-missing", "", f"block {block} is not there")
            block = sealed.block
        if sealed.previous_hash != previous:
            yield Violation("seal-chain", "", f"block {block} does not follow the one before it")
        if not sealed.is_archived and await _digest(tx, sealed, previous) != sealed.hash:
            yield Violation("seal-hash", "", f"an entry of block {block} was changed or removed")
        previous = sealed.hash
        yield block
    for row in await tx.execute(_STRAY):
        yield Violation("seal-stray", row.user_id, f"entry {row.number} was never sealed")


async def _digest(tx: Transaction, sealed: Row, previous: bytes) -> bytes:
    members = {"users": sealed.users, "firsts": sealed.firsts, "lasts": sealed.lasts}
    digest, _ = (await tx.execute(_HASH, {**members, "previous": previous})).one()
    return bytes(digest)


async def count_unsealed(tx: Transaction) -> int:
    """Return how many decisions are in no block yet."""
    return int((await tx.execute(_UNSEALED)).scalar_one())


async def count_blocks(tx: Transaction) -> int:
    return int((await tx.execute(_COUNT)).scalar_one())


# A transaction is taken whole, so a block may have some more entries than the limit. Each has one
# at least: a range of as many ids is enough, and reads no more than its rows.
_TAKE = text("""
    DELETE FROM unsealed WHERE id = ANY(ARRAY(
        SELECT id FROM (
            SELECT id, sum(entries) OVER (ORDER BY id) - entries AS before
            FROM (
                SELECT id, (
                    SELECT sum(last - first + 1) FROM unnest(firsts, lasts) AS range (first, last)
                ) AS entries
                FROM unsealed WHERE id BETWEEN (SELECT min(id) FROM unsealed)
                    AND (SELECT min(id) FROM unsealed) + :limit
            ) AS oldest
        ) AS counted
        WHERE before < :limit
    ))
    RETURNING users, firsts, lasts
""")
_LAST = text("SELECT block, hash FROM seals ORDER BY block DESC LIMIT 1")
# Everything that was decided, in one unambiguous text: JSON quotes what people wrote. It is of the
# entries `e`, however they are read.
BLOCK_HASH = """
    sha256(CAST(:previous AS bytea) || convert_to(coalesce(string_agg(
        jsonb_build_array(
            e.user_id, e.number, e.gift, e.reference, encode(e.request_hash, 'hex'), e.kind,
            e.asset, e.accounts, e.amounts, e.balances_after, e.assets, e.lots, e.slices, e.result,
            extract(epoch FROM e.recorded_at) * 1000000
        )::text, E'\\n' ORDER BY e.user_id COLLATE "C", e.number
    ), ''), 'UTF8'))
"""
# The entries `e` of a block.
BLOCK_ENTRIES = """
    unnest(
        CAST(:users AS text[]), CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[])
    ) AS member (user_id, first, last),
    LATERAL (
        SELECT * FROM entries
        WHERE entries.user_id = member.user_id AND number BETWEEN first AND last OFFSET 0
    ) AS e
"""
_HASH = text(f"SELECT {BLOCK_HASH}, count(*) FROM {BLOCK_ENTRIES}")  # noqa: S608 - our own text
_ADD = text("""
    INSERT INTO seals (block, users, firsts, lasts, entries, hash, previous_hash)
    VALUES (:block, CAST(:users AS text[]), CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[]),
            :entries, :hash, :previous)
""")
_NEXT = text("""
    SELECT block, users, firsts, lasts, hash, previous_hash,
           EXISTS (SELECT FROM archives WHERE block BETWEEN first_block AND last_block)
               AS is_archived
    FROM seals WHERE block > :after ORDER BY block LIMIT 1
""")
# Only looked for when the numbers do not agree: it reads every block at once.
_STRAY = text("""
    WITH known AS MATERIALIZED (
        SELECT users, firsts, lasts FROM seals UNION ALL SELECT users, firsts, lasts FROM unsealed
    ), ranges AS MATERIALIZED (
        SELECT user_id, first, last
        FROM known, unnest(users, firsts, lasts) AS range (user_id, first, last)
    )
    SELECT e.user_id, e.number FROM entries AS e
    WHERE (SELECT count(*) FROM entries) <> (
        SELECT coalesce(sum(last - first + 1), 0) FROM ranges
      )
      AND NOT EXISTS (
        SELECT FROM ranges
        WHERE ranges.user_id = e.user_id AND e.number BETWEEN first AND last
    )
    LIMIT 100
""")
_COUNT = text("SELECT count(*) FROM seals")
_UNSEALED = text("""
    SELECT coalesce(sum(last - first + 1), 0)::bigint
    FROM unsealed, unnest(firsts, lasts) AS range (first, last)
""")
