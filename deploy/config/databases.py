"""
Five databases, thirteen roles: who owns what, and who may come in.

Each service has two roles: `<service>_owner` migrates its database, `<service>` works in it
with the rights the migrations grant. A service with sealed history has a third: only
`<service>_archiver` may delete entries, once they are in an archive. `auditor` may read every table
and change nothing: proofs and reconciliation are run as that role. Docker Compose runs the same
statements, each time it starts.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import asyncpg

from deploy.config.services import DATABASES, SEALED
from shared.postgres.addresses import with_database
from shared.postgres.role_settings import COMMON, SERVICE, settings_sql
from shared.postgres.sessions import Hosts

AUDITOR = "auditor"

# Three instances and their successors while they are rolled, with what each may have at once.
SERVICE_CONNECTIONS_MAX = 120
OWNER_CONNECTIONS_MAX = 10
ARCHIVER_CONNECTIONS_MAX = 5
AUDITOR_CONNECTIONS_MAX = 20
# What one query of a reader may put on the disk while it sorts: all databases share that disk.
AUDITOR_TEMPORARY_FILES_MAX = "4GB"
# Text is ordered by code points, not by the server's library: a newer image has another library,
# and indexes that were built with the old order do not find their rows.
ENCODING_SQL = (
    "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
    " LC_COLLATE 'C' LC_CTYPE 'C'"
)
# Functions that every role may call by default, and that could stop or fill a database: an advisory
# lock would keep a relay or a job from working; large objects and messages are written.
_LOCKING = "^pg_(try_)?advisory_"
_WRITING = "^(lo_.*|loread|lowrite|pg_logical_emit_message)$"

Answer = TypeVar("Answer")


def role_names(services: Iterable[str] = DATABASES) -> list[str]:
    """Return every role there is a password for: owners, runtime roles, archivers, the auditor."""
    known = tuple(services)
    of_services = [role for service in known for role in (f"{service}_owner", service)]
    return [*of_services, *(archiver_of(each) for each in known if each in SEALED), AUDITOR]


def archiver_of(service: str) -> str:
    """Return the role that moves a ledger's old entries into archives."""
    return f"{service}_archiver"


def provisioning_sql(
    passwords: Mapping[str, str], services: Sequence[str] = DATABASES
) -> list[str]:
    """
    Return what the administrator runs once, on an empty server or one that ran it before.

    `passwords` by role. CREATE DATABASE cannot be conditional: on a server that may have them,
    leave out `CREATE DATABASE` for those that exist.
    """
    statements = roles_sql(passwords, services)
    for service in services:
        statements += database_sql(service, service)
    return statements


def roles_sql(passwords: Mapping[str, str], services: Iterable[str] = DATABASES) -> list[str]:
    names = role_names(services)
    roles = [statement for role in names for statement in _role(role, passwords[role])]
    settings = [statement for role in names for statement in _settings(role)]
    return [
        *roles,
        *settings,
        # It has the hashes of all passwords in it. Of a version before; revoking twice is fine.
        f"REVOKE pg_read_all_data FROM {AUDITOR}",
        f"ALTER ROLE {AUDITOR} SET default_transaction_read_only = on",
        f"ALTER ROLE {AUDITOR} SET temp_file_limit = '{AUDITOR_TEMPORARY_FILES_MAX}'",
        # Only administrators need these two.
        "REVOKE ALL ON DATABASE postgres FROM PUBLIC",
        "REVOKE ALL ON DATABASE template1 FROM PUBLIC",
    ]


def database_sql(
    service: str, name: str, *, template: str | None = None, is_large: bool = False
) -> list[str]:
    """
    Return how a service's database is made, or a copy of it under another name.

    A small template is copied faster through the log, a large one file by file.
    """
    strategy = "FILE_COPY" if is_large else "WAL_LOG"
    made = f"TEMPLATE {quoted(template)} STRATEGY {strategy}" if template else ENCODING_SQL
    return [
        f"CREATE DATABASE {quoted(name)} OWNER {service}_owner {made}",
        f"REVOKE ALL ON DATABASE {quoted(name)} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {quoted(name)} TO {', '.join(_users_of(service))}, {AUDITOR}",
    ]


