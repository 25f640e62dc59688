"""Real servers for every test that asks: one PostgreSQL and one RabbitMQ for the whole run."""

import os
import secrets as random
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import aio_pika
import pytest
import structlog
from hypothesis import HealthCheck, settings

from deploy.citus.cluster import Cluster
from deploy.config.databases import (
    database_sql,
    in_own_thread,
    quoted,
    roles_sql,
    run_sql,
    schema_sql,
)
from deploy.config.environment import new_secrets
from deploy.config.services import DATABASES
from deploy.harness.pgbouncer import pooled
from deploy.harness.rabbitmq import RabbitServer
from deploy.harness.servers import Servers, choose_postgres, choose_rabbit
from deploy.harness.system import System
from shared.messaging.topology import topology, users
from shared.postgres.migrate import migrate
from tests.noon import spending_at_noon
from tests.parts import EveryPart, part_count_of, strays, unite_parts

# How long an example takes is a matter of the machine, and of what else it does.
settings.register_profile("ovation", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ovation")
# Where logging is not configured, an error is written as Python writes it: with the values of all
# variables, as is usual otherwise, one traceback took most of a minute.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

_STARTING_RABBIT = pytest.StashKey[Future[RabbitServer]]()


def pytest_collection_finish(session):
    """Start the broker while tests that do not need it run: it takes longer than all of them."""
    wanted = any("rabbit" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        thread = ThreadPoolExecutor(1)
        session.config.stash[_STARTING_RABBIT] = thread.submit(_start_rabbit)
        thread.shutdown(wait=False)


def _start_rabbit():
    server = choose_rabbit()
    server.start()
    return server


@pytest.fixture(scope="session")
def credentials():
    """The passwords of all database roles and broker users, and the provider's keys."""
    return new_secrets()


@pytest.fixture(scope="session")
def postgres(credentials, cluster):
    """A PostgreSQL with the roles of all services. It may be killed and started again."""
    with choose_postgres(fast=True) as server:
        if cluster is None:
            run_sql(server.dsn(), roles_sql(credentials.database))
        with pooled(server, credentials.database):
            yield server


@pytest.fixture(scope="session")
def cluster(credentials):
    """The Citus that CITUS_DSN names, with the roles of all services; None without it."""
    address = os.environ.get("CITUS_DSN")
    if not address:
        return None
    cluster = Cluster(address)
    cluster.prepare_roles(credentials.database)
    return cluster


@pytest.fixture(scope="session")
def rabbit(request, credentials):
    """A RabbitMQ with our topology and users in the vhost `ovation`."""
    with closing(request.config.stash[_STARTING_RABBIT].result()) as server:
        server.load(topology())
        server.load(users(credentials.broker))
        yield server


@pytest.fixture
def vhost(rabbit, credentials):
    """A vhost with our topology that is this test's alone; returns its name."""
    name = f"test-{random.token_hex(4)}"
    rabbit.load(topology(), vhost=name)
    rabbit.load(users(credentials.broker), vhost=name)
    yield name
    rabbit.remove_vhost(name)


@pytest.fixture
def take(rabbit, vhost):
    """Take everything out of a queue of this test's vhost, as the administrator."""

    async def all_of(queue):
        taken = []
        async with await aio_pika.connect(rabbit.url(vhost)) as connection:
            channel = await connection.channel()
            handle = await channel.get_queue(queue)
            while (message := await handle.get(no_ack=True, fail=False)) is not None:
                taken.append(message)
        return taken

    return all_of


@pytest.fixture(scope="session")
def template_of(postgres, credentials):
    """Migrate a service's database once; tests work on copies of it."""
    made: dict[tuple[str, int], str] = {}

    def template(service: str, part_count: int = 1) -> str:
        about = (service, part_count)
        if about not in made:
            name = made[about] = f"template_{service}_{random.token_hex(4)}"
            owner = f"{service}_owner"
            dsn = postgres.dsn(name, user=owner, password=credentials.database[owner])
            run_sql(postgres.dsn(), database_sql(service, name))
            run_sql(postgres.dsn(name), schema_sql(service))
            in_own_thread(lambda: migrate(service, dsn, part_count=part_count))
            if part_count > 1:
                unite_parts(postgres.dsn(name), service, part_count)
        return made[about]

    yield template
    run_sql(postgres.dsn(), [f"DROP DATABASE {quoted(name)}" for name in made.values()])


@pytest.fixture(scope="session")
def distributed(cluster, postgres, credentials):
    """
    Give the name of a service's database on the cluster, emptied.

    Its schemas are distributed once: that takes longer than a test.
    """
    made: dict[tuple[str, int], str] = {}

    def database(service: str, part_count: int) -> str:
        about = (service, part_count)
        if about in made:
            cluster.empty(made[about])
            return made[about]
        name = made[about] = f"suite_{service}_{random.token_hex(4)}"
        cluster.create_database(service, name, credentials.database)
        owner = f"{service}_owner"
        dsn = postgres.dsn(name, user=owner, password=credentials.database[owner])
        in_own_thread(lambda: migrate(service, dsn, part_count=part_count))
        cluster.distribute(name, part_count)
        if part_count > 1:
            unite_parts(postgres.dsn(name), service, part_count)
        return name

    yield database
    if made:
        cluster.drop_databases(made.values())


@pytest.fixture
async def database_of(postgres, template_of, credentials, cluster, distributed):
    """
    Give a fresh, migrated database of a service, opened as its restricted role.

    It has as many parts as all others of this run, or as a test says.
    """
    opened: dict[str, EveryPart] = {}
    services: dict[str, str] = {}

    def open_database(
        service: str, *, pool_size: int = 10, part_count: int | None = None
    ) -> EveryPart:
        part_count = part_count or part_count_of(service)
        if cluster is not None:
            name = distributed(service, part_count)
        else:
            name = f"test_{service}_{random.token_hex(4)}"
            template = template_of(service, part_count)
            is_large = part_count > 1
            run_sql(
                postgres.dsn(), database_sql(service, name, template=template, is_large=is_large)
            )
        services[name] = service
        opened[name] = postgres.open(
            name,
            user=service,
            password=credentials.database[service],
            kind=EveryPart,
            pool_size=pool_size,
            part_count=part_count,
        )
        return opened[name]

    yield open_database
    for database in opened.values():
        await database.close()
    found = [
        stray
        for name, database in opened.items()
        if database.part_count > 1
        for stray in strays(postgres.dsn(name), services[name], database.part_count)
    ]
    if cluster is None:
        # By force: a test may have killed what held a connection.
        run_sql(postgres.dsn(), [f"DROP DATABASE {quoted(name)} WITH (FORCE)" for name in opened])
    assert found == [], "rows outside of the part of their user"


@pytest.fixture
def database(request, database_of):
    """The database of the service that the test's folder is named after."""
    (service,) = set(request.path.parts) & set(DATABASES)
    return database_of(service)


@pytest.fixture(scope="session")
def system(postgres, rabbit, credentials, tmp_path_factory):
    """Everything, running, behind its gateway: for journeys from end to end."""
    servers = Servers(postgres, rabbit)
    settings = {"WALLET_RULES_FILE": str(spending_at_noon(tmp_path_factory.mktemp("seeds")))}
    about = {"secrets": credentials, "vhost": "journeys", "settings": settings}
    with System(servers=servers, **about) as running:
        yield running
