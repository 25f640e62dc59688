"""A service's password at PostgreSQL and RabbitMQ is replaced, and no session is refused."""

import asyncio
import secrets

import asyncpg
import pytest
from aiormq.exceptions import AMQPConnectionError

from deploy.config.databases import quoted, run_sql
from shared.messaging.broker import Broker, close_quietly
from shared.messaging.topology import a_permission, a_user
from shared.postgres.database import Database

OLD, NEW = "the one before", "the newest one"
BOTH = f"{NEW}\n{OLD}"


@pytest.fixture
def role(postgres):
    """A role with the old password; returns how to give it another."""
    name = f"test_role_{secrets.token_hex(4)}"
    # Nobody else enters the server's own database.
    enters = f"CONNECT ON DATABASE postgres TO {quoted(name)}"
    made = f"CREATE ROLE {quoted(name)} LOGIN PASSWORD '{OLD}'"
    run_sql(postgres.dsn(), [made, f"GRANT {enters}"])

    def tell(password):
        run_sql(postgres.dsn(), [f"ALTER ROLE {quoted(name)} PASSWORD '{password}'"])

    yield name, tell
    run_sql(
        postgres.dsn(), [f"REVOKE {enters.replace(' TO ', ' FROM ')}", f"DROP ROLE {quoted(name)}"]
    )


@pytest.fixture
def opened(postgres, role):
    """Open a new session, in a pool and outside of one."""

    async def open_both(password):
        url = f"postgresql://{role[0]}@{postgres.host}:{postgres.port}/postgres"
        database = Database(url, password=password)
        try:
            await database.ping()
            await (await database.connect_directly()).close()
        finally:
            await database.close()

    return open_both


async def test_a_database_is_reached_before_and_after_it_learns_the_new_password(opened, role):
    await opened(BOTH)
    await opened(OLD)

    role[1](NEW)

    await opened(BOTH)
    await opened(NEW)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await opened(OLD)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await opened("neither\nof them")


async def test_no_session_is_refused_while_the_password_changes(opened, role):
    """New sessions are opened all the time, before, during and after."""
    stopping = asyncio.Event()

    async def go_on():
        count = 0
        while not stopping.is_set():
            await opened(BOTH)
            count += 1
        return count

    openers = [asyncio.create_task(go_on()) for _ in range(4)]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(role[1], NEW)
    await asyncio.sleep(0.3)
    stopping.set()

    assert min(await asyncio.gather(*openers)) > 1


@pytest.fixture
def user(rabbit, vhost):
    """A user with the old password; returns how to give it another."""
    name = f"test-user-{secrets.token_hex(4)}"

    def tell(password):
        rabbit.load({"users": [a_user(name, password)]})

    tell(OLD)
    rabbit.load({"permissions": [a_permission(name)]}, vhost=vhost)
    yield name, tell
    rabbit.manage("DELETE", f"/api/users/{name}")


@pytest.fixture
def connected(rabbit, vhost, user):
    async def connect(password):
        url = f"amqp://{user[0]}@{rabbit.host}:{rabbit.port}/{vhost}"
        await close_quietly(await Broker(url, password, "test").connect("test"))

    return connect


async def test_a_broker_is_reached_before_and_after_it_learns_the_new_password(connected, user):
    await connected(BOTH)
    await connected(OLD)

    user[1](NEW)

    await connected(BOTH)
    await connected(NEW)
    with pytest.raises(AMQPConnectionError):
        await connected(OLD)
