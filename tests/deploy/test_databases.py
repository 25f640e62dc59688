"""Every service has a database of its own, and nobody else's."""

import asyncpg
import pytest

from deploy.local.databases import database_sql, provisioning_sql, role_names


def test_provisioning_makes_a_database_with_two_roles_for_each_service():
    statements = provisioning_sql(dict.fromkeys(role_names(), "it's secret"))

    assert "ALTER ROLE wallet_owner PASSWORD 'it''s secret'" in statements
    assert 'CREATE DATABASE "wallet" OWNER wallet_owner' in statements
    assert 'REVOKE ALL ON DATABASE "wallet" FROM PUBLIC' in statements
    assert 'GRANT CONNECT ON DATABASE "wallet" TO wallet, auditor' in statements


def test_a_copy_names_its_template():
    create, *_ = database_sql("gift", "copy", template="original")

    assert create.endswith('TEMPLATE "original" STRATEGY WAL_LOG')


async def test_a_service_works_in_its_own_database_with_restricted_rights(database_of):
    connection = await database_of("wallet").connect_directly()

    assert await connection.fetchval("SELECT current_user") == "wallet"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TABLE mine (x int)")
    await connection.close()


async def test_a_service_is_kept_out_of_every_other_database(database_of, postgres, credentials):
    name = database_of("wallet").address.database
    dsn = postgres.dsn(name, user="gift", password=credentials.database["gift"])

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(dsn)


async def test_the_auditor_reads_everything_and_changes_nothing(database_of, postgres, credentials):
    name = database_of("wallet").address.database
    dsn = postgres.dsn(name, user="auditor", password=credentials.database["auditor"])
    connection = await asyncpg.connect(dsn)

    assert await connection.fetch("SELECT * FROM postings") == []
    await connection.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM postings")
    await connection.close()


async def test_each_database_is_fresh(database_of):
    names = {database_of("wallet").address.database for _ in range(2)}

    assert len(names) == 2
