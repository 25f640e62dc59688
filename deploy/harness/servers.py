"""
Where servers come from; the one place that decides.

CITUS_DSN names a PostgreSQL for the suites of `deploy.citus`. Otherwise OVATION_SERVERS says it
(`docker`, `local`, or two addresses); when it says nothing, Docker is used if an engine answers
and has the images, else private servers are run here.
"""

import os
import threading
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from deploy.harness.postgres import LocalPostgres, PostgresServer
from deploy.harness.processes import ServerFailed
from deploy.harness.rabbitmq import LocalRabbit, RabbitServer
from deploy.harness.server import ExternalServer

VARIABLE = "OVATION_SERVERS"
_IMPORTING = threading.Lock()
USAGE = (
    f"{VARIABLE} is `docker`, `local`, or two addresses: postgresql://user:password@host:port"
    " amqp://user:password@host:port?management=http://host:port"
)


@dataclass(frozen=True, slots=True)
class Servers:
    """A PostgreSQL and a RabbitMQ, started."""

    postgres: PostgresServer
    rabbit: RabbitServer


class ExternalPostgres(ExternalServer, PostgresServer):
    """PostgreSQL outside, known by its address."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert parts.hostname, USAGE
        super().__init__(
            parts.hostname,
            parts.port or 5432,
            unquote(parts.username or "postgres"),
            unquote(parts.password or ""),
        )


class ExternalRabbit(ExternalServer, RabbitServer):
    """RabbitMQ outside, known by its address and that of its management API."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert parts.hostname, USAGE
        management = parse_qs(parts.query).get("management", [f"http://{parts.hostname}:15672"])
        super().__init__(
            parts.hostname,
            parts.port or 5672,
            management[0],
            unquote(parts.username or "guest"),
            unquote(parts.password or "guest"),
        )


def choose_postgres(*, fast: bool = False) -> PostgresServer:
    """Return a PostgreSQL that is not started yet. `fast` is for tests: fsync off."""
    if address := os.environ.get("CITUS_DSN"):
        return ExternalPostgres(address)
    if addresses := _addresses():
        return ExternalPostgres(addresses[0])
    if os.environ.get(VARIABLE) != "local":
        _load_containers()
        from deploy.harness import containers  # noqa: PLC0415 - slow to import

        if _use_docker(containers.POSTGRES_IMAGE):
            return containers.ContainerPostgres(fast=fast)
    return LocalPostgres(fast=fast)


def choose_rabbit() -> RabbitServer:
    """Return a RabbitMQ that is not started yet."""
    if addresses := _addresses():
        return ExternalRabbit(addresses[1])
    if os.environ.get(VARIABLE) != "local":
        _load_containers()
        from deploy.harness import containers  # noqa: PLC0415 - slow to import

        if _use_docker(containers.RABBITMQ_IMAGE):
            return containers.ContainerRabbit()
    return LocalRabbit()


def _addresses() -> tuple[str, str] | None:
    chosen = os.environ.get(VARIABLE, "")
    if chosen in ("", "docker", "local"):
        return None
    addresses = chosen.split()
    schemes = [urlsplit(address).scheme for address in addresses]
    if schemes != ["postgresql", "amqp"]:
        raise ServerFailed(USAGE)
    return addresses[0], addresses[1]


def _use_docker(image: str) -> bool:
    from deploy.harness import containers  # noqa: PLC0415 - slow to import

    if containers.engine_answers() and containers.image_is_here(image):
        return True
    if os.environ.get(VARIABLE) == "docker":
        raise ServerFailed(f"No Docker engine answers that has or can pull {image}.")
    return False


def _load_containers() -> None:
    """
    Import what is slow to import, once.

    Both servers are chosen at once, in two threads: without the lock one of them may be handed a
    library that the other has half imported.
    """
    with _IMPORTING:
        import deploy.harness.containers  # noqa: F401, PLC0415
