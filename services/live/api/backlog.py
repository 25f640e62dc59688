"""
What waits to be written to one watcher.

A combo makes an entry with each tap. A connection that is full would fall further and further
behind, with steps that are out of date before they are read. So while it is full, only the greatest
step of each combo waits, with its own id: a watcher that resumes after it is sent what follows.
"""

from collections.abc import Sequence

from services.live.api.feed_formats import Event


class Backlog:
    """Events in the order of their ids; `len` is how many."""

    __slots__ = ("_number", "_steps", "_waiting")

    def __init__(self) -> None:
        self._number = 0
        self._waiting: dict[int, bytes] = {}
        # Of each combo, the number and the gifts so far of the step that waits.
        self._steps: dict[str, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, written: bytes) -> None:
        self._number += 1
        self._waiting[self._number] = written

    def add_events(self, events: Sequence[Event], *, is_full: bool) -> None:
        """Add events; into a full connection, only the greatest step of each combo."""
        for event in events:
            if not is_full or (step := event.step) is None:
                self.add(event.written)
                continue
            waiting = self._steps.get(step.combo)
            if waiting is not None:
                number, repeat_count = waiting
                if repeat_count > step.repeat_count:
                    # Gifts may be counted in another order: the count of a combo only grows.
                    continue
                del self._waiting[number]
            self.add(event.written)
            self._steps[step.combo] = self._number, step.repeat_count

    def take_all(self) -> bytes:
        """Return everything, to be written at once."""
        written = b"".join(self._waiting.values())
        self.clear()
        return written

    def clear(self) -> None:
        self._waiting.clear()
        self._steps.clear()
