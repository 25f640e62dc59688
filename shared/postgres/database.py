"""
One place that opens sessions, one that commits.

Statements have named parameters (`shared.postgres.statements`) and go to asyncpg directly: a batch
is a dozen statements, and the session of an ORM between them cost three times what asyncpg does.

    async with database.part_for(user).transaction() as tx: ...   # what is the user's
    async with database.reference.transaction() as tx: ...        # what is of no single user
"""

import asyncio
import json
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import asyncpg

from shared.postgres.errors import is_contention, is_unavailable, sqlstate
from shared.postgres.parts import PartsDiffer, part_of, require_part_count, schema_of
from shared.postgres.peers import Peers
from shared.postgres.statements import Statement, text
from shared.postgres.wakeups import Wakeups
from shared.secrets import attempts_with

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
# A statement that waits longer than this for a row holds up everyone behind it.
LOCK_MILLISECONDS_MAX = 5_000
STATEMENT_MILLISECONDS_MAX = 30_000
STREAMED_ROWS_PAGE = 1_000
# With several parts: sessions of a lane, and of what needs no lane of its own.
LANE_SESSIONS = 2
REFERENCE_SESSIONS = 4
_SNAPSHOT = """
    BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    SET LOCAL statement_timeout = 0;
    SET LOCAL enable_seqscan = on
"""


class Row(asyncpg.Record):
    """A row whose columns are read by name."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Rows(Sequence[Any]):
    """What a statement returned, all of it."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        (row,) = self._rows
        return row

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        assert len(self._rows) <= 1
        return self._rows[0][0] if self._rows else None


