"""The order of a key's events, also where the broker does not take one of them."""

from collections.abc import Sequence

import asyncpg

from shared.messaging.outbox import EVENTS_EXCHANGE


class KeyOrder:
    """
    Which rows of the outbox may be published, and which are done.

    A batch is published at once, so the broker may take an event and not an earlier one of its
    key. Then the later one is published again after the earlier one: the last publications of a
    key's events are always in order. Until the earlier one is confirmed it is published alone, so
    that the later ones are not published with each attempt. Retries and dead letters have no order.
    """

    def __init__(self) -> None:
        # Keys with an event that was not confirmed, for no fault of its own.
        self._unconfirmed: set[str] = set()

    def sendable(self, rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
        """Return the rows to publish: of a key whose event was not confirmed the first alone."""
        if not rows:
            self._unconfirmed.clear()
        chosen = []
        waiting: set[str] = set()
        for row in rows:
            key = _key(row)
            if key in waiting:
                continue
            chosen.append(row)
            if key is not None and (row["attempts"] or key in self._unconfirmed):
                waiting.add(key)
        return chosen

    def done(
        self, results: Sequence[tuple[asyncpg.Record, BaseException | None]]
    ) -> list[asyncpg.Record]:
        """Return the confirmed rows but those behind an unconfirmed one of their key."""
        unconfirmed: set[str] = set()
        done = []
        for row, result in results:
            key = _key(row)
            if result is not None:
                if key is not None:
                    unconfirmed.add(key)
            elif key not in unconfirmed:
                done.append(row)
        self._unconfirmed -= {_key(row) for row, _ in results}
        self._unconfirmed |= unconfirmed
        return done


def _key(row: asyncpg.Record) -> str | None:
    key: str = row["key"]
    return key if row["exchange"] == EVENTS_EXCHANGE else None
