"""
The file `.ovation/env`: the addresses and passwords of what `make up` runs in this checkout.

`ovationctl` reads it by itself. It is locked for as long as it is true: the kernel ends the lock
with the process, also after a kill, so a file that is left behind is known as stale.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

# Of this file alone: `ovationctl --help` loads it, and nothing of the services.
FILE = Path(__file__).parents[2] / ".ovation" / "env"
HEAD = "# Written by `make up`, and removed when it stops. It has passwords: do not share it.\n"
FILE_MODE = 0o600
FOLDER_MODE = 0o700
# With one of these an operator names an installation: nothing is mixed with another one's.
NAMES_ONE = (
    *("OVATIONCTL_POSTGRES", "OVATIONCTL_RABBIT", "OVATIONCTL_BROKER"),
    "OVATION_SECRETS_DIR",
)


class AnotherRuns(RuntimeError):
    """Another `make up` of this checkout has the file."""


class Stale(RuntimeError):
    """The process that wrote the file has ended without removing it."""


@contextmanager
def shared_with_operators(variables: Mapping[str, str], file: Path = FILE) -> Iterator[None]:
    """
    Keep the file there, readable by this user alone, until the block ends.

    Raises `AnotherRuns` if another process does that already.
    """
    file.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if file.exists() and _is_locked(file):
        raise AnotherRuns(f"another `make up` runs, which {file} belongs to")
    made = file.with_name(f".env.{os.getpid()}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w") as text:
        # Locked before it has its name: a reader never sees it without.
        fcntl.flock(text, fcntl.LOCK_EX)
        text.write(HEAD + "".join(f"{name}={value}\n" for name, value in variables.items()))
        text.flush()
        made.replace(file)
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def adopt(environment: MutableMapping[str, str], file: Path = FILE) -> bool:
    """
    Add what the file says to an environment that names no installation; whether it was read.

    A variable that is set stays as it is. Raises `Stale` if what wrote the file has ended.
    """
    if any(name in environment for name in NAMES_ONE) or not file.exists():
        return False
    if not _is_locked(file):
        raise Stale(f"{file} was left behind by a `make up` that has ended, and is not read")
    for name, value in _read(file).items():
        environment.setdefault(name, value)
    return True


def _read(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _is_locked(file: Path) -> bool:
    with file.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
