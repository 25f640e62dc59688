"""
One pool, one transaction, one place that commits.

Statements have named parameters (`shared.postgres.statements`) and go to asyncpg directly: a batch
is a dozen statements, and the session of an ORM between them cost three times what asyncpg does.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from shared.postgres.commits import ANSWER_SECONDS_MAX, committing
from shared.postgres.errors import is_contention, is_unavailable, sqlstate
from shared.postgres.peers import Peers
from shared.postgres.role_settings import REQUIRED, RoleNotProvisioned
from shared.postgres.sessions import Hosts, Session
from shared.postgres.statements import Statement, text
from shared.postgres.wakeups import Wakeups

__all__ = ["Database", "Row", "Rows", "Transaction", "is_contention", "is_unavailable", "sqlstate"]

CONNECT_SECONDS_MAX = 5
# A relay and a job notice a silent server, and give up their locks, before others would wait.
DIRECT_SECONDS_MAX = 30
PREPARED_STATEMENTS_MAX = 256
# A snapshot is read for as long as it takes: only a number replaces the session's own limit.
SNAPSHOT_SECONDS_MAX = 7 * 86_400
STREAMED_ROWS_PAGE = 1_000
_TAKES_WRITES = text("SELECT current_setting('transaction_read_only') = 'off'")
_DEFAULTS = text(
    "SELECT name FROM pg_settings WHERE name = ANY(:names) AND source = 'default' ORDER BY 1"
)


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

    def __init__(self, connection: asyncpg.Connection, *, seconds_max: float | None = None) -> None:
        self._connection = connection
        self.seconds_max = seconds_max
        self.committed_actions: list[Callable[[], None]] = []
        self.topics: set[str] = set()

    async def execute(
        self, statement: Statement, parameters: Mapping[str, Any] | None = None
    ) -> Rows:
        """Run one statement with its named parameters."""
        values = statement.values_of(parameters or {})
        return Rows(
            await self._connection.fetch(
                statement.sql, *values, timeout=self.seconds_max, record_class=Row
            )
        )

    async def stream(
        self, statement: Statement, parameters: Mapping[str, Any]
    ) -> AsyncIterator[Row]:
        """Yield the rows of one statement, which may be too many to hold, page by page."""
        values = statement.values_of(parameters)
        cursor = self._connection.cursor(
            statement.sql,
            *values,
            prefetch=STREAMED_ROWS_PAGE,
            timeout=self.seconds_max,
            record_class=Row,
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

    `url` is `postgresql://role@host:port/name`, with one host or several (`addresses`); the
    password comes beside it, from a secret that may be being replaced. A pooler in transaction
    mode may be there: then `direct_url` leads past it, for sessions that hold locks or listen, and
    a pooler that keeps no prepared statements needs `prepares` to be false.
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
    ) -> None:
        self.url = url
        self.direct_url = direct_url or url
        self.prepares = prepares
        self._hosts = Hosts(url, password=password)
        self._direct_hosts = Hosts(self.direct_url, password=password)
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
            async with committing(connection):  # type: ignore[arg-type]
                yield tx
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
            yield Transaction(
                connection,  # type: ignore[arg-type]  # a proxy with the methods
                seconds_max=SNAPSHOT_SECONDS_MAX,
            )

    async def ping(self) -> None:
        """Return if the database takes writes; raise what is wrong if it does not."""
        async with self.transaction() as tx:
            if not (await tx.execute(_TAKES_WRITES)).scalar_one():
                raise asyncpg.ReadOnlySQLTransactionError("the server takes no writes: a standby?")

    async def check_role(self) -> None:
        """Raise RoleNotProvisioned if our role lacks the settings that provisioning gives it."""
        async with self.transaction() as tx:
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
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _open_pool(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    connect=self._hosts_connect,
                    connection_class=Session,
                    timeout=CONNECT_SECONDS_MAX,
                    command_timeout=ANSWER_SECONDS_MAX,
                    min_size=0,
                    max_size=self._pool_size,
                    init=_prepare_connection,
                    reset=_leave_clean,
                    statement_cache_size=PREPARED_STATEMENTS_MAX if self.prepares else 0,
                )
            return self._pool

    async def _hosts_connect(self, *_: Any, **options: Any) -> asyncpg.Connection:
        return await self._hosts.connect(**options)


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    """JSON arrives as what it means, and leaves as the text it was written as."""
    await connection.set_type_codec(
        "jsonb", encoder=str, decoder=json.loads, schema="pg_catalog", format="text"
    )


async def _leave_clean(connection: asyncpg.Connection) -> None:
    """Nothing of ours outlives its transaction, so there is nothing else to reset."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
