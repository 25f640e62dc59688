"""
Five databases, eleven roles: who owns what, and who may come in.

Each service has two roles: `<service>_owner` migrates its database, `<service>` works in it
with the rights the migrations grant. `auditor` may read everything and change nothing: proofs and
reconciliation are run as that role. Docker Compose runs the same statements.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import asyncpg

SERVICES = ("purchase", "wallet", "gift", "payout", "live")
AUDITOR = "auditor"

Answer = TypeVar("Answer")


def role_names() -> list[str]:
    """Return every role there is a password for: owners, runtime roles, the auditor."""
    return [*(role for service in SERVICES for role in (f"{service}_owner", service)), AUDITOR]


def provisioning_sql(passwords: Mapping[str, str]) -> list[str]:
    """
    Return what the administrator runs once, on an empty server or one that ran it before.

    `passwords` by role. CREATE DATABASE cannot be conditional: on a server that may have them,
    leave out `CREATE DATABASE` for those that exist.
    """
    statements = roles_sql(passwords)
    for service in SERVICES:
        statements += database_sql(service, service)
    return statements


def roles_sql(passwords: Mapping[str, str]) -> list[str]:
    roles = [statement for role in role_names() for statement in _role(role, passwords[role])]
    return [
        *roles,
        f"GRANT pg_read_all_data TO {AUDITOR}",
        f"ALTER ROLE {AUDITOR} SET default_transaction_read_only = on",
    ]


def database_sql(service: str, name: str, *, template: str | None = None) -> list[str]:
    """Return how a service's database is made, or a copy of it under another name."""
    copied = f" TEMPLATE {quoted(template)} STRATEGY WAL_LOG" if template else ""
    return [
        f"CREATE DATABASE {quoted(name)} OWNER {service}_owner{copied}",
        f"REVOKE ALL ON DATABASE {quoted(name)} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {quoted(name)} TO {service}, {AUDITOR}",
    ]


def schema_sql(service: str) -> list[str]:
    """Return what is run inside the new database: the owner makes tables, the other uses them."""
    return [
        f"ALTER SCHEMA public OWNER TO {service}_owner",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {service}",
    ]


def provision(admin_dsn: str, passwords: Mapping[str, str]) -> None:
    """Make all roles and databases that the server does not have yet."""
    in_own_thread(lambda: asyncio.run(_provision(admin_dsn, passwords)))


def run_sql(dsn: str, statements: Iterable[str]) -> None:
    """Run statements one by one, each on its own: CREATE DATABASE allows no transaction."""
    in_own_thread(lambda: asyncio.run(_run_sql(dsn, statements)))


def fetch(dsn: str, query: str) -> list[asyncpg.Record]:
    return in_own_thread(lambda: asyncio.run(_fetch(dsn, query)))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def in_own_thread(work: Callable[[], Answer]) -> Answer:
    """Do what starts an event loop of its own, for someone who may be inside a running one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def _role(name: str, password: str) -> list[str]:
    secret = password.replace("'", "''")
    return [
        f"DO $$ BEGIN CREATE ROLE {name} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"ALTER ROLE {name} PASSWORD '{secret}'",
    ]


async def _provision(admin_dsn: str, passwords: Mapping[str, str]) -> None:
    existing = {
        row["datname"] for row in await _fetch(admin_dsn, "SELECT datname FROM pg_database")
    }
    await _run_sql(
        admin_dsn,
        [
            statement
            for statement in provisioning_sql(passwords)
            if not any(statement.startswith(f'CREATE DATABASE "{name}" ') for name in existing)
        ],
    )
    base, _, _ = admin_dsn.rpartition("/")
    for service in SERVICES:
        if service not in existing:
            await _run_sql(f"{base}/{service}", schema_sql(service))


async def _run_sql(dsn: str, statements: Iterable[str]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _fetch(dsn: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()
