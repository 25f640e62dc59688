"""
A Citus cluster as its administrator sees it: databases of services on every node.

A plain PostgreSQL is a cluster of one node that distributes nothing.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from deploy.config.databases import (
    AUDITOR,
    database_sql,
    fetch,
    in_own_thread,
    quoted,
    roles_sql,
    run_sql,
    schema_sql,
)
from deploy.ctl.parts import ROLE_SETTINGS
from shared.postgres.parts import REFERENCE_SCHEMA, schema_of

# Written by migrations, and not by what is tested.
KEPT = ("alembic_version", "alembic_version_reference", "parts")


@dataclass(frozen=True, slots=True)
class Node:
    """A server of the cluster; `address` is the administrator's, without a database."""

    address: str

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 5432

    def dsn(self, database: str) -> str:
        return urlunsplit(urlsplit(self.address)._replace(path=f"/{quote(database)}"))

    def at(self, host: str, port: int) -> "Node":
        """Return another node, with the same administrator."""
        parts = urlsplit(self.address)
        user, at, _ = parts.netloc.rpartition("@")
        return replace(self, address=urlunsplit(parts._replace(netloc=f"{user}{at}{host}:{port}")))


class Cluster:
    """
    The coordinator of an address, and its workers.

    The address names a database with the extension citus whose `pg_dist_node` has the workers.
    """

    def __init__(self, address: str) -> None:
        database = urlsplit(address).path.removeprefix("/") or "postgres"
        self.coordinator = Node(address)
        self.has_citus = bool(fetch(address, "SELECT FROM pg_extension WHERE extname = 'citus'"))
        self.workers: list[Node] = []
        if self.has_citus:
            rows = fetch(self.coordinator.dsn(database), _WORKERS)
            self.workers = [self.coordinator.at(row["nodename"], row["nodeport"]) for row in rows]

    @property
    def nodes(self) -> list[Node]:
        return [self.coordinator, *self.workers]

    def describe(self) -> str:
        if not self.has_citus:
            return (
                "A plain PostgreSQL: nothing is distributed, all parts are schemas of one server."
            )
        return f"Citus: a coordinator and {len(self.workers)} workers."

    def prepare_roles(self, passwords: Mapping[str, str]) -> None:
        """Make the roles on every node, with the settings that they need there."""
        for node in self.nodes:
            statements = roles_sql(passwords)
            if self.has_citus:
                statements += [
                    f"ALTER ROLE {role} SET {name} = '{value}'"
                    for role in passwords
                    for name, value in ROLE_SETTINGS.items()
                    if name.startswith("citus.") or role != AUDITOR
                ]
            run_sql(node.dsn("postgres"), _local(statements, self.has_citus))

    def create_database(self, service: str, name: str, passwords: Mapping[str, str]) -> None:
        """Make a service's database on every node, and let the coordinator know the others."""
        for node in self.nodes:
            run_sql(node.dsn("postgres"), database_sql(service, name))
            if self.has_citus:
                run_sql(node.dsn(name), ["CREATE EXTENSION citus"])
            run_sql(node.dsn(name), _local(schema_sql(service), self.has_citus))
        if not self.has_citus:
            return
        host, port = self.coordinator.host, self.coordinator.port
        known = [
            f"SELECT citus_set_coordinator_host('{host}', {port})",
            *(f"SELECT citus_add_node('{node.host}', {node.port})" for node in self.workers),
            # How the coordinator shows itself to the workers in the service's name.
            *(
                _AUTHENTICATE.format(role=role, password=passwords[role])
                for role in (service, f"{service}_owner", AUDITOR)
            ),
        ]
        run_sql(self.coordinator.dsn(name), known)

    def distribute(self, name: str, part_count: int) -> None:
        """Let Citus keep each part on a node of its choice."""
        if self.has_citus and part_count > 1:
            schemas = map(schema_of, range(part_count))
            run_sql(
                self.coordinator.dsn(name),
                [f"SELECT citus_schema_distribute('{schema}')" for schema in schemas],
            )

    def empty(self, name: str) -> None:
        """Leave a database as it was after its migration."""
        in_own_thread(lambda: asyncio.run(_empty(self.coordinator.dsn(name))))

    def drop_databases(self, names: Iterable[str]) -> None:
        for node in self.nodes:
            run_sql(
                node.dsn("postgres"),
                [f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)" for name in names],
            )


def _local(statements: Iterable[str], has_citus: bool) -> list[str]:
    """Let each node run its own statements: Citus would send them to the others as well."""
    return [*(["SET citus.enable_ddl_propagation = off"] if has_citus else []), *statements]


async def _empty(dsn: str) -> None:
    db = await asyncpg.connect(dsn)
    try:
        for row in await db.fetch(_TABLES, REFERENCE_SCHEMA, list(KEPT)):
            await db.execute(f"TRUNCATE {row['tables']}")
    finally:
        await db.close()


_AUTHENTICATE = """
    INSERT INTO pg_dist_authinfo (nodeid, rolename, authinfo)
    VALUES (0, '{role}', 'password={password}')
"""
_WORKERS = """
    SELECT nodename, nodeport FROM pg_dist_node
    WHERE groupid <> 0 AND isactive AND noderole = 'primary' ORDER BY 1, 2
"""
# Of one schema at a time: they are on one node.
_TABLES = """
    SELECT nspname, string_agg(format('%I.%I', nspname, relname), ', ') AS tables
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND (nspname = $1 OR nspname ~ '^part_') AND relname <> ALL ($2::text[])
      AND NOT EXISTS (
        SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e'
    )
    GROUP BY nspname ORDER BY nspname
"""
