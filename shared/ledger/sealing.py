"""
A hash chain over the entries: a later change of history becomes visible.

Entries wait in `unsealed` until a sealer takes them, in blocks; so nothing is locked where gifts
are paid. A block's hash covers its entries with their postings and outcomes, and the hash of
the block before it. Each block is announced: others keep the hash, and a new chain would differ.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import text

from shared.ledger.verification import Violation
from shared.postgres.database import Transaction

BLOCK_ENTRIES_MAX = 1_000
GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block of entries."""

    number: int
    entries: int
    hash: bytes
    previous_hash: bytes


async def seal(tx: Transaction) -> Block | None:
    """Seal the entries that wait, at most a block of them; only one sealer may do this."""
    taken = await tx.execute(_TAKE, {"limit": BLOCK_ENTRIES_MAX})
    if not taken:
        return None
    keys = sorted((row.user_id, row.entry) for row in taken)
    members = {"users": [user for user, _ in keys], "ids": [entry for _, entry in keys]}
    last = (await tx.execute(_LAST)).first()
    number, previous = (last.block + 1, last.hash) if last else (1, GENESIS)
    digest = (await tx.execute(_HASH, {**members, "previous": previous})).scalar_one()
    await tx.execute(
        _ADD, {**members, "block": number, "hash": bytes(digest), "previous": previous}
    )
    return Block(number, len(keys), bytes(digest), bytes(previous))


async def broken_seals(tx: Transaction) -> AsyncIterator[Violation | int]:
    """
    Yield what the chain proves to have been changed, and the number of each block checked.

    One block is in memory at a time. At the end come entries that slipped past the chain.
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
        members = {"users": sealed.users, "ids": sealed.entries, "previous": previous}
        if (await tx.execute(_HASH, members)).scalar_one() != sealed.hash:
            yield Violation("seal-hash", "", f"an entry of block {block} was changed or removed")
        previous = sealed.hash
        yield block
    for row in await tx.execute(_STRAY):
        yield Violation("seal-stray", row.user_id, f"entry {row.id} was never sealed")


async def count_blocks(tx: Transaction) -> int:
    return int((await tx.execute(_COUNT)).scalar_one())


_TAKE = text("""
    DELETE FROM unsealed WHERE (user_id, entry) IN (
        SELECT user_id, entry FROM unsealed
        ORDER BY user_id, entry LIMIT :limit
    )
    RETURNING user_id, entry
""")
_LAST = text("SELECT block, hash FROM seals ORDER BY block DESC LIMIT 1")
# Everything that was decided, in one unambiguous text: JSON quotes what people wrote.
_HASH = text("""
    SELECT sha256(CAST(:previous AS bytea) || convert_to(coalesce(string_agg(
        jsonb_build_array(
            e.user_id, e.id, e.kind, e.reference, extract(epoch FROM e.recorded_at) * 1000000,
            encode(o.request_hash, 'hex'), o.outcome, p.legs
        )::text, E'\\n' ORDER BY e.user_id COLLATE "C", e.id
    ), ''), 'UTF8'))
    FROM unnest(CAST(:users AS text[]), CAST(:ids AS bigint[])) AS member (user_id, id)
    JOIN entries AS e ON e.user_id = member.user_id AND e.id = member.id
    LEFT JOIN outcomes AS o ON o.user_id = e.user_id AND o.reference = e.reference
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(
            jsonb_build_array(account, asset, amount, balance_after) ORDER BY account, asset
        ) AS legs
        FROM postings WHERE postings.user_id = e.user_id AND postings.entry = e.id
    ) AS p ON true
""")
_ADD = text("""
    INSERT INTO seals (block, users, entries, hash, previous_hash)
    VALUES (:block, CAST(:users AS text[]), CAST(:ids AS bigint[]), :hash, :previous)
""")
_NEXT = text("""
    SELECT block, users, entries, hash, previous_hash FROM seals
    WHERE block > :after ORDER BY block LIMIT 1
""")
# Only looked for when the numbers do not agree: it reads every block at once.
_STRAY = text("""
    SELECT e.user_id, e.id FROM entries AS e
    WHERE (SELECT count(*) FROM entries) <> (
        SELECT coalesce(sum(cardinality(users)), 0) FROM seals
    ) + (SELECT count(*) FROM unsealed)
    AND NOT EXISTS (
        SELECT FROM unsealed AS u WHERE u.user_id = e.user_id AND u.entry = e.id
    )
    AND (e.user_id, e.id) NOT IN (SELECT unnest(users), unnest(entries) FROM seals)
    LIMIT 100
""")
_COUNT = text("SELECT count(*) FROM seals")
