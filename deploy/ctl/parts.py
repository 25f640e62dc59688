"""
Parts on several nodes: where each schema is, and the statements that bring it elsewhere.

On one plain PostgreSQL all parts are on one node, and there is nothing to place. Citus 12 or newer
keeps each distributed schema on one node and moves it while it is used.
https://docs.citusdata.com/en/stable/develop/api_udf.html#citus-schema-move
"""

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import asyncpg

from deploy.config.databases import AUDITOR, archiver_of
from deploy.ctl.installation import Installation
from shared.postgres.parts import schema_of

ADMINISTRATOR = "postgres"
# Of a part that no engine keeps elsewhere.
HERE = "here"
# What a session sets reaches only the node it is connected to: these are set for the role, on
# every node. Without the first, the driver's first look at the types takes Citus up to a minute.
ROLE_SETTINGS: Mapping[str, str] = {
    "citus.override_table_visibility": "off",
    "lock_timeout": "5s",
    "statement_timeout": "30s",
}
_NODE = re.compile(r"(?P<host>[\w.-]+):(?P<port>\d{1,5})")


class CannotPlace(Exception):
    """A part cannot be brought where it is wanted; the message is why."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A part, the node that has it, and how many bytes it takes."""

    part: int
    schema: str
    node: str
    size: int


class Places:
    """The parts of one service, as its database's administrator sees them."""

    def __init__(self, db: asyncpg.Connection, service: str, part_count: int) -> None:
        self._db = db
        self._service = service
        self.part_count = part_count

    async def has_citus(self) -> bool:
        return bool(await self._db.fetchval(_HAS_CITUS))

    async def schemas(self) -> list[str]:
        """Return the schemas of parts that are there, in order."""
        rows = await self._db.fetch("SELECT nspname FROM pg_namespace WHERE nspname ~ '^part_'")
        return sorted(row["nspname"] for row in rows)

    async def placed(self) -> list[Placed]:
        """Return where each part is."""
        nodes: Mapping[str, str] = {}
        if await self.has_citus():
            nodes = {row["schema"]: row["node"] for row in await self._db.fetch(_NODES)}
        sizes = {row["schema"]: row["size"] for row in await self._db.fetch(_SIZES)}
        return [
            Placed(part, schema, nodes.get(schema, HERE), sizes.get(schema, 0))
            for part, schema in enumerate(await self.schemas())
        ]

    async def placing(self) -> list[str]:
        """Return what distributes the parts that are not distributed yet, and sets the roles."""
        await self._require_citus()
        statements = [
            _on_all_nodes(f"ALTER ROLE {role} SET {name} = '{value}'")
            for role in (self._service, archiver_of(self._service), AUDITOR)
            for name, value in ROLE_SETTINGS.items()
            # The auditor reads for as long as it takes.
            if role != AUDITOR or name.startswith("citus.")
        ]
        statements += [
            f"SELECT citus_schema_distribute('{each.schema}')"
            for each in await self.placed()
            if each.node == HERE
        ]
        return statements

    async def moving(self, part: int, node: str) -> list[str]:
        """Return what moves a part to a node; raise `CannotPlace` where that could lose it."""
        await self._require_citus()
        nodes = [row["node"] for row in await self._db.fetch(_KNOWN_NODES)]
        prepared = sum(int(row["result"]) for row in await self._db.fetch(_PREPARED))
        return [plan_move(part, node, await self.placed(), nodes, prepared=prepared)]

    async def findings(self) -> list[str]:
        """Return what is wrong with the schemas, their versions, their rows and their places."""
        schemas = await self.schemas()
        wanted = [schema_of(part) for part in range(self.part_count)]
        odd = sorted(set(wanted) ^ set(schemas))
        findings = [f"{each} is {'missing' if each in wanted else 'no part'}" for each in odd]
        versions = {each: await self._version(each) for each in schemas if each in wanted}
        findings += [
            f"{schema} has had migrations up to {version} only: run the migration again"
            for schema, version in versions.items()
            if version != max(versions.values())
        ]
        for schema in versions:
            findings += [finding async for finding in self._strays(schema)]
        return findings + (await self._findings_of_places() if await self.has_citus() else [])

    async def _findings_of_places(self) -> list[str]:
        findings = [
            f"{each.schema} is not distributed: run `parts place`"
            for each in await self.placed()
            if each.node == HERE
        ]
        return findings + [
            f"{row['node']}: the role {self._service} lacks settings: run `parts place`"
            for row in await self._db.fetch(_ROLE_SETTINGS, self._service)
            if "citus.override_table_visibility=off" not in row["result"]
        ]

    async def run(self, statements: Sequence[str]) -> None:
        for statement in statements:
            await self._db.execute(statement)

    async def _require_citus(self) -> None:
        if self.part_count == 1:
            raise CannotPlace(f"{self._service} has one part: there is nothing to place.")
        if not await self.has_citus():
            raise CannotPlace(
                "This is a plain PostgreSQL: all parts are on this one server. Create the"
                " extension citus and add its nodes first: docs/operations/scaling.md."
            )

    async def _version(self, schema: str) -> str:
        return str(await self._db.fetchval(f"SELECT version_num FROM {schema}.alembic_version"))  # noqa: S608 - a schema that is there

    async def _strays(self, schema: str) -> AsyncIterator[str]:
        """Yield each table that has users of another part."""
        number = int(schema.removeprefix("part_"))
        for row in await self._db.fetch(_USER_TABLES, schema):
            table = f"{schema}.{row['name']}"
            count = await self._db.fetchval(
                f"SELECT count(*) FROM {table}"  # noqa: S608 - a table that is there
                " WHERE get_byte(sha256(convert_to(user_id, 'UTF8')), 0) % $1 <> $2",
                self.part_count,
                number,
            )
            if count:
                yield f"{table} has {count} rows of users of other parts"


