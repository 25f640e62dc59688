"""
Where an installation is, for whoever looks after it.

OVATIONCTL_POSTGRES, OVATIONCTL_RABBIT (its management API) and OVATIONCTL_BROKER say where the
servers are; the passwords are the files of `make secrets`, below OVATION_SECRETS_DIR, or the
variables of the same names in capitals: AUDITOR_DATABASE_PASSWORD, OVATIONCTL_BROKER_PASSWORD.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx
from aio_pika.abc import AbstractConnection

from shared.messaging.broker import Broker, close_quietly
from shared.messaging.delivery import OPERATOR_USER
from shared.messaging.topology import AUDITOR_USER
from shared.postgres.database import Database, Transaction

SECRETS = Path(__file__).parent.parent / "secrets"
REQUEST_SECONDS_MAX = 10
LETTERS_MAX = 1_000


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

    Reading is done as the auditor, who can change nothing; a command that changes a service's
    tables takes that service's own role. `secret` is asked for a password when it is needed.
    """

    postgres: str
    rabbit: str
    broker: str
    secret: Callable[[str], str] = read_secret
    vhost: str = "ovation"
    databases: Mapping[str, str] | None = None

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            postgres=os.environ.get("OVATIONCTL_POSTGRES", "127.0.0.1:5432"),
            rabbit=os.environ.get("OVATIONCTL_RABBIT", "http://127.0.0.1:15672"),
            broker=os.environ.get("OVATIONCTL_BROKER", "127.0.0.1:5672"),
            vhost=os.environ.get("OVATIONCTL_VHOST", "ovation"),
        )

    @asynccontextmanager
    async def reading(self, service: str) -> AsyncIterator[Transaction]:
        """Read a service's database as it is at one instant, as the auditor."""
        database = self._database(service, "auditor", "auditor_database_password")
        try:
            async with database.snapshot() as tx:
                yield tx
        finally:
            await database.close()

    @asynccontextmanager
    async def serving(self, service: str) -> AsyncIterator[Transaction]:
        """Do what the service itself may do in its database."""
        database = self._database(service, service, f"{service}_database_password")
        try:
            async with database.transaction() as tx:
                yield tx
        finally:
            await database.close()

    @asynccontextmanager
    async def owning(self, service: str) -> AsyncIterator[Transaction]:
        """Do what only the owner of a service's tables may: what its migrations do."""
        database = self._database(service, f"{service}_owner", f"{service}_owner_password")
        try:
            async with database.transaction() as tx:
                yield tx
        finally:
            await database.close()

    @asynccontextmanager
    async def connect(self, user: str = OPERATOR_USER) -> AsyncIterator[AbstractConnection]:
        """Open a connection to the broker, as the operator or as the auditor."""
        url = f"amqp://{user}@{self.broker}/{quote(self.vhost, safe='')}"
        broker = Broker(url, self.secret(f"{user}_broker_password"), user)
        connection = await broker.connect("ctl")
        try:
            yield connection
        finally:
            await close_quietly(connection)

    def _database(self, service: str, role: str, secret: str) -> Database:
        name = (self.databases or {}).get(service, service)
        address = f"postgresql://{role}@{self.postgres}/{name}"
        return Database(address, password=self.secret(secret), pool_size=1)

    def waiting_in(self, queue: str) -> int:
        """Return how many messages a queue holds, those being handled included; as the auditor."""
        path = f"{self.within('queues')}/{queue}"
        return int(self.manage("GET", path, user=AUDITOR_USER).get("messages", 0))

    def letters_in(self, queue: str) -> list[str] | None:
        """
        Return the bodies of a queue's dead letters; they stay where they are.

        Only an operator may take letters: whoever is none, as the auditor, gets None.
        """
        try:
            self.secret("ovationctl_broker_password")
        except SystemExit:
            return None
        asked = {"count": LETTERS_MAX, "ackmode": "reject_requeue_true", "encoding": "auto"}
        path = f"{self.within('queues')}/{queue}.dlq/get"
        return [str(letter["payload"]) for letter in self.manage("POST", path, asked)]

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
        """Return the management API's path to a kind of things of this vhost."""
        return f"/api/{kind}/{quote(self.vhost, safe='')}"
