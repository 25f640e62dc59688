"""Timeouts and the planner's settings belong to the roles: a session, or a pooler, brings none."""

import asyncpg
import pytest

from services.wallet.main import build_http
from shared.postgres.database import Database
from shared.postgres.role_settings import RoleNotProvisioned
from shared.postgres.statements import text
from tests.clients import a_verifier, client_of
from tests.databases import another

NAMES = ("lock_timeout", "statement_timeout", "jit", "enable_seqscan")
SETTINGS = text(f"SELECT {', '.join(f'current_setting({name!r}) AS {name}' for name in NAMES)}")


async def test_a_service_works_with_the_settings_of_its_role(database_of):
    database = database_of("wallet")
    await database.check_role()

    async with database.transaction() as tx:
        assert tuple((await tx.execute(SETTINGS)).one()) == ("5s", "30s", "off", "off")


async def test_a_snapshot_takes_as_long_as_it_takes_and_reads_whole_tables(database_of):
    async with database_of("wallet").snapshot() as tx:
        assert tuple((await tx.execute(SETTINGS)).one()) == ("5s", "0", "off", "on")


async def test_a_migration_may_take_long_and_waits_little_for_locks(
    database_of, postgres, credentials
):
    name, owner = database_of("wallet").name, "wallet_owner"
    session = await asyncpg.connect(
        postgres.dsn(name, user=owner, password=credentials.database[owner])
    )
    found = [await session.fetchval(f"SHOW {each}") for each in NAMES]
    await session.close()

    assert found == ["5s", "0", "off", "on"]


async def test_a_role_without_settings_is_not_worked_with(database_of, postgres):
    administrator = Database(postgres.dsn(database_of("wallet").name))

    with pytest.raises(RoleNotProvisioned, match="enable_seqscan, lock_timeout, statement_timeout"):
        await administrator.check_role()
    await administrator.close()


async def test_a_service_is_not_ready_while_its_database_takes_no_writes(database_of, postgres):
    database = another(database_of("wallet"))
    app = build_http(database, a_verifier(), None)
    role = f'ALTER DATABASE "{database.name}" SET default_transaction_read_only'

    async with client_of(app) as client:
        administrator = await asyncpg.connect(postgres.dsn())
        await administrator.execute(f"{role} = on")
        standby = await client.get("/readyz")
        await administrator.execute(f"{role} = off")
        primary = await client.get("/readyz")
        await administrator.close()
    await database.close()

    assert (standby.status_code, primary.status_code) == (503, 200)
