"""Files of secrets: whether each is there, has something in it, and is read by few."""

import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from deploy.config.secret_files import secret_names
from deploy.ctl.doctor.findings import Examined, Problem, State
from shared.secrets import SECRETS_FOLDER


async def look(examined: Examined) -> AsyncIterator[Problem]:
    """Look at the folder of secrets; a secret may also be a variable of the same name."""
    folder = examined.secrets
    named = [name for name in secret_names() if name.upper() not in os.environ]
    if not folder.is_dir():
        if "AUDITOR_DATABASE_PASSWORD" not in os.environ:
            missing = "there is no such folder, and no secret is a variable"
            yield Problem(str(folder), missing, state=State.UNKNOWN)
        return
    is_container = folder == Path(SECRETS_FOLDER)
    for name in named:
        # A container has those of its work alone.
        if not (folder / name).exists() and not is_container:
            yield Problem(str(folder / name), "the file is missing")
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        for problem in _of_file(file, folder, is_container=is_container):
            yield problem


def _of_file(file: Path, folder: Path, *, is_container: bool) -> Iterator[Problem]:
    try:
        if not file.read_text(encoding="utf-8").strip():
            yield Problem(str(file), "the file is empty")
    except (OSError, UnicodeDecodeError) as error:
        yield Problem(str(file), f"cannot be read: {error}", state=State.UNKNOWN)
    # The folder keeps others out; a container has no other users.
    way = (file, *(parent for parent in file.parents if parent.is_relative_to(folder)))
    needed = (stat.S_IROTH, *[stat.S_IXOTH] * (len(way) - 1))
    if not is_container and all(
        place.stat().st_mode & bit for place, bit in zip(way, needed, strict=True)
    ):
        mode = stat.S_IMODE(folder.stat().st_mode)
        problem = f"every user of this machine can read it: its folder has mode {mode:04o}"
        yield Problem(str(file), problem, f"chmod 0700 {folder}")
