"""A server as a child process: its log in a file, its end in our hands."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.harness.watchdog import watchdog

LOG_LINES_SHOWN = 30
POLL_SECONDS = 0.03
# A container has 64 MB of /dev/shm by default, too little for a database.
MEMORY_BYTES_MIN = 4_000_000_000


class ServerFailed(RuntimeError):
    """A server did not start or did not stop; the message says what its log said."""


@dataclass
class Process:
    """
    A command that can be started, stopped and killed, again and again.

    It leads its own process group, so that what it started ends with it.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    folder: str = "/"
    user: str | None = None
    end_signal: signal.Signals = signal.SIGTERM
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        assert not self.is_running()
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.folder,
                start_new_session=True,
                **identity(self.user),
            )
        watchdog().end_group(self._child.pid, self.end_signal)

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def stop(self, *, with_signal: signal.Signals | None = None, seconds_max: float = 30) -> None:
        """End it as it wishes to be ended, and kill it when it does not."""
        if self._child is None:
            return
        self._signal(with_signal or self.end_signal)
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds_max)
        self.kill()

    def kill(self) -> None:
        """End it and its children at once, without warning."""
        if self._child is None:
            return
        self._signal(signal.SIGKILL)
        self._child.wait()
        watchdog().forget_group(self._child.pid)
        self._child = None

    def wait_until(self, is_ready: Callable[[], bool], *, seconds_max: float) -> None:
        """Return once it is ready; raise with its last words when it ends or takes too long."""
        deadline = time.monotonic() + seconds_max
        while not is_ready():
            if not self.is_running():
                raise ServerFailed(f"{self.name} ended at its start:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"{self.name} was not ready after {seconds_max:.0f} s:\n{self.last_words()}"
                )
            time.sleep(POLL_SECONDS)

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_LINES_SHOWN:])

    def _signal(self, number: signal.Signals) -> None:
        assert self._child is not None
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)


def identity(user: str | None) -> dict[str, Any]:
    """Give up root's rights, groups included, when the process should run as someone else."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def temporary_folder(purpose: str, *, in_memory: bool = False) -> Path:
    """
    Make a folder below a temporary one that ends with us.

    Others may pass through it: a server that gives up root's rights has to reach its own part.
    """
    parent = next(place for place in _parents(in_memory=in_memory) if _is_usable(place))
    folder = Path(tempfile.mkdtemp(prefix=f"ovation-{purpose}-", dir=parent))
    folder.chmod(0o711)
    watchdog().remove_folder(folder)
    return folder


def _parents(*, in_memory: bool) -> list[Path]:
    # On many machines /tmp is memory, where a server's fsync would mean nothing.
    wished = os.environ.get("TMPDIR", "/var/tmp")  # noqa: S108 - mkdtemp makes a new name in it
    on_disk = [Path(wished), Path("/var/tmp"), Path(tempfile.gettempdir())]  # noqa: S108
    memory = Path("/dev/shm")  # noqa: S108
    if in_memory and memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN:
        return [memory, *on_disk]
    return on_disk


def _is_usable(place: Path) -> bool:
    return place.is_dir() and os.access(place, os.W_OK) and is_reachable(place)


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def is_reachable(folder: Path) -> bool:
    """Whether any user may pass through every folder on the way, the last one included."""
    folder = folder.resolve()
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))
