"""Addresses: whether each name resolves, and whether its port is open."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy.config.services import DATABASES
from deploy.ctl.doctor.findings import Examined, Problem
from deploy.ctl.doctor.issuers import issuers
from shared.postgres.addresses import host_addresses

CONNECT_SECONDS_MAX = 5
HTTPS, HTTP, POSTGRES, AMQP, AMQPS = 443, 80, 5432, 5672, 5671


@dataclass(frozen=True, slots=True)
class Address:
    """One port that has to answer. `speaks` is tls, postgres, or nothing that we look into."""

    name: str
    host: str
    port: int
    speaks: str = ""

    @property
    def place(self) -> str:
        return f"{self.name} {self.host}:{self.port}"


def addresses(examined: Examined) -> Iterator[Address]:
    """Yield every address of an installation that its environment names, once."""
    servers = {examined.servers.server_of(service) for service in DATABASES}
    for server in sorted(servers):
        for each in host_addresses(f"postgresql://{server}/"):
            parts = urlsplit(each)
            yield Address("PostgreSQL", parts.hostname or "", parts.port or POSTGRES, "postgres")
    for node in examined.servers.broker.split(","):
        parts = urlsplit(f"amqp://{node}")
        port = parts.port or AMQP
        yield Address("RabbitMQ", parts.hostname or "", port, "tls" if port == AMQPS else "")
    yield _of_url("RabbitMQ's management", examined.servers.rabbit)
    if examined.public_url:
        yield _of_url("public address", examined.public_url)
    for issuer in issuers():
        if issuer.jwks_url:
            yield _of_url("keys of the issuer", issuer.jwks_url)
    for service, url in examined.services.items():
        yield _of_url(service, url)


async def look_at_names(examined: Examined) -> AsyncIterator[Problem]:
    """Resolve each name."""
    for address in addresses(examined):
        try:
            await _resolve(address)
        except OSError as error:
            yield Problem(address.place, f"{address.host} does not resolve: {error.strerror}")


async def look_at_ports(examined: Examined) -> AsyncIterator[Problem]:
    """Open each port; of a name that does not resolve another check speaks."""
    for address in addresses(examined):
        with suppress(OSError):
            await _resolve(address)
            try:
                async with asyncio.timeout(CONNECT_SECONDS_MAX):
                    _, writer = await asyncio.open_connection(address.host, address.port)
            except TimeoutError:
                yield Problem(address.place, f"no answer within {CONNECT_SECONDS_MAX} s")
            except OSError as error:
                yield Problem(address.place, f"cannot be connected to: {error.strerror or error}")
            else:
                writer.close()


async def _resolve(address: Address) -> None:
    await asyncio.get_running_loop().getaddrinfo(address.host, address.port)


def _of_url(name: str, url: str) -> Address:
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    port = parts.port or (HTTPS if is_tls else HTTP)
    return Address(name, parts.hostname or "", port, "tls" if is_tls else "")
