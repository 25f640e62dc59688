"""
One pool, one transaction, one place that commits.

Statements have named parameters (`shared.postgres.statements`) and go to asyncpg directly: a batch
is a dozen statements, and the session of an ORM between them cost three times what asyncpg does.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from shared.postgres.errors import is_contention, is_unavailable, sqlstate
from shared.postgres.peers import Peers
from shared.postgres.statements import Statement
from shared.postgres.wakeups import Wakeups
from shared.secrets import attempts_with

__all__ = ["Database", "Row", "Rows", "Transaction", "is_contention", "is_unavailable", "sqlstate"]

CONNECT_SECONDS_MAX = 5
# A statement that waits longer than this for a row holds up everyone behind it.
LOCK_MILLISECONDS_MAX = 5_000
STATEMENT_MILLISECONDS_MAX = 30_000
STREAMED_ROWS_PAGE = 1_000


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
    """Everything that happens in it commits together, or not at all."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
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


class Database:
    """
    A service's own database. No other service has its address.

    `url` is `postgresql://role@host:port/name`; the password comes beside it, from a secret that
    may be being replaced.
    `wakeups` has the tasks that wait for commits: what a transaction wrote is done at once, and
    not at the next poll. `peers` has the live instances of the service, as its relay sees them.
    """

    def __init__(self, url: str, *, password: str | None = None, pool_size: int = 10) -> None:
        self.url = url
        self._passwords = [None] if password is None else list(attempts_with(password))
        self.wakeups = Wakeups(self.connect_directly)
        self.peers = Peers()
        self._pool_size = pool_size
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        """The database's name at its server."""
        return unquote(urlsplit(self.url).path.removeprefix("/"))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit on the way out, roll back on the way up. Nothing else commits."""
        pool = self._pool or await self._open_pool()
        async with pool.acquire(timeout=CONNECT_SECONDS_MAX) as connection:
            tx = Transaction(connection)  # type: ignore[arg-type]  # a proxy with the same methods
            try:
                async with connection.transaction():
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
        pool = self._pool or await self._open_pool()
        async with (
            pool.acquire(timeout=CONNECT_SECONDS_MAX) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute("SET LOCAL enable_seqscan = on")
            yield Transaction(connection)  # type: ignore[arg-type]  # a proxy with the methods

    async def ping(self) -> None:
        """Return if the database answers; raise what went wrong if it does not."""
        pool = self._pool or await self._open_pool()
        async with pool.acquire(timeout=CONNECT_SECONDS_MAX) as connection:
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
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _open_pool(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    connect=self._connect,
                    timeout=CONNECT_SECONDS_MAX,
                    min_size=0,
                    max_size=self._pool_size,
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
            return self._pool

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


async def _leave_clean(connection: asyncpg.Connection) -> None:
    """Nothing of ours outlives its transaction, so there is nothing else to reset."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
