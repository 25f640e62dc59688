"""
Where an installation is, as its operator reaches it.

OVATIONCTL_POSTGRES, OVATIONCTL_RABBIT (its management API) and OVATIONCTL_BROKER say where the
servers are, OVATIONCTL_WALLET_POSTGRES where the wallet's is if it has its own. The passwords are
the files of `make secrets`, below OVATION_SECRETS_DIR, or the variables of the same names in
capitals: AUDITOR_DATABASE_PASSWORD, OVATIONCTL_BROKER_PASSWORD.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from deploy.config.databases import AUDITOR
from deploy.config.services import DATABASES
from shared.amqp.transport import Connection
from shared.messaging.broker import Broker, close_quietly
from shared.messaging.delivery import OPERATOR_USER
from shared.messaging.partitions import (
    Partitions,
    partitions_of_installation,
    spreads_of,
)
from shared.messaging.topology import AUDITOR_USER
from shared.postgres.database import Database, Transaction, recorded_part_count

SECRETS = Path(__file__).parent.parent / "secrets"
REQUEST_SECONDS_MAX = 10
DEAD_LETTERS_READ_MAX = 1_000


def read_secret(name: str) -> str:
    """Return a secret of the installation by the name of its file."""
    if name.upper() in os.environ:
        return os.environ[name.upper()]
    folder = Path(os.environ.get("OVATION_SECRETS_DIR", SECRETS))
    try:
        return (folder / name).read_text().strip()
    except OSError as error:
        raise SystemExit(f"Set {name.upper()}, or make the secrets: {error}") from None


@dataclass(frozen=True, slots=True)
class Installation:
    """
    The servers of one installation, as its operator reaches them.

    Reading is done as the auditor, which can change nothing; a command that changes a service's
    tables takes that service's own role. `secret` returns a password by the name of its file,
    `partitions` says which queues are spread over several.
    """

    postgres: str
    rabbit: str
    broker: str
    secret: Callable[[str], str] = read_secret
    vhost: str = "ovation"
    databases: Mapping[str, str] | None = None
    # Addresses of PostgreSQL servers that have one service alone, by service.
    servers: Mapping[str, str] | None = None
    partitions: Partitions = field(default_factory=dict)

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            postgres=os.environ.get("OVATIONCTL_POSTGRES", "127.0.0.1:5432"),
            rabbit=os.environ.get("OVATIONCTL_RABBIT", "http://127.0.0.1:15672"),
            broker=os.environ.get("OVATIONCTL_BROKER", "127.0.0.1:5672"),
            vhost=os.environ.get("OVATIONCTL_VHOST", "ovation"),
            servers={
                service: os.environ[variable]
                for service in DATABASES
                if (variable := f"OVATIONCTL_{service.upper()}_POSTGRES") in os.environ
            },
            partitions=partitions_of_installation(),
        )

    @asynccontextmanager
    async def opened(self, service: str, role: str = AUDITOR) -> AsyncIterator[Database]:
        """Open a service's database with all its parts; as the auditor, if not as another."""
        async with self._database(service, role) as database:
            yield database

    @asynccontextmanager
    async def reading(self, service: str) -> AsyncIterator[Transaction]:
        """Read a service's database as it is at one instant, as the auditor."""
        async with self._database(service, AUDITOR) as database, database.snapshot() as tx:
            yield tx

    @asynccontextmanager
    async def serving(self, service: str) -> AsyncIterator[Transaction]:
        """Do what the service itself may do in its database."""
        async with self._database(service, service) as database, database.transaction() as tx:
            yield tx

    @asynccontextmanager
    async def owning(self, service: str) -> AsyncIterator[Transaction]:
        """Do what only the owner of a service's tables may: what its migrations do."""
        owner = f"{service}_owner"
        async with self._database(service, owner) as database, database.transaction() as tx:
            yield tx

    @asynccontextmanager
    async def connect(self, user: str = OPERATOR_USER) -> AsyncIterator[Connection]:
        """Open a connection to the broker, as the operator or as the auditor."""
        url = f"amqp://{user}@{self.broker}/{quote(self.vhost, safe='')}"
        broker = Broker(url, self.secret(f"{user}_broker_password"), user)
        connection = await broker.connect("ctl")
        try:
            yield connection
        finally:
            await close_quietly(connection)

    def server_of(self, service: str) -> str:
        """Return `host:port` of the server that has a service's database."""
        return (self.servers or {}).get(service, self.postgres)

    def database_name(self, service: str) -> str:
        """Return the name of a service's database: the service's own, unless told otherwise."""
        return (self.databases or {}).get(service, service)

    def password_of(self, role: str) -> str:
        """Return the password of a role of PostgreSQL."""
        kind = "password" if role.endswith("_owner") else "database_password"
        return self.secret(f"{role}_{kind}")

    @asynccontextmanager
    async def _database(self, service: str, role: str) -> AsyncIterator[Database]:
        address = f"postgresql://{role}@{self.server_of(service)}/{self.database_name(service)}"
        password = self.password_of(role)
        async with AsyncExitStack() as opened:
            database = Database(address, password=password, pool_size=1)
            opened.push_async_callback(database.close)
            if (part_count := await recorded_part_count(database)) > 1:
                database = Database(address, password=password, pool_size=1, part_count=part_count)
                opened.push_async_callback(database.close)
            yield database

    def messages_in(self, queue: str) -> int:
        """
        Return how many messages a queue holds, unacknowledged ones included; as the auditor.

        Those of its partitions are counted together.
        """
        found = [
            self.manage("GET", f"{self.within('queues')}/{name}", user=AUDITOR_USER)
            for name in spreads_of(queue, self.partitions)[-1].queues
        ]
        return sum(int(each.get("messages", 0)) for each in found)

    def dead_letters_in(self, queue: str) -> list[str] | None:
        """
        Return the bodies of a queue's dead letters, which stay in their queue.

        The auditor may not read them: without the operator's password the answer is None.
        """
        try:
            self.secret("ovationctl_broker_password")
        except SystemExit:
            return None
        asked = {
            "count": DEAD_LETTERS_READ_MAX,
            "ackmode": "reject_requeue_true",
            "encoding": "auto",
        }
        path = f"{self.within('queues')}/{queue}.dlq/get"
        return [str(message["payload"]) for message in self.manage("POST", path, asked)]

    def manage(
        self, method: str, path: str, body: object = None, *, user: str = OPERATOR_USER
    ) -> Any:
        """Ask the broker's management API, as the operator or as the auditor."""
        answer = httpx.request(
            method,
            f"{self.rabbit}{path}",
            json=body,
            auth=(user, self.secret(f"{user}_broker_password")),
            timeout=REQUEST_SECONDS_MAX,
            trust_env=False,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def within(self, kind: str) -> str:
        """Return the management API's path to queues, bindings or policies of this vhost."""
        return f"/api/{kind}/{quote(self.vhost, safe='')}"
