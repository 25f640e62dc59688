"""
Advisory locks of creators, between batches that count gifts and what creators set up.

A batch takes those of its creators shared (batch_locks.py); a request that adds a goal or a perk
takes one alone.
"""

import zlib
from collections.abc import Iterable

from shared.postgres.database import Transaction
from shared.postgres.statements import text

# A batch may be of thousands of creators, and the server has room for so many locks in all.
CREATOR_LOCKS = 256

# The first key of these advisory locks; no other locks of ours have it.
LOCK_CLASS = 1


async def lock_creator(tx: Transaction, creator: str) -> None:
    """Let no batch with gifts to a creator begin until this ends; those that did have ended."""
    await limit_lock_wait(tx)
    (number,) = lock_numbers([creator])
    await tx.execute(_LOCK, {"class": LOCK_CLASS, "number": number})


_LOCK = text("""
    SELECT pg_advisory_xact_lock(CAST(:class AS integer), CAST(:number AS integer))
""")


async def limit_lock_wait(tx: Transaction) -> None:
    """Give up a lock after a second: a batch that waits behind this one waits as long."""
    await tx.execute(_LIMIT_WAIT)


_LIMIT_WAIT = text("SET LOCAL lock_timeout = 1000")


def lock_numbers(creators: Iterable[str]) -> list[int]:
    """Return the numbers of creators' locks, sorted; some creators share one."""
    return sorted({zlib.crc32(creator.encode()) % CREATOR_LOCKS for creator in creators})
