"""No statement of a hot path reads a growing table whole, on whatever statistics it is planned."""

import re

import asyncpg
import pytest

from deploy.config.services import DATABASES
from tests.shared.plans import fill, forget_statistics, scans
from tests.shared.test_statements import TABLE_MISSING, planned, statements_of

FUNCTION_MISSING = "42883"

# Whose statements run for every gift, purchase, message or block of history.
HOT = {
    "purchase": ("exclusions", "purchases", "refunds", "webhook_events"),
    "wallet": ("exclusions", "gift_payments", "limits", "lots", "purchase_facts", "suspensions"),
    "gift": ("admissions", "combos", "gifts", "levels", "messages", "reversals", "rooms"),
    "payout": (
        *("appeals", "earnings", "fraud", "limits", "maturity", "payees", "quotes", "reversals"),
        *("reviews", "schedules", "splits"),
    ),
    "live": ("batch_context", "feed", "gift_totals", "gifters", "goals", "rooms", "streams"),
    "webhooks": ("deliveries", "events", "secrets"),
}
HOT_SHARED = ("ledger.book", "ledger.entries", "ledger.sealing", "messaging", "quotas")
# Tables that do not grow with use, or by a row for tens of thousands of entries.
SMALL = {
    *("alembic_version", "archives", "catalogue", "endpoint_secrets", "endpoints", "grants"),
    *("rates", "rebuilds"),
}
# They read a whole table, or all open work, on purpose: seldom, and not while others wait.
SELDOM = {
    "services.gift.store.combos._ENDED": "republishing",
    "services.gift.store.combos._END_ANY": "a job over the running combos",
    "services.gift.store.combos._LOCK_MISCOUNTED": "a job over the running combos",
    "services.gift.store.combos._RECOUNT": "a job over the running combos",
    "services.gift.store.gifts._BOOKS": "reconciliation",
    "services.gift.store.gifts._HISTORIES": "republishing",
    "services.gift.store.gifts._REPEAT": "a job over the open gifts",
    "services.live.store.goals._LIST_REACHED": "republishing",
    "services.live.store.goals._LOCK_CHANGED": "a page of what a rebuild changed",
    "services.live.store.rooms._READ_BOOKS": "reconciliation",
    "services.live.store.streams._LIST_OPEN": "an operator's page",
    "services.live.store.streams._LIST_UNPUBLISHED": "a job over the open streams",
    "services.purchase.store.purchases._CLAIM": "a job over the open purchases",
    "services.purchase.store.webhook_events._CLAIM": "a job over the events not applied yet",
    "services.webhooks.store.deliveries._DUE_ENDPOINTS": "a look at the first of each endpoint",
    "services.webhooks.store.deliveries._NEXT": "a look at the first of each endpoint",
    "services.webhooks.store.deliveries._OF_DELETED": "a job over the open deliveries",
    "services.webhooks.store.events._OLD": "a job that deletes what was kept for long enough",
    "shared.ledger.sealing._COUNT": "an operator's command",
    "shared.ledger.sealing._STRAY": "verification",
    "shared.ledger.sealing._UNSEALED": "a metric over the transactions not sealed yet",
    "shared.messaging.archive._BETWEEN": "republishing",
}


@pytest.mark.parametrize("service", DATABASES)
async def test_a_hot_statement_reaches_growing_tables_by_what_its_batch_says(
    database_of, postgres, service
):
    name = database_of(service).name
    connection = await asyncpg.connect(postgres.dsn(name))
    try:
        tables = {row["name"] for row in await connection.fetch(TABLES)} - SMALL
        statements = await plannable(connection, hot_statements(service))
        used = {word for each in statements.values() for word in re.findall(r"\w+", each.text)}
        for table in sorted(tables & used):
            await fill(connection, table)
        found = await scans_of_all(connection, statements, tables)
    finally:
        await connection.close()

    assert len(statements) > 20
    assert not found, describe(found)


def test_no_excuse_outlives_its_statement():
    known = {name for service in DATABASES for name in statements_of(f"services.{service}")}
    known |= set(statements_of("shared"))

    assert SELDOM.keys() - known == set()


async def scans_of_all(connection, statements, tables):
    """Return what each statement reads whole, and with which statistics."""
    found = {}
    for age in ("of a few rows", "none", "of all rows"):
        if age == "none":
            await forget_statistics(connection)
        elif age == "of all rows":
            await connection.execute("ANALYZE")
        for name, statement in statements.items():
            for scan in await scans(connection, statement, tables):
                found.setdefault(name, []).append(f"{scan}; statistics: {age}")
    return found


def hot_statements(service):
    """Return the statements of a service's hot path, and of what is shared by all."""
    packages = [f"services.{service}.store.{module}" for module in HOT[service]]
    packages += [f"shared.{module}" for module in HOT_SHARED]
    return {
        name: statement
        for package in ("shared", f"services.{service}.store")
        for name, statement in statements_of(package).items()
        if name.startswith(tuple(packages)) and name not in SELDOM
    }


async def plannable(connection, statements):
    """Leave out the statements of shared/ whose tables or functions this service has not."""
    errors = {name: await planned(connection, each) for name, each in statements.items()}
    return {
        name: each
        for name, each in statements.items()
        if getattr(errors[name], "sqlstate", None) not in (TABLE_MISSING, FUNCTION_MISSING)
    }


def describe(found):
    return "\n".join(f"{name}: {how}" for name in sorted(found) for how in found[name])


TABLES = """
    SELECT relname AS name FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
