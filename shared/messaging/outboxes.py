"""All outboxes of a service, as one relay sees them: those of the parts, and that of reference."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import asyncpg

from shared.messaging.outbox import SHARES
from shared.messaging.outbox_rows import Outbox
from shared.observability.metrics import (
    INBOX_ROWS,
    OUTBOX_BLOCKED_KEYS,
    OUTBOX_OLDEST_AGE_SECONDS,
    OUTBOX_PENDING,
)


class Outboxes:
    """
    Reads where rows may wait, and remembers which of them are published.

    With one part there is one outbox. `part` is None for that, and for that of reference.
    """

    def __init__(self, parts: Iterable[int | None]) -> None:
        self._outboxes = {part: Outbox(part) for part in parts}
        # Where rows may wait.
        self._unread: set[int | None] = set()
        # The ids of rows that are published and not deleted yet.
        self._confirmed: dict[int | None, list[int]] = {}

    @property
    def has_unread(self) -> bool:
        return bool(self._unread)

    @property
    def has_confirmed(self) -> bool:
        return bool(self._confirmed)

    def topics(self, shares: Collection[int]) -> list[str]:
        """Return what wakes a relay that has these shares."""
        return [topic for each in self._outboxes.values() for topic in each.topics(shares)]

    def wake(self, topics: Collection[str], shares: Collection[int]) -> None:
        """Read next what was woken by these topics; all that is ours, by none."""
        for part, outbox in self._outboxes.items():
            if outbox.is_of(shares) and (not topics or set(topics) & {*outbox.topics(shares)}):
                self._unread.add(part)

    async def read_waiting(
        self, db: asyncpg.Connection, shares: Sequence[int], *, limit: int, full: Sequence[str]
    ) -> list[asyncpg.Record]:
        """Return the oldest rows that may be published, of each unread outbox about as many."""
        each_limit = -(-limit // max(1, len(self._unread)))
        rows: list[asyncpg.Record] = []
        for part in list(self._unread):
            found = await self._outboxes[part].read_waiting(
                db, shares, limit=each_limit, confirmed=self._confirmed.get(part, ()), full=full
            )
            rows += found
            if len(found) < each_limit:
                self._unread.discard(part)
            if len(rows) >= limit:
                break
        return rows

    def read_again(self, rows: Iterable[asyncpg.Record]) -> None:
        """Read next where these rows are: some of them have to wait for others."""
        self._unread.update(row["part"] for row in rows)

    def confirm(self, rows: Iterable[asyncpg.Record]) -> None:
        """Remember rows that are published."""
        for row in rows:
            self._confirmed.setdefault(row["part"], []).append(row["id"])

    def forget_confirmed(self) -> None:
        """Let rows be published again: ids of a server that was replaced mean others."""
        self._confirmed = {}

    async def delete_confirmed(self, db: asyncpg.Connection) -> None:
        """Delete the rows that are published."""
        for part, ids in self._confirmed.items():
            await self._outboxes[part].delete(db, ids)
        self._confirmed = {}

    async def block(
        self, db: asyncpg.Connection, row: asyncpg.Record, reason: str, *, park: bool
    ) -> None:
        """Let a key wait behind a message the broker does not route, or park it."""
        await self._outboxes[row["part"]].block(db, row, reason, park=park)

    async def forgive(self, db: asyncpg.Connection, shares: Sequence[int]) -> None:
        """Let what the broker once refused by its rights be tried again."""
        for outbox in self._outboxes.values():
            if outbox.is_of(shares):
                await outbox.forgive(db, shares)

    async def measure(self, db: asyncpg.Connection, shares: Collection[int]) -> None:
        """Show how much of the shares of this relay waits, and since when anything does."""
        rows = [await outbox.read_measures(db) for outbox in self._outboxes.values()]
        pending = Counter[int]()
        for row in rows:
            pending.update(dict(zip(row["shares"] or (), row["pending"] or (), strict=True)))
        for share in range(SHARES):
            # Of another's shares nothing: the sum over all instances is what waits.
            OUTBOX_PENDING.labels(share).set(pending[share] if share in shares else 0)
        INBOX_ROWS.set(sum(row["inbox_rows"] for row in rows))
        OUTBOX_OLDEST_AGE_SECONDS.set(max(row["oldest_age_seconds"] for row in rows))
        OUTBOX_BLOCKED_KEYS.set(sum(row["blocked"] for row in rows))