def plan_move(
    part: int, node: str, placed: Sequence[Placed], nodes: Collection[str], *, prepared: int
) -> str:
    """Return the statement that moves a part; raise `CannotPlace` where that could lose it."""
    found = _NODE.fullmatch(node)
    if found is None:
        raise CannotPlace(f"{node} is no node: write it as host:port.")
    at = {each.part: each.node for each in placed}.get(part)
    if at is None:
        raise CannotPlace(f"There is no part {part}: the installation has {len(placed)}.")
    if at == HERE:
        raise CannotPlace(f"{schema_of(part)} is not distributed: run `parts place` first.")
    if at == node:
        raise CannotPlace(f"{schema_of(part)} is on {node} already.")
    if node not in nodes:
        raise CannotPlace(f"{node} is no active node for data. There are: {', '.join(nodes)}.")
    if prepared:
        raise CannotPlace(
            f"{prepared} prepared transactions are open: a move would wait for them, or lose what"
            " they decide. Resolve them first: SELECT recover_prepared_transactions()."
        )
    return f"SELECT citus_schema_move('{schema_of(part)}', '{found['host']}', {found['port']})"


@asynccontextmanager
async def places(installation: Installation, service: str) -> AsyncIterator[Places]:
    """Open a service's database as PostgreSQL's administrator."""
    async with installation.opened(service) as database:
        part_count = database.part_count
    password = quote(installation.secret("postgres_admin_password"), safe="")
    address = f"{ADMINISTRATOR}:{password}@{installation.server_of(service)}"
    name = installation.database_name(service)
    db = await asyncpg.connect(f"postgresql://{address}/{name}")
    try:
        yield Places(db, service, part_count)
    finally:
        await db.close()


def _on_all_nodes(statement: str) -> str:
    return f"SELECT run_command_on_all_nodes($on_node${statement}$on_node$)"


_HAS_CITUS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
_NODES = """
    SELECT split_part(table_name::text, '.', 1) AS schema,
           min(nodename || ':' || nodeport) AS node
    FROM citus_shards WHERE table_name::text LIKE 'part\\_%'
    GROUP BY 1
"""
_SIZES = """
    SELECT nspname AS schema, sum(pg_total_relation_size(pg_class.oid))::bigint AS size
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND nspname ~ '^part_' GROUP BY 1
"""
_KNOWN_NODES = """
    SELECT nodename || ':' || nodeport AS node FROM pg_dist_node
    WHERE isactive AND noderole = 'primary' AND shouldhaveshards ORDER BY 1
"""
_PREPARED = """
    SELECT result FROM run_command_on_all_nodes(
        'SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()'
    )
"""
_ROLE_SETTINGS = """
    SELECT nodename || ':' || nodeport AS node, result
    FROM run_command_on_all_nodes(format(
        'SELECT coalesce(array_to_string(max(setconfig), '',''), '''') FROM pg_db_role_setting'
        ' JOIN pg_roles ON pg_roles.oid = setrole WHERE setdatabase = 0 AND rolname = %L', $1::text
    )) AS answer JOIN pg_dist_node USING (nodeid)
"""
_USER_TABLES = """
    SELECT relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND nspname = $1 AND EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'user_id'
    )
    ORDER BY 1
"""
