"""RabbitMQ from the system's package, as a private node that touches nothing outside its folder."""

import os
import secrets
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from deploy.harness.authorities import trusted
from deploy.harness.packages import find, require
from deploy.harness.ports import free_port, listens
from deploy.harness.processes import (
    POLL_SECONDS,
    Process,
    ServerFailed,
    remove_folder,
    temporary_folder,
)
from deploy.harness.server import Server

START_SECONDS_MAX = 90
REQUEST_SECONDS_MAX = 30
SAVED_SECONDS = 1.0
RECOVER_SECONDS = 3.0
PLUGINS = "[rabbitmq_management,rabbitmq_prometheus].\n"
# Where Debian and RabbitMQ's own packages keep the script itself; the one on PATH is a wrapper
# that changes to the user rabbitmq and its system-wide folders.
SCRIPTS = Path("/usr/lib/rabbitmq/bin")


class RabbitServer(Server):
    """RabbitMQ, of one of the kinds that `containers` and `servers` know."""

    def __init__(
        self, host: str, port: int, management_url: str, admin_user: str, admin_password: str
    ) -> None:
        super().__init__(host, port, admin_user, admin_password)
        self.management_url = management_url
        # Where its own metrics are, if we know it.
        self.metrics_url: str | None = None
        self._loaded_at = 0.0
        self._started_at = 0.0

    @property
    def management_port(self) -> int:
        return httpx.URL(self.management_url).port or 15672

    def url(self, vhost: str = "/", *, user: str | None = None, password: str | None = None) -> str:
        """Return the AMQP address of a vhost, as the administrator unless it says as whom."""
        return self._url("amqp", quote(vhost, safe=""), user, password)

    def load(self, definitions: Mapping[str, Any], *, vhost: str | None = None) -> None:
        """Import definitions, as they are at boot in production; into another vhost if named."""
        document = dict(definitions) if vhost is None else into_vhost(definitions, vhost)
        self.manage("POST", "/api/definitions", document)
        self._loaded_at = time.monotonic()
        for entry in document.get("vhosts", []):
            # The administrator may use it: tests count messages.
            place = f"/api/permissions/{quote(entry['name'], safe='')}/{quote(self.admin_user)}"
            self.manage("PUT", place, {"configure": ".*", "write": ".*", "read": ".*"})

    def manage(self, method: str, path: str, body: object = None) -> Any:
        """Ask the management API as the administrator; return the JSON it answers, if any."""
        answer = httpx.request(
            method,
            f"{self.management_url}{path}",
            json=body,
            auth=(self.admin_user, self.admin_password),
            timeout=REQUEST_SECONDS_MAX,
            trust_env=False,
            verify=trusted(),
        )
        if answer.is_error:
            said = answer.text or self.last_words()
            raise ServerFailed(f"RabbitMQ answers {answer.status_code} to {path}: {said}")
        return answer.json() if answer.content else None

    def remove_vhost(self, name: str) -> None:
        """
        Delete a vhost, but not while the node is recovering its queues.

        A quorum queue that ends before the worker of its dead letters has begun takes the workers
        of the whole node with it, and no queue comes back without a restart
        (rabbitmq-server issue 16652).
        """
        time.sleep(max(0.0, self._started_at + RECOVER_SECONDS - time.monotonic()))
        self.manage("DELETE", f"/api/vhosts/{quote(name, safe='')}")

    def wait_until_saved(self) -> None:
        """
        Wait until a new queue survives a kill.

        RabbitMQ notes on disk twice a second which quorum queues a node has; one that is missing
        there has no quorum after the restart.
        """
        time.sleep(max(0.0, self._loaded_at + SAVED_SECONDS - time.monotonic()))

    def answers(self) -> bool:
        """Whether AMQP is open and the management API knows its administrator."""
        if not listens(self.port, self.host):
            return False
        try:
            self.manage("GET", "/api/vhosts")
        except (httpx.TransportError, ServerFailed):
            return False
        return True

    def last_words(self) -> str:
        """Return the end of its log, if we can read it."""
        return ""


def into_vhost(definitions: Mapping[str, Any], vhost: str) -> dict[str, Any]:
    """Return the same definitions for another vhost, so that two systems can share a server."""

    def move(entry: dict[str, Any]) -> dict[str, Any]:
        return {**entry, "vhost": vhost} if "vhost" in entry else entry

    moved = {
        section: [move(entry) for entry in entries] for section, entries in definitions.items()
    }
    if "vhosts" in moved:
        moved["vhosts"] = [{"name": vhost}]
    return moved


