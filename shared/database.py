"""One engine, one transaction, one place that commits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

# SQLAlchemy's own session: SQLModel's warns at each `execute`, and most of our SQL is text.
Transaction: TypeAlias = AsyncSession

CONNECT_SECONDS_MAX = 5
# A statement that waits longer than this for a row holds up everyone behind it.
LOCK_MILLISECONDS_MAX = 5_000
STATEMENT_MILLISECONDS_MAX = 30_000
# Class 08: connection lost; 57P: the server is stopping or starting; 53300: no slot free.
_UNAVAILABLE_STATES = ("08", "57P", "53300")
# 40001 serialization failure, 40P01 deadlock, 55P03 lock timeout: the same work may succeed.
_CONTENTION_STATES = ("40001", "40P01", "55P03")


class Database:
    """
    A service's own database. No other service has its address.

    `url` is `postgresql://role@host:port/name`; the password comes beside it, from a secret.
    `committed` is set after every commit: the outbox relay waits for it, so a fact leaves
    at once and not at the next poll.
    """

    def __init__(self, url: str, *, password: str | None = None, pool_size: int = 5) -> None:
        address = make_url(url).set(drivername="postgresql+asyncpg")
        if password is not None:
            address = address.set(password=password)
        self.address = address
        self.committed = asyncio.Event()
        self.engine: AsyncEngine = create_async_engine(
            address,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=CONNECT_SECONDS_MAX,
            connect_args={
                "timeout": CONNECT_SECONDS_MAX,
                "server_settings": {
                    "lock_timeout": str(LOCK_MILLISECONDS_MAX),
                    "statement_timeout": str(STATEMENT_MILLISECONDS_MAX),
                    # Our statements are short and many; compiling them costs more than it saves.
                    "jit": "off",
                },
            },
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit on the way out, roll back on the way up. Nothing else commits."""
        async with self._sessions() as session:
            async with session.begin():
                yield session
            self.committed.set()

    async def ping(self) -> None:
        """Return if the database answers; raise what went wrong if it does not."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def connect_directly(self) -> asyncpg.Connection:
        """
        Open a connection outside the pool, for whoever holds a session advisory lock.

        The server notices within about 20 s that such a holder has vanished behind a dead
        network, and frees its locks: keepalives for an idle one, the user timeout for one
        with data in flight.
        """
        return await asyncpg.connect(
            host=self.address.host,
            port=self.address.port,
            user=self.address.username,
            password=self.address.password,
            database=self.address.database,
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
        await self.engine.dispose()


def sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's five-character state of an error, or "" if it carries none."""
    if isinstance(error, DBAPIError):
        return str(getattr(error.orig, "sqlstate", None) or "")
    return str(getattr(error, "sqlstate", None) or "")


def is_unavailable(error: BaseException) -> bool:
    """Whether the database itself is away: nobody's request is at fault, and waiting helps."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(
        error, OSError | TimeoutError | PoolTimeout | InterfaceError | asyncpg.InterfaceError
    ):
        return True
    return sqlstate(error).startswith(_UNAVAILABLE_STATES)


def is_contention(error: BaseException) -> bool:
    """Whether the same work may succeed if it is simply done again."""
    return sqlstate(error) in _CONTENTION_STATES
