"""
One place that opens sessions, and the parts whose transactions use them.

    async with database.part_for(user).transaction() as tx: ...   # what is the user's
    async with database.reference.transaction() as tx: ...        # what is of no single user
"""

import asyncio
import json
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from heapq import merge
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import asyncpg

from shared.postgres.commits import ANSWER_SECONDS_MAX, committing
from shared.postgres.errors import is_contention, is_unavailable, sqlstate
from shared.postgres.parts import PartsDiffer, part_of, require_part_count, schema_of
from shared.postgres.peers import Peers
from shared.postgres.role_settings import REQUIRED, RoleNotProvisioned
from shared.postgres.sessions import Hosts, Session
from shared.postgres.statements import text
from shared.postgres.transactions import Row, Rows, Transaction
from shared.postgres.wakeups import Wakeups

__all__ = [
    "Database",
    "Part",
    "Row",
    "Rows",
    "Transaction",
    "is_contention",
    "is_unavailable",
    "recorded_part_count",
    "require_recorded_parts",
    "sqlstate",
]

Answer = TypeVar("Answer")

CONNECT_SECONDS_MAX = 5
# A relay and a job notice a silent server, and give up their locks, before others would wait.
DIRECT_SECONDS_MAX = 30
PREPARED_STATEMENTS_MAX = 256
# A snapshot is read for as long as it takes: only a number replaces the session's own limit.
SNAPSHOT_SECONDS_MAX = 7 * 86_400
# With several parts: sessions of a lane, and of what needs no lane of its own.
LANE_SESSIONS = 2
REFERENCE_SESSIONS = 4
# Both sessions of a lane may wait for rows, for as long as `role_settings.LOCK_TIMEOUT`. A third
# transaction waits longer, so that two that fail take no others with them.
LANE_SECONDS_MAX = 12
_SNAPSHOT = """
    BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    SET LOCAL statement_timeout = 0;
    SET LOCAL enable_seqscan = on
"""
_TAKES_WRITES = text("SELECT current_setting('transaction_read_only') = 'off'")
_DEFAULTS = text(
    "SELECT name FROM pg_settings WHERE name = ANY(:names) AND source = 'default' ORDER BY 1"
)


