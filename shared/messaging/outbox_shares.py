"""
Which relay publishes which share of an outbox: the locks of their sessions say it.

Every live relay holds the lock of members, beside all others, for as long as its session lives. So
each reads in `pg_locks` which relays are alive, without a clock, and all divide the shares alike. A
share belongs to the session that holds its lock, until that session gives it up or ends.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import asyncpg

from shared.messaging.outbox import SHARES
from shared.postgres.peers import divided

# The first half of an advisory lock's key; the second is the share, and 0 for members.
SHARE_CLASS, MEMBER_CLASS = 7001, 7002


class SessionChanged(ConnectionError):
    """
    Another session of PostgreSQL answers than the one that holds the locks.

    A pooler in transaction mode does that; relays need an address that leads to the server.
    """


@dataclass(frozen=True, slots=True)
class Locks:
    """Which sessions hold what, at one moment: `own` is this relay's, all are pids."""

    own: int
    members: frozenset[int]
    owners: Mapping[int, int]

    @property
    def held(self) -> set[int]:
        """The shares that this session holds."""
        return {share for share, owner in self.owners.items() if owner == self.own}

    @property
    def wanted(self) -> set[int]:
        """The shares that are this session's part of the work."""
        return {
            share for share, member in divided(self.members, SHARES).items() if member == self.own
        }


async def join(db: asyncpg.Connection, *, idle_seconds_max: int) -> None:
    """
    Become one of the relays that divide the shares, until the session ends.

    The server ends the session when it is idle for longer: a relay that is paused does not keep
    what it cannot publish.
    """
    for name in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
        await db.execute("SELECT set_config($1, $2, false)", name, f"{idle_seconds_max}s")
    await db.execute("SELECT pg_advisory_lock_shared($1, 0)", MEMBER_CLASS)


async def read_locks(db: asyncpg.Connection) -> Locks:
    """Return which relays are alive and what they hold; `SessionChanged` if we are none of them."""
    rows = await db.fetch(_LOCKS, SHARE_CLASS, MEMBER_CLASS)
    own = rows[0]["own"] if rows else 0
    members = frozenset(row["pid"] for row in rows if row["class"] == MEMBER_CLASS)
    if own not in members:
        raise SessionChanged("relays need an address without a pooler in transaction mode")
    return Locks(
        own, members, {row["number"]: row["pid"] for row in rows if row["class"] == SHARE_CLASS}
    )


_LOCKS = """
    SELECT classid::int AS class, objid::int AS number, pid, pg_backend_pid() AS own
    FROM pg_locks
    WHERE locktype = 'advisory' AND classid::bigint IN ($1, $2) AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def claim(db: asyncpg.Connection, shares: Collection[int]) -> set[int]:
    """Lock the shares that no other session holds, and return them."""
    if not shares:
        return set()
    return {row["share"] for row in await db.fetch(_CLAIM, SHARE_CLASS, sorted(shares))}


_CLAIM = """
    SELECT share FROM unnest($2::int[]) AS share WHERE pg_try_advisory_lock($1, share)
"""


async def release(db: asyncpg.Connection, shares: Iterable[int]) -> None:
    """Unlock shares of ours, of which nothing is in flight."""
    await db.execute(_RELEASE, SHARE_CLASS, sorted(shares))


_RELEASE = """
    SELECT pg_advisory_unlock($1, share) FROM unnest($2::int[]) AS share
"""
