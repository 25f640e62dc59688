"""A session is opened at the primary, whichever host of the address it is."""

import asyncio
import socket

import asyncpg
import pytest

from deploy.config.databases import quoted, run_sql
from deploy.harness.ports import free_port
from shared.postgres.database import Database, is_unavailable
from shared.postgres.sessions import KEEPALIVES


@pytest.fixture
async def silent():
    """A host that accepts connections and never says a word; returns its port and its callers."""
    callers = []

    async def listen(reader, writer):
        callers.append(writer)
        await reader.read()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], callers
    for writer in callers:
        writer.close()
    server.close()


@pytest.fixture
async def opened(database_of):
    """Open a database at other hosts before its own."""
    databases = []

    def open_at(*ports):
        database = database_of("wallet")
        direct = database.direct_url
        user, at, rest = direct.rpartition("@")
        hosts = "".join(f"127.0.0.1:{port}," for port in ports)
        databases.append(Database(f"{user}{at}{hosts}{rest}"))
        return databases[-1]

    yield open_at
    for database in databases:
        await database.close()


async def test_a_dead_host_is_passed_over(opened):
    database = opened(free_port())

    await database.ping()
    await (await database.connect_directly()).close()


async def test_a_silent_host_is_asked_once_and_then_after_the_others(opened, silent):
    port, callers = silent
    database = opened(port)

    await database.ping()
    await asyncio.gather(*(database.ping() for _ in range(5)))

    assert len(callers) == 1


async def test_a_wrong_password_is_said_by_the_first_host_that_hears_it(database_of, postgres):
    url = f"postgresql://wallet@{postgres.place},{postgres.place}/{database_of('wallet').name}"

    with pytest.raises(asyncpg.InvalidPasswordError):
        await Database(url, password="not this one").ping()


async def test_when_no_host_answers_the_database_is_unavailable(opened, postgres):
    url = f"postgresql://wallet@127.0.0.1:{free_port()},127.0.0.1:{free_port()}/wallet"

    with pytest.raises(Exception) as raised:  # noqa: PT011 - any error that means: away
        await Database(url).ping()

    assert is_unavailable(raised.value)


@pytest.fixture
def read_only(database_of, postgres):
    """A database that takes no writes, as on a standby, until it is told to; returns both."""
    database = database_of("wallet")

    def take_writes(value):
        statement = f"ALTER DATABASE {quoted(database.name)} SET default_transaction_read_only"
        run_sql(postgres.dsn(), [f"{statement} = {value}"])

    take_writes("on")
    return database, lambda: take_writes("off")


async def test_a_server_that_takes_no_writes_is_unavailable_until_it_does(read_only):
    """Its sessions are left: new ones may find a primary."""
    database, take_writes = read_only

    with pytest.raises(asyncpg.ReadOnlySQLTransactionError) as raised:
        await database.ping()
    assert is_unavailable(raised.value)

    take_writes()
    await database.ping()


async def test_both_ends_of_a_session_notice_that_the_other_has_vanished(database_of):
    session = await database_of("wallet").connect_directly()
    transport = session._transport  # noqa: SLF001 - the driver shows its socket nowhere else
    ours = transport.get_extra_info("socket")
    options = {each: ours.getsockopt(socket.IPPROTO_TCP, each) for each in KEEPALIVES}
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    names = ("idle", "interval", "count")
    of_server = [await session.fetchval(f"SHOW tcp_keepalives_{name}") for name in names]
    await session.close()

    assert options == KEEPALIVES
    assert of_server == ["5", "5", "3"]