class LocalRabbit(RabbitServer):
    """
    A private node below a temporary folder, with its own port mapper (epmd).

    `settings` are lines of its rabbitmq.conf in place of ours. A `folder` of its own, with the
    administrator's `password`, is kept when the node ends.
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        folder: Path | None = None,
        password: str | None = None,
    ) -> None:
        self._settings = settings or {}
        self._is_kept = folder is not None
        management_port = free_port()
        super().__init__(
            host="127.0.0.1",
            port=free_port(),
            management_url=f"http://127.0.0.1:{management_port}",
            admin_user="admin",
            admin_password=password or secrets.token_urlsafe(16),
        )
        self._metrics_port = free_port()
        self.metrics_url = f"http://127.0.0.1:{self._metrics_port}/metrics"
        require("rabbitmq-server", "rabbitmq-server")
        epmd = find("epmd")
        assert epmd is not None, "Erlang comes with its port mapper"
        self._home = folder or temporary_folder("rabbitmq")
        self._home.mkdir(mode=0o700, exist_ok=True)
        # Its data are below its name, which a kept one has for ever.
        name = "ovation" if folder else f"ovation{self.port}"
        mapper_port = free_port()
        # Started by us and kept in the foreground: the one that a node starts by itself is a
        # daemon that survives everything.
        self._mapper = Process(
            name="epmd",
            command=[str(epmd), "-port", str(mapper_port), "-address", "127.0.0.1"],
            log=self._home / "epmd.log",
        )
        self._mapper_port = mapper_port
        self._process = Process(
            name="RabbitMQ",
            command=[str(SCRIPTS / "rabbitmq-server")],
            log=self._home / "rabbitmq.log",
            environment=_environment(self._home, name, self.port, free_port(), mapper_port),
            # A clean stop takes six seconds, for messages that are deleted next.
            end_signal=signal.SIGKILL,
        )
        self._write_configuration()

    def start(self) -> None:
        if not self._mapper.is_running():
            self._mapper.start()
            self._mapper.wait_until(lambda: listens(self._mapper_port), seconds_max=10)
        self._process.start()
        self._process.wait_until(self.answers, seconds_max=START_SECONDS_MAX)
        self._started_at = time.monotonic()

    def stop(self) -> None:
        self._process.stop(with_signal=signal.SIGTERM)

    def kill(self) -> None:
        self.wait_until_saved()
        self._process.kill()
        # The node is a child of what we started, and may outlive it by a moment.
        while listens(self.port):
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        if self._is_kept:
            self.stop()
        self._process.kill()
        self._mapper.kill()
        if not self._is_kept:
            remove_folder(self._home)

    def last_words(self) -> str:
        return self._process.last_words()

    def _write_configuration(self) -> None:
        folder = self._home / "conf"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "enabled_plugins").write_text(PLUGINS)
        (folder / "advanced.config").write_text("[].\n")
        settings = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": str(self.management_port),
            "prometheus.tcp.ip": "127.0.0.1",
            "prometheus.tcp.port": str(self._metrics_port),
            "loopback_users": "none",
            "default_user": self.admin_user,
            "default_pass": self.admin_password,
            "default_user_tags.administrator": "true",
            "disk_free_limit.absolute": "100MB",
            "vm_memory_high_watermark.absolute": "1GB",
            "log.console": "true",
            "log.console.level": "warning",
            "log.file": "false",
            **self._settings,
        }
        lines = [f"{name} = {value}\n" for name, value in settings.items()]
        (folder / "rabbitmq.conf").write_text("".join(lines))


def schedulers() -> str:
    """
    Let the broker run on half of the cores, and sleep when idle.

    The machine belongs to the services too. On two cores one scheduler takes a fifth less of the
    processor for each message than two, which wake each other.
    https://www.rabbitmq.com/docs/runtime#cpu-contention
    """
    count = max(1, (os.cpu_count() or 1) // 2)
    return f"+S {count}:{count} +sbwt none +sbwtdcpu none +sbwtdio none"


def _environment(
    home: Path, name: str, port: int, distribution_port: int, mapper_port: int
) -> dict[str, str]:
    """Everything the node would otherwise read or write below /etc and /var."""
    folder = home / "conf"
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_NODENAME": f"{name}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONFIG_FILES": str(folder / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"-kernel inet_dist_use_interface {{127,0,0,1}} {schedulers()}"
        ),
    }
