"""What a transaction adds to the feeds of rooms it has locked."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

from pydantic_core import to_json

from services.live.domain.feed import EntryKind
from services.live.domain.gift_totals import RoomTotals
from services.live.domain.goals import Goal
from services.live.domain.levels import Gifter
from services.live.store.feed import Entry, save_feed
from shared.postgres.database import Transaction

# Called with new entries once they have committed.
Show: TypeAlias = Callable[[Sequence[Entry]], None]


class FeedWriter:
    """New entries, numbered on from where their rooms are."""

    def __init__(self, rooms: Mapping[str, RoomTotals], show: Show) -> None:
        self._rooms = rooms
        self._show = show
        self._entries: list[Entry] = []

    def add(self, room: str, kind: EntryKind, subject: UUID, shown: Mapping[str, object]) -> None:
        """Add an entry to a room's feed; `subject` is what it is about."""
        self._rooms[room].sequence += 1
        written = to_json(shown).decode()
        self._entries.append(Entry(room, self._rooms[room].sequence, kind, subject, written))

    async def save(
        self, tx: Transaction, levels: Sequence[Gifter] = (), goals: Sequence[Goal] = ()
    ) -> None:
        """
        Write rooms and entries, and with them levels and progress of goals.

        The entries are shown as soon as that has committed.
        """
        await save_feed(tx, self._rooms.values(), self._entries, levels, goals)
        if self._entries:
            tx.after_commit(lambda: self._show(self._entries))