class Transaction:
    """
    Everything that happens in it commits together, or not at all.

    `part` is the number of the part it is of; None: there is only one, or it is of reference.
    """

    def __init__(self, connection: asyncpg.Connection, part: int | None = None) -> None:
        self._connection = connection
        self.part = part
        self.committed_actions: list[Callable[[], None]] = []
        self.topics: set[str] = set()

    async def execute(
        self, statement: Statement, parameters: Mapping[str, Any] | None = None
    ) -> Rows:
        """Run one statement with its named parameters."""
        values = statement.values_of(parameters or {})
        return Rows(await self._connection.fetch(statement.sql, *values, record_class=Row))

    async def stream(
        self, statement: Statement, parameters: Mapping[str, Any]
    ) -> AsyncIterator[Row]:
        """Yield the rows of one statement, which may be too many to hold, page by page."""
        values = statement.values_of(parameters)
        cursor = self._connection.cursor(
            statement.sql, *values, prefetch=STREAMED_ROWS_PAGE, record_class=Row
        )
        async for row in cursor:
            yield row

    async def copy(self, table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
        """Insert rows by COPY; `shared.postgres.copying` writes their lines."""

        async def source() -> AsyncIterator[bytes]:
            yield "".join(lines).encode()

        await self._connection.copy_to_table(table, source=source(), columns=columns)

    async def copy_records(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]
    ) -> None:
        """Insert rows by COPY as the values they are; none may be of the type jsonb."""
        await self._connection.copy_records_to_table(table, records=records, columns=columns)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something once everything has committed; it must not fail."""
        self.committed_actions.append(action)

    def wake(self, *topics: str) -> None:
        """Wake what waits for these topics, in any process, once everything has committed."""
        self.topics.update(topics)


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
            try:
                async with _begun(connection, self._begin):
                    yield tx
            except asyncpg.InternalClientError:
                # The server died inside an exchange, and the driver lost its place in it.
                connection.terminate()
                raise
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
            _begun(connection, self._begin_snapshot),
        ):
            yield Transaction(connection, self.number)


class Database:
    """
    A service's own database. No other service has its address.

    `url` is `postgresql://role@host:port/name`; the password comes beside it, from a secret that
    may be being replaced. `part_count` is how many parts the installation has.
    `wakeups` has the tasks that wait for commits: what a transaction wrote is done at once, and
    not at the next poll. `peers` has the live instances of the service, as its relay sees them.
    """

    def __init__(
        self, url: str, *, password: str | None = None, pool_size: int = 10, part_count: int = 1
    ) -> None:
        self.url = url
        self._passwords = [None] if password is None else list(attempts_with(password))
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
        # A plan that was made for a part is made again for another: so a session has few of them.
        self._lanes = 0 if is_one else max(1, (pool_size - REFERENCE_SESSIONS) // LANE_SESSIONS)
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

    async def ping(self) -> None:
        """Return if the database answers; raise what went wrong if it does not."""
        async with await self.session(None) as connection:
            await connection.fetchval("SELECT 1")

    async def connect_directly(self) -> asyncpg.Connection:
        """
        Open a connection outside the pool, to hold a session advisory lock.

        The server notices within about 20 s that such a holder has vanished behind a dead
        network, and frees its locks: keepalives for an idle one, the user timeout for one
        with data in flight.
        """
        return await self._connect(
            timeout=CONNECT_SECONDS_MAX,
            command_timeout=STATEMENT_MILLISECONDS_MAX / 1000,
            server_settings={
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "5",
                "tcp_keepalives_count": "3",
                "tcp_user_timeout": "20000",
                "jit": "off",
            },
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
        return pool.acquire(timeout=CONNECT_SECONDS_MAX)

    async def _open_pool(self, lane: int | None) -> asyncpg.Pool:
        async with self._opening:
            if lane not in self._pools:
                self._pools[lane] = await asyncpg.create_pool(
                    connect=self._connect,
                    timeout=CONNECT_SECONDS_MAX,
                    min_size=0,
                    max_size=self._pool_size if lane is None else LANE_SESSIONS,
                    init=_prepare_connection,
                    reset=_leave_clean,
                    statement_cache_size=256,
                    server_settings={
                        "lock_timeout": str(LOCK_MILLISECONDS_MAX),
                        "statement_timeout": str(STATEMENT_MILLISECONDS_MAX),
                        # Our statements are short and many; compiling costs more than it saves.
                        "jit": "off",
                        # A plan is kept: one that was made while a table had a page would read
                        # all of it for each row of a batch when it has a million. So rows are
                        # found by an index wherever there is one. Snapshots read whole tables.
                        "enable_seqscan": "off",
                    },
                )
            return self._pools[lane]

    async def _connect(self, *_: Any, **options: Any) -> asyncpg.Connection:
        """Open a session with the newest password, or with the one before."""
        *others, last = self._passwords
        for password in others:
            with suppress(asyncpg.InvalidPasswordError):
                return await asyncpg.connect(self.url, password=password, **options)
        return await asyncpg.connect(self.url, password=last, **options)


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    """JSON arrives as what it means, and leaves as the text it was written as."""
    await connection.set_type_codec(
        "jsonb", encoder=str, decoder=json.loads, schema="pg_catalog", format="text"
    )


async def recorded_part_count(database: Database) -> int:
    """Return how many parts the database was made with."""
    async with database.reference.transaction() as tx:
        return int((await tx.execute(_RECORDED_PARTS)).scalar_one())


async def require_recorded_parts(database: Database) -> None:
    """Raise `PartsDiffer` unless the database was made with the number of parts that we have."""
    recorded = await recorded_part_count(database)
    if recorded != database.part_count:
        raise PartsDiffer(recorded, database.part_count)


_RECORDED_PARTS = text("SELECT count FROM parts")


@asynccontextmanager
async def _begun(connection: asyncpg.Connection, begin: str) -> AsyncIterator[None]:
    await connection.execute(begin)
    try:
        yield
    except BaseException:
        await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


async def _leave_clean(connection: asyncpg.Connection) -> None:
    """Nothing of ours outlives its transaction, so there is nothing else to reset."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
