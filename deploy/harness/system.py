"""The whole system as processes of one machine: servers, services, issuer, sandbox, gateway."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from deploy.config.databases import provision
from deploy.config.environment import (
    ROOT,
    Endpoints,
    Secrets,
    as_the_version_before,
    environment_of,
    new_secrets,
    parts_of,
)
from deploy.config.services import DATABASES, SERVICES
from deploy.harness.authorities import trusted
from deploy.harness.gateway import Gateway
from deploy.harness.issuer import ADULT_YEARS
from deploy.harness.pgbouncer import pooled
from deploy.harness.ports import free_port
from deploy.harness.postgres import PostgresServer
from deploy.harness.processes import Process, ServerFailed, remove_folder, temporary_folder
from deploy.harness.rabbitmq import RabbitServer
from deploy.harness.servers import Servers, choose_postgres, choose_rabbit
from deploy.harness.vendors import SANDBOX, Vendors
from shared.messaging.topology import VHOST, topology, users

# In the order in which they are useful: what others ask for comes first.
PROGRAMS = ("issuer", *SERVICES)
READY_SECONDS_MAX = 60
# A migration waits for locks, for at most two minutes.
MIGRATE_SECONDS_MAX = 300
# What our processes need of our own environment; everything else is theirs alone.
INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "SSL_CERT_FILE",
    "OVATION_LOG_LEVEL",
)
# Where traces go is the same for all: a person's own collector sees the whole system.
TRACING_PREFIX = "OTEL_"


class System:
    """
    Everything, started by `with System() as system:` and ended with it.

    `servers` (and the secrets their users have) are used if given, and left running; else they
    are chosen and end with the system. `root` is the tree whose services run: another version's.
    `settings` are variables of services that differ from what is usual here; `programs` are those
    that are started, by default all. `additions` are further variables, by program. `providers`
    are those that purchase takes money with. `private` are servers that are not started yet, and
    start and end with the system. `tell` is called with a line for each step of the
    start.
    """

    def __init__(
        self,
        *,
        servers: Servers | None = None,
        private: Servers | None = None,
        secrets: Secrets | None = None,
        vhost: str = VHOST,
        gateway_port: int | None = None,
        fast: bool = False,
        root: Path = ROOT,
        settings: Mapping[str, str] | None = None,
        additions: Mapping[str, Mapping[str, str]] | None = None,
        programs: Sequence[str] = PROGRAMS,
        providers: Sequence[str] = (SANDBOX,),
        tell: Callable[[str], object] = lambda _line: None,
    ) -> None:
        self._tell = tell
        self._root = root
        self._programs = programs
        self._settings = settings or {}
        self._additions = additions or {}
        self._external = servers
        self._private = private
        self._vhost = vhost
        self._fast = fast
        self._ending = ExitStack()
        self._port = gateway_port or free_port()
        self._processes: dict[str, Process] = {}
        self._gateway: Gateway
        self.urls = {name: f"http://127.0.0.1:{free_port()}" for name in PROGRAMS}
        self.urls["gateway"] = f"http://127.0.0.1:{self._port}"
        self.vendors = Vendors(providers, gateway_url=self.gateway_url)
        self.secrets = secrets or new_secrets()
        if root != ROOT:
            self.secrets = as_the_version_before(self.secrets)
        self.postgres: PostgresServer
        self.rabbit: RabbitServer
        self.folder: Path

    @property
    def gateway_url(self) -> str:
        return self.urls["gateway"]

    @property
    def issuer_url(self) -> str:
        return self.urls["issuer"]

    @property
    def sandbox_url(self) -> str:
        return self.urls["sandbox"]

    @property
    def vhost(self) -> str:
        return self._vhost

    @property
    def issuer_name(self) -> str:
        """Return the `iss` of this system's tokens."""
        return self._settings.get("ISSUER_URL", self.issuer_url)

    @property
    def names(self) -> list[str]:
        """Return what is there to run: a version may not have a service yet."""
        return [
            name
            for name in self._programs
            if name == "issuer" or (self._root / "services" / name / "main.py").exists()
        ]

    def open(self) -> None:
        """Start everything and return when all of it is ready."""
        try:
            self._open()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything that this system started."""
        self._ending.close()

    def start(self, name: str) -> None:
        """Start a service, or start it again after `kill`, and wait until it is ready."""
        self._processes[name].start()
        self._wait_until_ready(name)

    def migrate(self, root: Path) -> None:
        """Bring every database to what a tree wants, each in a process of that tree's own."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda name: self._migrate(name, root), DATABASES))

    def join(self, root: Path, names: Sequence[str] = DATABASES) -> None:
        """
        Run another instance of services, from a tree of its own, beside those that run.

        Both share everything, and the gateway asks either. The newcomers are `wallet-2` and so on.
        """
        urls = {name: f"http://127.0.0.1:{free_port()}" for name in names}
        for name, url in urls.items():
            self.urls[f"{name}-2"] = url
            endpoints = replace(self.endpoints_of(name), urls={**self.urls, **urls})
            self._run(name, endpoints, root, called=f"{name}-2")
        for name in names:
            self._wait_until_ready(f"{name}-2")
        self._gateway.ask(self._upstreams())

    def leave(self) -> None:
        """End the instances that joined; the others answer for all again."""
        joined = [name for name in DATABASES if self.urls.pop(f"{name}-2", None)]
        self._gateway.ask(self._upstreams())
        for name in joined:
            self._processes[f"{name}-2"].stop()

    def kill(self, name: str) -> None:
        """Kill a service without warning."""
        self._processes[name].kill()

    def terminate(self, name: str) -> None:
        """Ask a service to end, as a new version's arrival does, and wait until it has."""
        self._processes[name].stop()

    def log_of(self, name: str) -> str:
        """Return everything a process wrote."""
        return self._processes[name].log.read_text(errors="replace")

    def pid_of(self, name: str) -> int:
        return self._processes[name].pid

    def is_running(self, name: str) -> bool:
        return self._processes[name].is_running()

    def endpoints_of(self, name: str) -> Endpoints:  # noqa: ARG002 - a subclass uses it
        """Return where a process finds the others; a proxy in between overrides this."""
        pooler = self.postgres.pooler
        return Endpoints(
            urls=self.urls,
            postgres=self.postgres.place,
            rabbit=self.rabbit.place,
            vhost=self._vhost,
            pooler=pooler.place if pooler else "",
            prepares=pooler is None or pooler.prepares,
        )

    def command_of(self, module: str) -> list[str]:
        """Return how a program is run; a subclass may run it another way."""
        return [sys.executable, "-m", module]

    def token(self, subject: str, **claims: object) -> str:
        """Return a bearer token for someone: roles, scopes, country, age_verified, ttl_seconds."""
        answer = httpx.post(
            f"{self.issuer_url}/token",
            json={"sub": subject, "age_verified": ADULT_YEARS, **claims},
            trust_env=False,
            verify=trusted(),
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _open(self) -> None:
        self.folder = temporary_folder("system")
        self._ending.callback(remove_folder, self.folder)
        self._ending.callback(self.vendors.stop)
        self._tell("PostgreSQL and RabbitMQ are started")
        self.vendors.start(self.folder, _inherited())
        self._start_servers()
        self._tell(f"{len(self.names)} programs are started: {', '.join(self.names)}")
        for name in self.names:
            self._run(name, self.endpoints_of(name), self._root)
        self._tell("The gateway is started")
        self._gateway = Gateway(self.folder, self._port, self._upstreams())
        self._gateway.start()
        self._ending.callback(self._gateway.kill)
        for name in self.names:
            self._wait_until_ready(name)

    def _start_servers(self) -> None:
        """Start both servers at once: the databases are ready long before the broker is."""
        if self._external is None:
            self.postgres, self.rabbit = self._own_servers()
            self._ending.callback(self.rabbit.close)
            self._ending.callback(self.postgres.close)
        else:
            self.postgres, self.rabbit = self._external.postgres, self._external.rabbit
        with ThreadPoolExecutor(2) as threads:
            for work in [threads.submit(self._prepare_broker), threads.submit(self._prepare_data)]:
                work.result()

    def _own_servers(self) -> tuple[PostgresServer, RabbitServer]:
        if self._private is not None:
            return self._private.postgres, self._private.rabbit
        return choose_postgres(fast=self._fast), choose_rabbit()

    def _prepare_broker(self) -> None:
        if self._external is None:
            self.rabbit.start()
        self._tell("RabbitMQ answers: its exchanges and queues are declared")
        self.rabbit.load(topology(), vhost=self._vhost)
        # Another version publishes where its own topology says.
        both_versions = self._root != ROOT
        rights = users(self.secrets.broker, both_versions=both_versions)
        self.rabbit.load(rights, vhost=self._vhost)
        if self._external is not None:
            self._ending.callback(self.rabbit.remove_vhost, self._vhost)

    def _prepare_data(self) -> None:
        if self._external is None:
            self.postgres.start()
            self._ending.enter_context(pooled(self.postgres, self.secrets.database))
        self._tell(f"PostgreSQL answers: {len(DATABASES)} databases are made and migrated")
        provision(self.postgres.dsn(), self.secrets.database)
        self.migrate(self._root)

    def _migrate(self, name: str, root: Path) -> None:
        owner = f"{name}_owner"
        own = {
            f"{name.upper()}_MIGRATION_URL": self.postgres.dsn(name, user=owner, password=""),
            f"{name.upper()}_OWNER_PASSWORD": self.secrets.database[owner],
            **parts_of(name),
        }
        done = subprocess.run(
            [sys.executable, "-m", "shared.postgres.migrate", name],
            cwd=root,
            env={**_inherited(), **own},
            timeout=MIGRATE_SECONDS_MAX,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ServerFailed(f"{name} could not be migrated:\n{done.stderr[-2000:]}")

    def _run(
        self, name: str, endpoints: Endpoints, root: Path, *, called: str | None = None
    ) -> None:
        is_issuer = name == "issuer"
        module = "deploy.harness.issuer" if is_issuer else f"services.{name}.main"
        own = environment_of(name, endpoints, self.secrets, root)
        own |= self.vendors.environment if name == "purchase" else {}
        different = {key: self._settings[key] for key in own.keys() & self._settings.keys()}
        different |= self._additions.get(name, {})
        process = Process(
            name=called or name,
            command=self.command_of(module),
            log=self.folder / f"{called or name}.log",
            environment={**_inherited(), **own, **different, "PYTHONUNBUFFERED": "1"},
            # The issuer for development is always this version's.
            folder=str(ROOT if is_issuer else root),
        )
        self._processes[called or name] = process
        process.start()
        self._ending.callback(process.kill)

    def _upstreams(self) -> dict[str, str]:
        """Return which instances there are of each program."""
        both = {name: (self.urls[name], self.urls.get(f"{name}-2", "")) for name in self.names}
        return {name: " ".join(urls).replace("http://", "").strip() for name, urls in both.items()}

    def _wait_until_ready(self, name: str) -> None:
        def answers() -> bool:
            try:
                url = f"{self.urls[name]}/readyz"
                answer = httpx.get(url, timeout=5, trust_env=False, verify=trusted())
            except httpx.TransportError:
                time.sleep(0.05)
                return False
            return answer.is_success

        self._processes[name].wait_until(answers, seconds_max=READY_SECONDS_MAX)


def _inherited() -> dict[str, str]:
    return {
        key: value
        for key, value in os.environ.items()
        if key in INHERITED or key.startswith(TRACING_PREFIX)
    }
