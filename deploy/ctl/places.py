"""
Where an installation is, for whoever looks after it.

OVATIONCTL_POSTGRES and OVATIONCTL_RABBIT say where the servers are; the passwords are the files
of `make secrets`, below OVATION_SECRETS_DIR, or OVATIONCTL_POSTGRES_PASSWORD and
OVATIONCTL_RABBIT_PASSWORD.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from shared.database import Database, Transaction

SECRETS = Path(__file__).parent.parent / "secrets"
REQUEST_SECONDS_MAX = 10
LETTERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Places:
    """The servers of one installation, as the auditor and the operator reach them."""

    postgres: str
    postgres_password: str
    rabbit: str
    rabbit_password: str
    vhost: str = "ovation"
    databases: Mapping[str, str] | None = None

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            postgres=os.environ.get("OVATIONCTL_POSTGRES", "127.0.0.1:5432"),
            postgres_password=_secret("OVATIONCTL_POSTGRES_PASSWORD", "auditor_database_password"),
            rabbit=os.environ.get("OVATIONCTL_RABBIT", "http://127.0.0.1:15672"),
            rabbit_password=_secret("OVATIONCTL_RABBIT_PASSWORD", "ovationctl_broker_password"),
            vhost=os.environ.get("OVATIONCTL_VHOST", "ovation"),
        )

    @asynccontextmanager
    async def reading(self, service: str) -> AsyncIterator[Transaction]:
        """Read a service's database as it is at one instant, as the auditor."""
        name = (self.databases or {}).get(service, service)
        address = f"postgresql://auditor@{self.postgres}/{name}"
        database = Database(address, password=self.postgres_password, pool_size=1)
        try:
            async with database.snapshot() as tx:
                yield tx
        finally:
            await database.close()

    def waiting_in(self, queue: str) -> int:
        """Return how many messages a queue holds, those being handled included."""
        found = self._manage("GET", f"/api/queues/{quote(self.vhost, safe='')}/{queue}")
        return int(found.get("messages", 0))

    def letters_in(self, queue: str) -> list[str]:
        """Return the bodies of a queue's dead letters; they stay where they are."""
        asked = {"count": LETTERS_MAX, "ackmode": "reject_requeue_true", "encoding": "auto"}
        path = f"/api/queues/{quote(self.vhost, safe='')}/{queue}.dlq/get"
        return [str(letter["payload"]) for letter in self._manage("POST", path, asked)]

    def _manage(self, method: str, path: str, body: object = None) -> Any:
        answer = httpx.request(
            method,
            f"{self.rabbit}{path}",
            json=body,
            auth=("ovationctl", self.rabbit_password),
            timeout=REQUEST_SECONDS_MAX,
            trust_env=False,
        )
        answer.raise_for_status()
        return answer.json()


def _secret(variable: str, file: str) -> str:
    if variable in os.environ:
        return os.environ[variable]
    folder = Path(os.environ.get("OVATION_SECRETS_DIR", SECRETS))
    try:
        return (folder / file).read_text().strip()
    except OSError as error:
        raise SystemExit(f"Set {variable}, or make the secrets: {error}") from None
