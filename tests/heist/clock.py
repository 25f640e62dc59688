"""
A clock that jumps: days pass in seconds for services and databases, with the rules as they are.

A file says how far ahead it is, and so does a table of each database; each call for the time of day
reads one of them. What counts seconds from a start (timeouts, jobs, heartbeats) goes on as before,
and so do the servers themselves.

To replace the clock of whole processes (libfaketime) would be less code, and is not safe. It opens
a file in each call, and so allocates memory, even where PostgreSQL asks for the time in a signal
handler. And it fakes the steady clock of `pthread_cond_timedwait` in spite of its settings, so that
a thread of Python that waits for its turn asks for it again without a pause.
"""

import mmap
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

VARIABLE = "HEIST_CLOCK_FILE"
# One signed number: nanoseconds ahead, in this machine's byte order.
NUMBER_BYTES = 8
NANOSECONDS_PER_MICROSECOND = 1_000


class Clock:
    """The time of a system's programs, in a folder that they can read."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._file.write_bytes(bytes(NUMBER_BYTES))
        self._number = number_of(self._file, access=mmap.ACCESS_WRITE)
        self.ahead = timedelta()

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables of a program that `tests.heist.clocked` runs on this clock."""
        return {VARIABLE: str(self._file)}

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def jump(self, by: timedelta) -> None:
        self.ahead += by
        microseconds = self.ahead // timedelta(microseconds=1)
        self._number[0] = microseconds * NANOSECONDS_PER_MICROSECOND


def number_of(file: Path, *, access: int = mmap.ACCESS_READ) -> memoryview:
    """Return the number in the file as shared memory: every process sees a change at once."""
    with file.open("rb" if access == mmap.ACCESS_READ else "r+b") as opened:
        return memoryview(mmap.mmap(opened.fileno(), NUMBER_BYTES, access=access)).cast("q")
