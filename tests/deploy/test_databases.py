"""Every service has a database of its own, and nobody else's."""

import asyncpg
import pytest

from deploy.config.databases import (
    AUDITOR_TEMPORARY_FILES_MAX,
    SERVICE_CONNECTIONS_MAX,
    database_sql,
    fetch,
    provisioning_sql,
    quoted,
    role_names,
    run_sql,
)
from deploy.config.services import DATABASES
from shared.postgres.database import Database, is_unavailable
from shared.postgres.statements import text


def test_provisioning_makes_a_database_with_the_roles_of_each_service():
    statements = provisioning_sql(dict.fromkeys(role_names(), "it's secret"))

    assert "ALTER ROLE wallet_owner PASSWORD 'it''s secret' CONNECTION LIMIT 10" in statements
    (made,) = (each for each in statements if each.startswith('CREATE DATABASE "wallet"'))
    assert made.startswith('CREATE DATABASE "wallet" OWNER wallet_owner TEMPLATE template0')
    assert 'REVOKE ALL ON DATABASE "wallet" FROM PUBLIC' in statements
    everybody = "wallet, wallet_archiver, auditor"
    assert f'GRANT CONNECT ON DATABASE "wallet" TO {everybody}' in statements


def test_a_copy_names_its_template_and_how_it_is_copied():
    create, *_ = database_sql("gift", "copy", template="original")
    large, *_ = database_sql("gift", "copy", template="original", is_large=True)

    assert create.endswith('TEMPLATE "original" STRATEGY WAL_LOG')
    assert large.endswith('TEMPLATE "original" STRATEGY FILE_COPY')


async def test_a_service_works_in_its_own_database_with_restricted_rights(database_of):
    connection = await database_of("wallet").connect_directly()

    assert await connection.fetchval("SELECT current_user") == "wallet"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TABLE mine (x int)")
    await connection.close()


async def test_a_service_is_kept_out_of_every_other_database(database_of, postgres, credentials):
    name = database_of("wallet").name
    dsn = postgres.dsn(name, user="gift", password=credentials.database["gift"])

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(dsn)


@pytest.fixture
async def as_auditor(database_of, postgres, credentials):
    """Sessions of the auditor in a service's database; they are closed afterwards."""
    opened = []

    async def connect(service="wallet", *, database=None):
        name = database or database_of(service).name
        dsn = postgres.dsn(name, user="auditor", password=credentials.database["auditor"])
        opened.append(await asyncpg.connect(dsn))
        await opened[-1].execute("SET default_transaction_read_only = off")
        return opened[-1]

    yield connect
    for connection in opened:
        await connection.close()


@pytest.mark.parametrize("service", DATABASES)
async def test_the_auditor_reads_every_table_and_changes_none(as_auditor, service):
    connection = await as_auditor(service)
    tables = await connection.fetch(
        "SELECT oid::regclass::text AS name FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')"
    )

    assert len(tables) > 3
    for table in tables:
        await connection.fetch(f"SELECT * FROM {table['name']} LIMIT 1")
        for change in ("DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "LOCK {} IN SHARE MODE"):
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.WrongObjectTypeError)):
                await in_a_transaction(connection, change.format(table["name"]))


async def in_a_transaction(connection, statement):
    async with connection.transaction():
        await connection.execute(statement)


async def test_the_auditor_reads_tables_that_are_made_later(postgres, database_of, credentials):
    name = database_of("wallet").name
    owner = credentials.database["wallet_owner"]
    run_sql(postgres.dsn(name, user="wallet_owner", password=owner), ["CREATE TABLE later (x int)"])
    dsn = postgres.dsn(name, user="auditor", password=credentials.database["auditor"])

    connection = await asyncpg.connect(dsn)

    assert await connection.fetch("SELECT * FROM later") == []
    await connection.close()


