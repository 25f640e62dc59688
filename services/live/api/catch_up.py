"""
Which watchers read missed entries next, in fair turns.

A round reads after a few positions, however many watchers are behind. Each viewer has one of them
before any has a second, and the viewer whose turn was longest ago comes first. A viewer who has
just opened a room, or is back from a tunnel, waits at most for one round of all who are behind.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from services.live.store.feed import Position

POSITIONS_A_ROUND = 8
# Turns of viewers who have long caught up are forgotten.
TURNS_KEPT_MAX = 10_000
TURNS_KEPT_ROUNDS = 1_000


class Reader(Protocol):
    """A watcher at a position of a room."""

    @property
    def room(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def reader(self) -> object: ...


class CatchUp:
    """The turns of viewers who read missed entries."""

    def __init__(self) -> None:
        self._round = 0
        self._turns: dict[object, int] = {}

    def choose(self, behind: Iterable[Reader], newest: Mapping[str, int]) -> list[Position]:
        """Return where to read this round: each reader's nearest position, by turn."""
        self._round += 1
        nearest: dict[object, tuple[int, Position]] = {}
        for one in behind:
            rest = newest[one.room] - one.position
            known = nearest.get(one.reader)
            if known is None or rest < known[0]:
                nearest[one.reader] = rest, (one.room, one.position)
        ordered = sorted(
            nearest.items(), key=lambda each: (self._turns.get(each[0], 0), each[1][0])
        )
        chosen: dict[Position, None] = {}
        for reader, (_, position) in ordered:
            if position in chosen or len(chosen) < POSITIONS_A_ROUND:
                chosen[position] = None
                self._turns[reader] = self._round
        self._forget()
        return list(chosen)

    def _forget(self) -> None:
        if len(self._turns) > TURNS_KEPT_MAX:
            since = self._round - TURNS_KEPT_ROUNDS
            self._turns = {reader: turn for reader, turn in self._turns.items() if turn > since}
