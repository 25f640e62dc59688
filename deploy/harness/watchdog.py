"""
Ends what we started, also when we are killed: a small process that outlives us by a moment.

It reads our orders from a pipe. When the pipe closes, because we stopped or because we were
killed with -9, it carries out all that were not withdrawn. (The kernel's own PDEATHSIG is no
substitute: it fires when the *thread* that started a child ends, takes one signal to one
process, and can remove no folder and no container.)
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

# How long a process may take to end well before it is killed.
END_SECONDS_MAX = 3.0


class Watchdog:
    """Our side of the pipe."""

    def __init__(self) -> None:
        # Its own session: a Ctrl-C at the terminal must not reach it before it has done its work.
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(Path(__file__))],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )
        atexit.register(self.end)

    def end_group(self, group: int, first_signal: signal.Signals) -> None:
        """When we end, send the signal to the process group, and later kill it."""
        self._order("group", str(group), str(int(first_signal)))

    def forget_group(self, group: int) -> None:
        """The process has ended; its number may soon be someone else's."""
        self._order("forget", str(group), "")

    def remove_container(self, identifier: str) -> None:
        self._order("container", identifier, "")

    def remove_folder(self, folder: Path) -> None:
        self._order("folder", str(folder), "")

    def _order(self, verb: str, subject: str, detail: str) -> None:
        assert self._process.stdin is not None
        # One short write: orders from several threads never mix.
        os.write(self._process.stdin.fileno(), f"{json.dumps([verb, subject, detail])}\n".encode())

    def end(self) -> None:
        """Close the pipe and wait: then everything has ended that we started, and we should too."""
        self._process.communicate()


@cache
def watchdog() -> Watchdog:
    """Return the one watchdog of this process, started when first needed."""
    return Watchdog()


def main(orders: IO[str]) -> None:
    """Read until the pipe closes, then end processes, then remove what they left."""
    groups: dict[int, int] = {}
    containers: list[str] = []
    folders: list[str] = []
    for line in orders:
        verb, subject, detail = json.loads(line)
        match verb:
            case "group":
                groups[int(subject)] = int(detail)
            case "forget":
                groups.pop(int(subject), None)
            case "container":
                containers.append(subject)
            case "folder":
                folders.append(subject)
    _end_groups(groups)
    for container in containers:
        command = ["docker", "rm", "--force", "--volumes", container]
        subprocess.run(command, check=False, capture_output=True)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _end_groups(groups: Mapping[int, int]) -> None:
    for group, number in groups.items():
        _signal(group, number)
    deadline = time.monotonic() + END_SECONDS_MAX
    while time.monotonic() < deadline and any(_signal(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Whether any process of the group is still there."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main(sys.stdin)
