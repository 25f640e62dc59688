"""
A clock that jumps: days pass in seconds for services and PostgreSQL, with the rules as they are.

libfaketime answers their calls for the time of day, and reads from a file how far ahead it is.
What counts seconds from a start (timeouts, jobs, heartbeats) goes on as before.
"""

import importlib.util
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.harness.processes import ServerFailed

LIBRARY = Path("vendor/libfaketime/src/libfaketime.so.1")


class Clock:
    """The time of a system, in a folder that its processes can read."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / LIBRARY.name
        shutil.copy(_installed(), self._library)
        self._library.chmod(0o644)
        self._file = folder / "clock"
        self._ahead = timedelta()
        self._write()

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables of a process that follows this clock."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def jump(self, by: timedelta) -> None:
        self._ahead += by
        self._write()

    def _write(self) -> None:
        # Replaced whole: a process must not read half of it.
        new = self._file.with_suffix(".new")
        new.write_text(f"+{int(self._ahead.total_seconds())}\n")
        new.chmod(0o644)
        new.replace(self._file)


def _installed() -> Path:
    found = importlib.util.find_spec("libfaketime")
    if found is None or not found.submodule_search_locations:
        raise ServerFailed("libfaketime is not installed: run `uv sync`")
    return Path(found.submodule_search_locations[0]) / LIBRARY
