"""Every statement of a service is one that its migrated database can plan."""

import importlib
import pkgutil

import asyncpg
import pytest

from deploy.config.services import DATABASES
from shared.postgres.statements import Statement

SHARED = ("shared.backoffice", "shared.ledger", "shared.messaging", "shared.quotas")
# What PostgreSQL plans; others (SET, LOCK, TRUNCATE) and parts of statements have no plan.
PLANNED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
# An operator runs them as the owner of the tables.
BY_THE_OWNER = ("services.live.store.rebuild",)
# And these as the archiver: a test archives with each.
BY_THE_ARCHIVER = ("shared.ledger.archiving", "services.wallet.store.archives")
# Statements of shared/ are about tables that not every service has, or about their rows.
TABLE_MISSING, TYPE_MISSING = "42P01", "42704"


def statements_of(package):
    """Return the `text` constants of all modules of a package, by module and name."""
    found = {}
    folder = importlib.import_module(package)
    for module in pkgutil.walk_packages(folder.__path__, f"{package}."):
        if ".migrations" in module.name or module.name.startswith(
            (*BY_THE_OWNER, *BY_THE_ARCHIVER)
        ):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Statement) and value.text.split()[0] in PLANNED:
                found[f"{module.name}.{name}"] = value
    return found


@pytest.mark.parametrize("service", DATABASES)
async def test_every_statement_of_a_service_can_be_planned(database_of, service):
    statements = statements_of(f"services.{service}")
    assert len(statements) > 10
    connection = await database_of(service).connect_directly()
    try:
        refused = {}
        for name, statement in statements.items():
            error = await planned(connection, statement)
            if error is not None:
                refused[name] = str(error)
    finally:
        await connection.close()

    assert refused == {}


async def test_every_statement_of_shared_can_be_planned_by_a_service_that_has_its_tables(
    database_of,
):
    statements = {name: each for package in SHARED for name, each in statements_of(package).items()}
    assert len(statements) > 20
    refused = dict.fromkeys(statements, "no service has its tables")
    for service in DATABASES:
        connection = await database_of(service).connect_directly()
        try:
            for name, statement in statements.items():
                error = await planned(connection, statement)
                if error is None:
                    refused.pop(name, None)
                elif error.sqlstate not in (TABLE_MISSING, TYPE_MISSING):
                    refused[name] = str(error)
        finally:
            await connection.close()

    assert refused == {}


async def planned(connection, statement):
    """Return why PostgreSQL refuses to plan a statement, or None."""
    sql, names = statement.sql, statement.names
    nothing = f"({', '.join(['NULL'] * len(names))})" if names else ""
    try:
        await connection.execute(f"PREPARE asked AS {sql}")
        await connection.execute(f"EXPLAIN EXECUTE asked{nothing}")
    except asyncpg.PostgresError as error:
        return error
    finally:
        await connection.execute("DEALLOCATE ALL")
    return None
