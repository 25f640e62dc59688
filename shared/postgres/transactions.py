"""
A transaction in the words of its callers: statements in, rows out, and what follows the commit.

Statements have named parameters (`shared.postgres.statements`) and go to asyncpg directly: a batch
is a dozen statements, and the session of an ORM between them cost three times what asyncpg does.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import asyncpg

from shared.postgres.statements import Statement

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
    """
    Everything that happens in it commits together, or not at all.

    `part` is the number of the part it is of; None: there is only one, or it is of reference.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        part: int | None = None,
        *,
        seconds_max: float | None = None,
    ) -> None:
        self._connection = connection
        self.part = part
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
