"""Databases and brokers of a benchmark's own, beside those of the running services."""

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from deploy.config.databases import database_sql, in_own_thread, run_sql, schema_sql
from deploy.harness.system import System
from shared.messaging.broker import Broker
from shared.messaging.topology import topology, users
from shared.postgres.database import Database
from shared.postgres.migrate import migrate

VHOST = "bench"


@asynccontextmanager
async def database_of(
    system: System, service: str, *, part_count: int = 1
) -> AsyncIterator[Database]:
    """A migrated database of a service that no running service knows, as its restricted role."""
    name, postgres, passwords = f"bench_{service}", system.postgres, system.secrets.database
    owner = f"{service}_owner"
    run_sql(postgres.dsn(), database_sql(service, name))
    run_sql(postgres.dsn(name), schema_sql(service))
    dsn = postgres.dsn(name, user=owner, password=passwords[owner])
    in_own_thread(lambda: migrate(service, dsn, part_count=part_count))
    database: Database = postgres.open(
        name, user=service, password=passwords[service], part_count=part_count
    )
    try:
        yield database
    finally:
        await database.close()
        run_sql(postgres.dsn(), [f"DROP DATABASE {name} WITH (FORCE)"])


@contextmanager
def vhost(system: System) -> Iterator[None]:
    """A vhost with our topology, apart from the one the services use."""
    system.rabbit.load(topology(), vhost=VHOST)
    system.rabbit.load(users(system.secrets.broker), vhost=VHOST)
    try:
        yield
    finally:
        system.rabbit.remove_vhost(VHOST)


def broker_of(system: System, service: str, vhost: str = VHOST) -> Broker:
    url = f"amqp://{service}@{system.rabbit.host}:{system.rabbit.port}/{vhost}"
    return Broker(url, system.secrets.broker[service], service)


def tune() -> None:
    """Collect garbage as a running service does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
