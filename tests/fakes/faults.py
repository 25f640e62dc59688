"""What goes wrong between us and a vendor, as verbs; each may be limited to one operation."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What happens to a call."""

    LOSE_ANSWER = "the work is done, and the connection closed without an answer"
    STALL = "the work is done, and the answer comes late"
    FAIL = "the answer is an error, and the work is not done (or was, if the fault says so)"


@dataclass(slots=True)
class Fault:
    """A fault that waits for its calls."""

    kind: Kind
    times: int
    operation: str | None
    seconds: float = 0
    status: int = 0
    is_done: bool = False


class Faults:
    """The faults that wait; a call takes the first of each kind that fits it."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self.happened: list[tuple[str, Kind]] = []

    def add(self, fault: Fault) -> None:
        assert fault.times > 0
        self._waiting.append(fault)

    def take(self, operation: str, kind: Kind) -> Fault | None:
        """Return the fault that this call meets, and count it down."""
        for fault in self._waiting:
            if fault.kind is kind and fault.operation in (None, operation):
                fault.times -= 1
                if not fault.times:
                    self._waiting.remove(fault)
                self.happened.append((operation, kind))
                return fault
        return None

    def clear(self) -> None:
        """Forget the faults that did not happen yet."""
        self._waiting.clear()
