"""Three PostgreSQL that Patroni leads, behind HAProxy, with the configuration we ship."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.config.environment import ROOT
from deploy.harness.packages import require
from deploy.harness.ports import free_port, listens
from deploy.harness.postgres import PostgresServer, server_binaries, server_environment
from deploy.harness.processes import (
    POLL_SECONDS,
    Process,
    ServerFailed,
    remove_folder,
    temporary_folder,
)

CONFIGURATION = ROOT / "deploy" / "failover"
NAMES = ("db-1", "db-2", "db-3")
HOST = "127.0.0.1"
# Patroni 3.0.2, which Debian 12 has, takes the leader's key back in version 3 of etcd's API without
# looking whose it is now, and two servers lead: https://github.com/patroni/patroni/pull/2689. In
# version 2 it compares.
COMPARES_SINCE = 4
READY_SECONDS_MAX = 180
# Three servers share one machine, which will not lose its power. Whole pages stay: rewinding a
# server needs them.
OWN_PARAMETERS = {"shared_buffers": "64MB", "fsync": "off", "log_min_duration_statement": -1}


@dataclass(frozen=True, slots=True)
class Member:
    """What Patroni says of one of its servers."""

    name: str
    role: str
    state: str

    @property
    def works(self) -> bool:
        return self.state in ("running", "streaming")


class Node:
    """One server of PostgreSQL and its Patroni, as a machine that can die or fall silent."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str], port: int) -> None:
        self.name = name
        self.port = port
        self.rest_port = free_port()
        self._data = folder / "data"
        configuration = folder / "configuration"
        own = {
            "PATRONI_NAME": name,
            "PATRONI_RESTAPI_LISTEN": f"{HOST}:{self.rest_port}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"{HOST}:{self.rest_port}",
            "PATRONI_POSTGRESQL_LISTEN": f"{HOST}:{port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"{HOST}:{port}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self._data),
            "PATRONI_POSTGRESQL_PGPASS": str(folder / "pgpass"),
        }
        self.process = Process(
            name=f"Patroni of {name}",
            command=[str(require("patroni", "patroni")), str(configuration)],
            log=folder.with_suffix(".log"),
            user=_user(),
            environment={**environment, **own},
            folder=str(folder),
        )

    def start(self) -> None:
        self.process.start()

    def kill(self) -> None:
        """End everything of it at one moment, as when a machine dies."""
        pids = self._pids()
        # First all stop, or some would see others die and say so.
        _signal(pids, signal.SIGSTOP)
        _signal(self._pids(), signal.SIGKILL)
        self.process.kill()

    def silence(self) -> None:
        """Let nothing of it run; its sockets stay open."""
        _signal(self._pids(), signal.SIGSTOP)

    def wake(self) -> None:
        """Let everything of it go on where it stopped."""
        _signal(self._pids(), signal.SIGCONT)

    def dsn(self, user: str, password: str) -> str:
        """Return the address of this server alone."""
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/postgres"

    def _pids(self) -> list[int]:
        """Return Patroni, the server it started, and all their children."""
        roots = [self.process.pid] if self.process.is_running() else []
        # The server outlives its Patroni, so it has no parent to wait for it.
        with suppress(OSError, ValueError):
            roots.append(int((self._data / "postmaster.pid").read_text().split("\n", 1)[0]))
        return [pid for root in roots for pid in _family(root)]