FORBIDDEN = {
    "passwords": "SELECT rolpassword FROM pg_authid",
    "a session lock": "SELECT pg_advisory_lock(7001, 1)",
    "a lock of a transaction": "SELECT pg_advisory_xact_lock(7001, 1)",
    "a lock if it is free": "SELECT pg_try_advisory_lock(7001, 1)",
    "a shared lock": "SELECT pg_advisory_lock_shared(7001)",
    "somebody's lock": "SELECT pg_advisory_unlock_all()",
    "a large object": "SELECT lo_from_bytea(0, 'x')",
    "an empty large object": "SELECT lo_create(0)",
    "the write-ahead log": "SELECT pg_logical_emit_message(false, 'x', 'x')",
    "a temporary table": "CREATE TEMP TABLE mine (x int)",
    "a table": "CREATE TABLE mine (x int)",
    "a schema": "CREATE SCHEMA mine",
    "a file": "SELECT pg_read_file('/etc/passwd')",
    "a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "the server": "SELECT pg_reload_conf()",
    "a slot": "SELECT pg_create_physical_replication_slot('mine')",
    "somebody else": "SET ROLE wallet",
    "a role": "CREATE ROLE mine",
    "a disk without an end": "SET temp_file_limit = -1",
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_the_auditor_reaches_locks_and_fills_nothing(as_auditor, statement):
    """Who holds an advisory lock is taken for the relay or the job: everything of it stops."""
    connection = await as_auditor()

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)


async def test_what_the_auditor_sorts_does_not_fill_the_disk(as_auditor):
    """One disk is all databases': a query that sorts without an end would stop every service."""
    connection = await as_auditor()

    assert await connection.fetchval("SHOW temp_file_limit") == AUDITOR_TEMPORARY_FILES_MAX


async def test_a_service_holds_its_own_locks_and_makes_no_large_objects(database_of):
    connection = await database_of("live").connect_directly()

    assert await connection.fetchval("SELECT pg_try_advisory_lock(7001, 1)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("SELECT lo_from_bytea(0, 'x')")
    await connection.close()


@pytest.mark.parametrize("database", ["postgres", "template1"])
@pytest.mark.parametrize("role", ["wallet", "wallet_owner", "auditor"])
async def test_nobody_but_administrators_enters_the_servers_own_databases(
    postgres, credentials, role, database
):
    dsn = postgres.dsn(database, user=role, password=credentials.database[role])

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(dsn)


def test_no_role_can_take_all_sessions_of_the_server(postgres, credentials):
    rows = fetch(postgres.dsn(), "SELECT rolname, rolconnlimit FROM pg_roles WHERE NOT rolsuper")
    limits = {row["rolname"]: row["rolconnlimit"] for row in rows}

    for role in credentials.database:
        assert 0 < limits[role] <= SERVICE_CONNECTIONS_MAX, role


async def test_more_sessions_than_a_role_may_have_are_a_database_that_is_away(
    postgres, database_of
):
    """Waiting helps: the answer is a 503, and consumers keep what they have."""
    database = database_of("live")
    run_sql(postgres.dsn(), ["ALTER ROLE live CONNECTION LIMIT 0"])
    try:
        with pytest.raises(asyncpg.TooManyConnectionsError) as refused:
            await database.ping()
    finally:
        run_sql(postgres.dsn(), [f"ALTER ROLE live CONNECTION LIMIT {SERVICE_CONNECTIONS_MAX}"])

    assert is_unavailable(refused.value)


@pytest.mark.parametrize(
    ("closed", "opened"),
    [
        (
            "ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            "ALTER DATABASE {name} ALLOW_CONNECTIONS true",
        ),
        ("REVOKE CONNECT ON DATABASE {name} FROM live", "GRANT CONNECT ON DATABASE {name} TO live"),
        ("ALTER DATABASE {name} RENAME TO {other}", "ALTER DATABASE {other} RENAME TO {name}"),
    ],
)
async def test_a_database_that_takes_no_connections_is_away(postgres, database_of, closed, opened):
    database = database_of("live")
    name = database.name
    named = {"name": quoted(name), "other": quoted(f"{name}_other")}
    run_sql(postgres.dsn(), [closed.format(**named)])
    try:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await database.ping()
    finally:
        run_sql(postgres.dsn(), [opened.format(**named)])

    assert is_unavailable(refused.value)
    await database.ping()


async def test_a_database_that_takes_another_password_is_away(database_of):
    stranger = Database(database_of("live").url, password="not this one")
    with pytest.raises(asyncpg.InvalidPasswordError) as refused:
        await stranger.ping()

    assert is_unavailable(refused.value)


async def test_what_a_role_may_not_do_is_no_database_that_is_away(database_of):
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        async with database_of("live").transaction() as tx:
            await tx.execute(text("CREATE TABLE mine (x int)"))

    assert not is_unavailable(refused.value)


async def test_each_database_is_fresh(database_of):
    names = {database_of("wallet").name for _ in range(2)}

    assert len(names) == 2
