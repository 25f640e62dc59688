"""
Who reads the past of a room next, so that nobody's reading is at the cost of anybody else's.

A round reads a few places of the past, whatever is asked for. Each viewer has one of them before
any has a second, and whose turn was longest ago comes first: who has just opened a room, or is
back from a tunnel, waits at most for one round of all who are behind, and never for one of them.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeAlias

# A room, and the entry after which to read.
Place: TypeAlias = tuple[str, int]

PLACES_A_ROUND = 8
# Turns of those who have long caught up are forgotten.
TURNS_KEPT_MAX = 10_000
TURNS_KEPT_ROUNDS = 1_000


class Reader(Protocol):
    """Somebody at a position of a room."""

    @property
    def room(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def reader(self) -> object: ...


class Backlog:
    """The turns of those who read the past."""

    def __init__(self) -> None:
        self._round = 0
        self._turns: dict[object, int] = {}

    def choose(self, behind: Iterable[Reader], newest: Mapping[str, int]) -> list[Place]:
        """Return where to read this round: each reader's nearest place, by turn."""
        self._round += 1
        nearest: dict[object, tuple[int, Place]] = {}
        for one in behind:
            rest = newest[one.room] - one.position
            known = nearest.get(one.reader)
            if known is None or rest < known[0]:
                nearest[one.reader] = rest, (one.room, one.position)
        ordered = sorted(
            nearest.items(), key=lambda each: (self._turns.get(each[0], 0), each[1][0])
        )
        chosen: dict[Place, None] = {}
        for reader, (_, place) in ordered:
            if place in chosen or len(chosen) < PLACES_A_ROUND:
                chosen[place] = None
                self._turns[reader] = self._round
        self._forget()
        return list(chosen)

    def _forget(self) -> None:
        if len(self._turns) > TURNS_KEPT_MAX:
            since = self._round - TURNS_KEPT_ROUNDS
            self._turns = {reader: turn for reader, turn in self._turns.items() if turn > since}