class PatroniCluster(PostgresServer):
    """
    The cluster behind the address of its primary.

    It starts and ends as a whole; its nodes are struck one by one.
    """

    def __init__(self) -> None:
        super().__init__(HOST, free_port(), "postgres", "a-password-for-tests")
        self._folder = temporary_folder("patroni", in_memory=True)
        for package in ("etcd", "patroni", "haproxy"):
            require(package, "etcd-server" if package == "etcd" else package)
        self._etcd_port = free_port()
        self._api = "etcd3" if _patroni_version() >= COMPARES_SINCE else "etcd"
        self._etcd = self._make_etcd()
        binaries = server_binaries(self._folder) / "bin"
        environment = {
            **server_environment(),
            f"PATRONI_{self._api.upper()}_HOSTS": f"{HOST}:{self._etcd_port}",
            "PATRONI_POSTGRESQL_BIN_DIR": str(binaries),
            "PATRONI_SUPERUSER_PASSWORD": self.admin_password,
            "PATRONI_REPLICATION_PASSWORD": self.admin_password,
        }
        self.nodes = {name: self._make_node(name, environment) for name in NAMES}
        self._haproxy = self._make_haproxy()

    def start(self) -> None:
        self._etcd.start()
        self._etcd.wait_until(lambda: listens(self._etcd_port), seconds_max=READY_SECONDS_MAX)
        for node in self.nodes.values():
            node.start()
        self._haproxy.start()
        self.wait_until_complete()

    def close(self) -> None:
        self._haproxy.kill()
        for node in self.nodes.values():
            node.wake()
            node.kill()
        self._etcd.kill()
        remove_folder(self._folder)

    def answers(self) -> bool:
        return any(each.role == "leader" and each.works for each in self.members())

    def members(self) -> list[Member]:
        """Return what the first Patroni that answers says of all."""
        for node in self.nodes.values():
            with suppress(httpx.HTTPError):
                said = httpx.get(
                    f"http://{HOST}:{node.rest_port}/cluster", timeout=2, trust_env=False
                )
                return [
                    Member(each["name"], each["role"], each["state"])
                    for each in said.json()["members"]
                ]
        return []

    def leader(self) -> Node:
        """Return the node that leads now."""
        (name,) = [each.name for each in self.members() if each.role == "leader"]
        return self.nodes[name]

    def wait_until_complete(self) -> None:
        """Return once all nodes work, one leads, and one is its synchronous standby."""

        def is_complete() -> bool:
            members = self.members()
            roles = sorted(each.role for each in members if each.works)
            return roles == ["leader", "replica", "sync_standby"]

        self.wait_until(is_complete)

    def wait_until(self, is_so: Any) -> None:
        """Wait for a condition; raise with everyone's last words if it never comes."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not is_so():
            if time.monotonic() > deadline:
                words = [node.process.last_words() for node in self.nodes.values()]
                raise ServerFailed("\n".join([str(self.members()), *words]))
            time.sleep(POLL_SECONDS)

    def sessions(self) -> dict[str, int]:
        """Return how many sessions HAProxy ever sent to each node."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self._folder / "haproxy.sock"))
            control.sendall(b"show stat\n")
            said = b"".join(iter(lambda: control.recv(65_536), b"")).decode()
        heading, *rows = [line.split(",") for line in said.lstrip("# ").splitlines() if line]
        name, total = heading.index("svname"), heading.index("stot")
        return {row[name]: int(row[total]) for row in rows if row[name] in self.nodes}

    def copy_logs(self, folder: Path) -> None:
        """Copy what everything of it wrote: its own folder ends with it."""
        for log in self._folder.glob("*.log"):
            shutil.copy(log, folder)

    def _make_etcd(self) -> Process:
        folder = self._owned(self._folder / "etcd")
        address, peers = (f"http://{HOST}:{port}" for port in (self._etcd_port, free_port()))
        return Process(
            name="etcd",
            command=[
                *(str(require("etcd", "etcd-server")), "--data-dir", str(folder / "data")),
                *("--listen-client-urls", address, "--advertise-client-urls", address),
                *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers),
                *("--initial-cluster", f"default={peers}"),
                *(["--enable-v2"] if self._api == "etcd" else []),
            ],
            log=self._folder / "etcd.log",
            user=_user(),
            environment=server_environment(),
        )

    def _make_node(self, name: str, environment: dict[str, str]) -> Node:
        folder = self._owned(self._folder / name)
        configuration = self._owned(folder / "configuration")
        shipped = (CONFIGURATION / "patroni.yml").read_text()
        (configuration / "0.yml").write_text(shipped.replace("\netcd3:\n", f"\n{self._api}:\n"))
        # Files of a folder are read in order; a later setting replaces an earlier one.
        own: dict[str, Any] = {"postgresql": {"parameters": OWN_PARAMETERS}}
        (configuration / "1.yml").write_text(yaml.safe_dump(own))
        return Node(name, folder, environment, free_port())

    def _make_haproxy(self) -> Process:
        text = (CONFIGURATION / "haproxy.cfg").read_text().replace(":5432\n", f"{self.place}\n")
        for node in self.nodes.values():
            shipped = f"{node.name}:5432 check port 8008"
            assert shipped in text, f"{shipped} is in haproxy.cfg"
            text = text.replace(shipped, f"{HOST}:{node.port} check port {node.rest_port}")
        control = f"global\n    stats socket {self._folder}/haproxy.sock\n"
        configuration = self._folder / "haproxy.cfg"
        configuration.write_text(control + text)
        return Process(
            name="HAProxy",
            command=[str(require("haproxy", "haproxy")), "-db", "-f", str(configuration)],
            log=self._folder / "haproxy.log",
            environment=server_environment(),
        )

    def _owned(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700)
        if user := _user():
            shutil.chown(folder, user=user)
        return folder


def _user() -> str | None:
    # PostgreSQL refuses to run as root.
    return "nobody" if os.geteuid() == 0 else None


def _patroni_version() -> int:
    """Return the first number of its version."""
    command = [str(require("patroni", "patroni")), "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(said.split()[-1].split(".", 1)[0])


def _family(pid: int) -> Iterator[int]:
    """Yield a process and everything that it, or one of its threads, started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _family(int(child))


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