class Part:
    """
    The tables of some users, or of no single user; a transaction here finds nobody else's rows.

    `number` is None where all users are in one part, and for the schema of reference.
    """

    def __init__(self, database: "Database", number: int | None = None) -> None:
        self._database = database
        self.number = number
        path = "" if number is None else f"; SET LOCAL search_path = {schema_of(number)}, public"
        # One round trip. The schema ends with the transaction, so a pooler may stand in between.
        self._begin, self._begin_snapshot = f"BEGIN{path}", f"{_SNAPSHOT}{path}"

    @property
    def wakeups(self) -> Wakeups:
        """The tasks that wait for commits in any part."""
        return self._database.wakeups

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit on the way out, roll back on the way up. Nothing else commits."""
        async with await self._database.session(self.number) as connection:
            tx = Transaction(connection, self.number)
            async with committing(connection, self._begin):
                yield tx
        if tx.topics:
            self.wakeups.wake(tx.topics)
        for action in tx.committed_actions:
            action()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transaction]:
        """Read everything as it is at one instant, for as long as it takes; write nothing."""
        async with (
            # It may take hours, and must not keep a lane from its other parts.
            await self._database.session(None) as connection,
            committing(connection, self._begin_snapshot),
        ):
            yield Transaction(connection, self.number, seconds_max=SNAPSHOT_SECONDS_MAX)


class Database:
    """
    A service's own database. No other service has its address.

    `url` is `postgresql://role@host:port/name`, with one host or several (`addresses`); the
    password comes beside it, from a secret that may be being replaced. A pooler in transaction
    mode may be there: then `direct_url` leads past it, for sessions that hold locks or listen, and
    a pooler that keeps no prepared statements needs `prepares` to be false. `part_count` is how
    many parts the installation has.
    `wakeups` has the tasks that wait for commits: what a transaction wrote is done at once, and
    not at the next poll. `peers` has the live instances of the service, as its relay sees them.
    """

    def __init__(
        self,
        url: str,
        *,
        direct_url: str = "",
        password: str | None = None,
        pool_size: int = 10,
        prepares: bool = True,
        part_count: int = 1,
    ) -> None:
        self.url = url
        self.direct_url = direct_url or url
        self.prepares = prepares
        self._hosts = Hosts(url, password=password)
        self._direct_hosts = Hosts(self.direct_url, password=password)
        self.wakeups = Wakeups(self.connect_directly)
        self.peers = Peers()
        self.part_count = require_part_count(part_count)
        # With one part it is the part as well: all tables are in one schema.
        self.reference = Part(self)
        is_one = part_count == 1
        self.parts = (
            (self.reference,) if is_one else tuple(Part(self, n) for n in range(part_count))
        )
        # Each has an outbox and an inbox.
        self.mailboxes = self.parts if is_one else (*self.parts, self.reference)
        # A session keeps the plans of its parts: so it has few of them.
        self._lanes = 0 if is_one else max(1, (pool_size - REFERENCE_SESSIONS) // LANE_SESSIONS)
        self._statements_max = PREPARED_STATEMENTS_MAX * (1 if is_one else 2)
        self._pool_size = pool_size if is_one else REFERENCE_SESSIONS
        self._pools: dict[int | None, asyncpg.Pool] = {}
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        """The database's name at its server."""
        return unquote(urlsplit(self.url).path.removeprefix("/"))

    def part(self, number: int) -> Part:
        """Return a part by its number."""
        return self.parts[number]

    def part_for(self, user: str) -> Part:
        """Return the part that has the rows of a user."""
        if len(self.parts) == 1:
            return self.reference
        return self.parts[part_of(user, len(self.parts))]

    def part_at(self, place: int) -> Part:
        """Return the part of the users who have this place: `shared.postgres.parts.place_of`."""
        return self.parts[place % len(self.parts)]

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction over everything; a database of several parts has none."""
        return self._only_part().transaction()

    def snapshot(self) -> AbstractAsyncContextManager[Transaction]:
        """Read everything at one instant; of several parts there is no such instant."""
        return self._only_part().snapshot()

    def _only_part(self) -> Part:
        assert len(self.parts) == 1, f"{self.name} has several parts: name the user's, or reference"
        return self.reference

    async def read_each(self, read: Callable[[Transaction], Awaitable[Answer]]) -> list[Answer]:
        """
        Read every part, one after another, each in a snapshot of its own.

        Sums of the answers are of one instant only where there is one part.
        """
        answers = []
        for part in self.parts:
            async with part.snapshot() as tx:
                answers.append(await read(tx))
        return answers

    async def read_first(
        self,
        read: Callable[[Transaction, int], Awaitable[Sequence[Answer]]],
        limit: int,
        *,
        key: Callable[[Answer], Any],
        reverse: bool = False,
    ) -> list[Answer]:
        """Read at most `limit` rows of each part, sorted by `key`, and return the first of all."""
        found = []
        for part in self.parts:
            async with part.transaction() as tx:
                found.append(await read(tx, limit))
        return list(islice(merge(*found, key=key, reverse=reverse), limit))

    async def ping(self) -> None:
        """Return if the database takes writes; raise what is wrong if it does not."""
        async with self.reference.transaction() as tx:
            if not (await tx.execute(_TAKES_WRITES)).scalar_one():
                raise asyncpg.ReadOnlySQLTransactionError("the server takes no writes: a standby?")

    async def check_role(self) -> None:
        """Raise RoleNotProvisioned if our role lacks the settings that provisioning gives it."""
        async with self.reference.transaction() as tx:
            missing = await tx.execute(_DEFAULTS, {"names": list(REQUIRED)})
        if missing:
            raise RoleNotProvisioned(
                f"The role of {self.name} has no {', '.join(row.name for row in missing)}."
                " Provision again: docs/operations/upgrades.md"
            )

    async def connect_directly(self) -> asyncpg.Connection:
        """
        Open a connection outside the pool, to hold a session advisory lock.

        It goes past a pooler, which would hand the session with its locks to others.
        """
        return await self._direct_hosts.connect(
            timeout=CONNECT_SECONDS_MAX, command_timeout=DIRECT_SECONDS_MAX
        )

    async def close(self) -> None:
        """Close all connections; work that still runs on them fails."""
        while self._pools:
            _, pool = self._pools.popitem()
            pool.terminate()

    async def session(self, part: int | None) -> Any:
        """Lend a session from the pool of a part; None: of reference."""
        lane = None if part is None else part % self._lanes
        pool = self._pools.get(lane) or await self._open_pool(lane)
        return pool.acquire(timeout=CONNECT_SECONDS_MAX if lane is None else LANE_SECONDS_MAX)

    async def _open_pool(self, lane: int | None) -> asyncpg.Pool:
        async with self._opening:
            if lane not in self._pools:
                self._pools[lane] = await asyncpg.create_pool(
                    connect=self._hosts_connect,
                    connection_class=Session,
                    timeout=CONNECT_SECONDS_MAX,
                    command_timeout=ANSWER_SECONDS_MAX,
                    min_size=0,
                    max_size=self._pool_size if lane is None else LANE_SESSIONS,
                    init=_prepare_connection,
                    reset=_leave_clean,
                    statement_cache_size=self._statements_max if self.prepares else 0,
                )
            return self._pools[lane]

    async def _hosts_connect(self, *_: Any, **options: Any) -> asyncpg.Connection:
        return await self._hosts.connect(**options)


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    """JSON arrives as what it means, and leaves as the text it was written as."""
    await connection.set_type_codec(
        "jsonb", encoder=str, decoder=json.loads, schema="pg_catalog", format="text"
    )


async def recorded_part_count(database: Database) -> int:
    """Return how many parts the database was made with; one, if it was not migrated yet."""
    async with database.reference.transaction() as tx:
        if not (await tx.execute(_HAS_RECORD)).scalar_one():
            return 1
        return int((await tx.execute(_RECORDED_PARTS)).scalar_one())


async def require_recorded_parts(database: Database) -> None:
    """Raise `PartsDiffer` unless the database was made with the number of parts that we have."""
    recorded = await recorded_part_count(database)
    if recorded != database.part_count:
        raise PartsDiffer(recorded, database.part_count)


_HAS_RECORD = text("SELECT to_regclass('parts') IS NOT NULL")
_RECORDED_PARTS = text("SELECT count FROM parts")


async def _leave_clean(connection: asyncpg.Connection) -> None:
    """Nothing of ours outlives its transaction, so there is nothing else to reset."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
