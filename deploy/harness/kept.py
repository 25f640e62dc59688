"""
A folder that keeps what `make up` runs: data of both servers, passwords, the key of the issuer.

It is of one process at a time, and of the migrations that made its tables: those may become more,
and never others.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from deploy.config.environment import ROOT, Secrets, new_secrets
from deploy.config.services import DATABASES
from deploy.harness.postgres import LocalPostgres, major_version
from deploy.harness.processes import ServerFailed
from deploy.harness.rabbitmq import LocalRabbit
from deploy.harness.servers import Servers

# Others may pass through: a server that gives up root's rights has to reach its own part.
FOLDER_MODE = 0o711
FILE_MODE = 0o600
PASSWORD_BYTES = 24


class KeptFolder:
    """
    The folder, locked while it is used: `with KeptFolder(path) as kept: ...`.

    Raises ServerFailed, with words, if another process uses it, or it is of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._ending = ExitStack()
        self.secrets: Secrets
        self.servers: Servers

    @property
    def issuer_key_file(self) -> Path:
        return self.folder / "issuer_key.json"

    def __enter__(self) -> Self:
        self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._lock()
        self._require_known_tables()
        known = self._read("secrets.json") or self._new_secrets()
        self.secrets = Secrets(**known["services"])
        self.servers = Servers(
            LocalPostgres(folder=self.folder / "postgres", password=known["postgres"]),
            LocalRabbit(folder=self.folder / "rabbitmq", password=known["rabbitmq"]),
        )
        self._write("made_by.json", {"postgres": major_version(), "migrations": _migrations()})
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def _lock(self) -> None:
        file = self._ending.enter_context((self.folder / "lock").open("w"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerFailed(f"{self.folder} is in use by another `make up`.") from None

    def _require_known_tables(self) -> None:
        """Refuse data that this version could not go on with; more migrations are run later."""
        made_by = self._read("made_by.json")
        if made_by is None:
            return
        other = "Go on with the version that made it, or name another folder in KEEP."
        if made_by["postgres"] != major_version():
            raise ServerFailed(
                f"{self.folder} has data of PostgreSQL {made_by['postgres']}, and this is"
                f" PostgreSQL {major_version()}. {other}"
            )
        ours = _migrations()
        for name, digest in made_by["migrations"].items():
            if name not in ours:
                raise ServerFailed(
                    f"{self.folder} is of a newer version: this one has no {name}. {other}"
                )
            if ours[name] != digest:
                raise ServerFailed(
                    f"{self.folder} is of another version: {name} was changed since, so its tables"
                    f" are not those of now. {other}"
                )

    def _new_secrets(self) -> dict[str, Any]:
        made = {
            "postgres": os.urandom(PASSWORD_BYTES).hex(),
            "rabbitmq": os.urandom(PASSWORD_BYTES).hex(),
            "services": asdict(new_secrets()),
        }
        self._write("secrets.json", made)
        return made

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        if not path.exists():
            return None
        read: dict[str, Any] = json.loads(path.read_text())
        return read

    def _write(self, name: str, document: Mapping[str, object]) -> None:
        """Write a file that takes the place of the one before at once, also if we are killed."""
        made = self.folder / f".{name}"
        made.unlink(missing_ok=True)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "w") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        made.replace(self.folder / name)


def _migrations() -> dict[str, str]:
    """Return the hash of each migration of this version, by its file."""
    return {
        str(file.relative_to(ROOT)): hashlib.sha256(file.read_bytes()).hexdigest()
        for service in DATABASES
        for file in sorted((ROOT / "services" / service / "migrations").glob("*/*.py"))
    }
