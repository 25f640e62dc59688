"""The real system, with a way of our own between each service and each server."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from deploy.config.environment import Endpoints
from deploy.ctl.installation import Installation
from deploy.harness.postgres import PostgresServer
from deploy.harness.system import System
from shared.contracts.routes import SERVICES
from shared.messaging.topology import VHOST
from tests.chaos.plan import SERVERS
from tests.chaos.proxy import Link, Target


class Stage(Protocol):
    """A system that people use and that is looked into afterwards, wherever it runs."""

    postgres: PostgresServer

    @property
    def gateway_url(self) -> str: ...
    @property
    def sandbox_url(self) -> str: ...
    @property
    def payments_key(self) -> str: ...
    @property
    def installation(self) -> Installation: ...
    @property
    def names(self) -> list[str]: ...
    def token(self, subject: str, **claims: object) -> str: ...
    def is_running(self, name: str) -> bool: ...


class DisturbedSystem(System):
    """Everything, each service reaching PostgreSQL and RabbitMQ through links."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.links = {
            f"{service}>{server}": Link(self._address_of(server))
            for service in SERVICES
            for server in SERVERS
        }

    def endpoints_of(self, name: str) -> Endpoints:
        installation = super().endpoints_of(name)
        if name not in SERVICES:
            return installation
        return Endpoints(
            urls=installation.urls,
            postgres=f"127.0.0.1:{self.links[f'{name}>postgres'].port}",
            rabbit=f"127.0.0.1:{self.links[f'{name}>rabbit'].port}",
            vhost=installation.vhost,
        )

    @property
    def payments_key(self) -> str:
        return self.secrets.payments_key

    @property
    def installation(self) -> Installation:
        """Return where it is for its operator, who goes past the links."""
        return installation_of(self)

    def _address_of(self, server: str) -> Target:
        def address() -> tuple[str, int]:
            found = self.postgres if server == "postgres" else self.rabbit
            return found.host, found.port

        return address


def installation_of(system: System) -> Installation:
    """Return where a system of our own is for its operator."""
    return Installation(
        postgres=f"{system.postgres.host}:{system.postgres.port}",
        rabbit=system.rabbit.management_url,
        broker=f"{system.rabbit.host}:{system.rabbit.port}",
        secret=system.secrets.read,
        vhost=VHOST,
    )


@asynccontextmanager
async def running(system: DisturbedSystem | None = None) -> AsyncIterator[DisturbedSystem]:
    """Start everything, links first, and end it."""
    system = system or DisturbedSystem()
    try:
        for link in system.links.values():
            await link.start()
        await to_thread(system.open)
        yield system
    finally:
        await to_thread(system.stop)
        for link in system.links.values():
            await link.stop()