def schema_sql(service: str) -> list[str]:
    """
    Return what is run inside a database, new or not: the owner makes tables, others use them.

    The auditor may read what there is and what comes.
    """
    owner = f"{service}_owner"
    # Of all its schemas: the parts, which migrations make, are among them.
    coming = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT"
    return [
        f"ALTER SCHEMA public OWNER TO {owner}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {', '.join(_users_of(service))}, {AUDITOR}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {AUDITOR}",
        f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {AUDITOR}",
        f"{coming} USAGE ON SCHEMAS TO {', '.join(_users_of(service))}, {AUDITOR}",
        f"{coming} SELECT ON TABLES TO {AUDITOR}",
        f"{coming} SELECT ON SEQUENCES TO {AUDITOR}",
        _functions_sql(_LOCKING, owner, *_users_of(service)),
        # The owner too: bringing back a copy, it may repeat this only if it has the right itself.
        _functions_sql(_WRITING, owner),
    ]


def _users_of(service: str) -> list[str]:
    """Return the roles that work in a service's database."""
    return [service, archiver_of(service)] if service in SEALED else [service]


def _functions_sql(names: str, *roles: str) -> str:
    """Leave functions of PostgreSQL's own to some roles, in this database."""
    return _LEAVE_FUNCTIONS.replace("{names}", names).replace("{roles}", ", ".join(roles))


_LEAVE_FUNCTIONS = """
    DO $$ DECLARE one regprocedure; BEGIN
        FOR one IN SELECT oid FROM pg_proc
            WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '{names}'
        LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {roles}', one);
        END LOOP;
    END $$
"""


def provision(
    admin_dsn: str, passwords: Mapping[str, str], services: Sequence[str] = DATABASES
) -> None:
    """Make all roles and databases of these services that the server does not have yet."""
    in_own_thread(lambda: asyncio.run(_provision(admin_dsn, passwords, services)))


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
        f"ALTER ROLE {name} PASSWORD '{secret}' CONNECTION LIMIT {_connections_max(name)}",
    ]


def _settings(role: str) -> list[str]:
    return settings_sql(role, SERVICE if role in DATABASES else COMMON)


def _connections_max(role: str) -> int:
    if role == AUDITOR:
        return AUDITOR_CONNECTIONS_MAX
    if role in map(archiver_of, SEALED):
        return ARCHIVER_CONNECTIONS_MAX
    return OWNER_CONNECTIONS_MAX if role.endswith("_owner") else SERVICE_CONNECTIONS_MAX


async def _provision(admin_dsn: str, passwords: Mapping[str, str], services: Sequence[str]) -> None:
    existing = {
        row["datname"] for row in await _fetch(admin_dsn, "SELECT datname FROM pg_database")
    }
    await _run_sql(
        admin_dsn,
        [
            statement
            for statement in provisioning_sql(passwords, services)
            if not any(statement.startswith(f'CREATE DATABASE "{name}" ') for name in existing)
        ],
    )
    for service in services:
        await _run_sql(with_database(admin_dsn, service), schema_sql(service))
    await _check_order_of_text(admin_dsn, services)


class OrderOfTextChanged(Exception):
    """Indexes of a database were built with another order of text: rows would not be found."""


async def _check_order_of_text(admin_dsn: str, services: Iterable[str]) -> None:
    """Refuse a database whose indexes may be wrong; say which ones may be so one day."""
    names = ", ".join(f"'{service}'" for service in services)
    rows = await _fetch(admin_dsn, _ORDER_OF_TEXT.format(names=names))
    changed = [row for row in rows if row["built_with"] != row["has_now"]]
    if changed:
        raise OrderOfTextChanged(
            "; ".join(
                f"{row['name']} was built with version {row['built_with']} of its order of text"
                f" ({row['collate']}), and the server has {row['has_now']}: as administrator in it,"
                f" REINDEX DATABASE {row['name']}, then"
                f" ALTER DATABASE {row['name']} REFRESH COLLATION VERSION"
                for row in changed
            )
        )
    for row in rows:
        if row["provider"] != "b" and not row["collate"].startswith(("C", "POSIX")):
            sys.stderr.write(
                f"{row['name']} has the order of text of the server's library ({row['collate']}),"
                " which another image may change. `backup`, drop it, provision, `restore`: then it"
                " has one that stays the same.\n"
            )


_ORDER_OF_TEXT = """
    SELECT datname AS name, datlocprovider::text AS provider, datcollate AS collate,
           datcollversion AS built_with, pg_database_collation_actual_version(oid) AS has_now
    FROM pg_database WHERE datname IN ({names}) ORDER BY datname
"""


async def _run_sql(dsn: str, statements: Iterable[str]) -> None:
    connection = await Hosts(dsn).connect()
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _fetch(dsn: str, query: str) -> list[asyncpg.Record]:
    connection = await Hosts(dsn).connect()
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()
