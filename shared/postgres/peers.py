"""The live instances of a service: work that is numbered is divided among them."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache


class Peers:
    """
    Which instances of a service live, as one of them saw last.

    An instance is known by the session that holds its locks (`shared.messaging.outbox_shares`).
    """

    def __init__(self) -> None:
        self._own: int | None = None
        self._members: frozenset[int] = frozenset()

    def saw(self, own: int, members: frozenset[int]) -> None:
        """Note who lives, this instance included."""
        self._own, self._members = own, members

    def has(self, number: int, count: int) -> bool:
        """
        Whether one of `count` pieces of work is this instance's.

        All are, as long as it does not know any other. So two may take one for a moment, and a lock
        or the broker has to decide between them.
        """
        if self._own is None:
            return True
        return divided(self._members, count)[number] == self._own


@lru_cache(maxsize=64)
def divided(members: frozenset[int], count: int) -> Mapping[int, int]:
    """
    Divide `count` numbers among members, and return the member of each number.

    Each has as many as any other, or one more. A number goes to the member with the highest hash of
    both (rendezvous hashing) that has room: when a member comes or goes, most numbers stay.
    """
    least, more = divmod(count, len(members))
    loads = dict.fromkeys(members, 0)
    member_of: dict[int, int] = {}
    for number, member in _ranked(members, range(count)):
        load = loads[member]
        if number in member_of or load > least or (load == least and not more):
            continue
        more -= load == least
        loads[member] += 1
        member_of[number] = member
    return member_of


def _ranked(members: Collection[int], numbers: Iterable[int]) -> list[tuple[int, int]]:
    pairs = ((number, member) for number in numbers for member in members)
    return sorted(pairs, key=lambda pair: hashlib.sha256(f"{pair}".encode()).digest())
