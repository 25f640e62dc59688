"""
Tests on an installation with several parts: `OVATION_PARTS=16 pytest tests/wallet`.

What a test looks at with a statement of its own, it finds in the schema `every_part`: views of all
parts together. They cannot be changed: a test that tampers names the part of its user.
"""

import os
import sys

from deploy.config.databases import AUDITOR, fetch, run_sql
from deploy.config.services import PARTED, SERVICES
from shared.postgres.database import Database, Part
from shared.postgres.parts import REFERENCE_SCHEMA, part_of, schema_of
from shared.postgres.statements import text

PART_COUNT = int(os.environ.get("OVATION_PARTS") or 1)
EVERY_PART = "every_part"
# A table of which a node of Citus has the rows has none here, and counts as written.
IS_WRITTEN = """
    pg_relation_size(pg_class.oid) > 0
    OR EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')
"""
RELATIONS = f"""
    SELECT nspname AS schema, relname AS name, relkind = 'r' AS is_table,
           ({IS_WRITTEN}) AS is_written,
           (SELECT array_agg(attname::text) FROM pg_attribute
            WHERE attrelid = pg_class.oid AND attnum > 0) AS columns
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'v') AND nspname IN ({{schemas}})
    ORDER BY 1, 2
"""
_WRITTEN = text(f"""
    SELECT DISTINCT nspname AS schema
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND nspname LIKE 'part%' AND relname <> 'alembic_version' AND ({IS_WRITTEN})
""")
# Whose a row is: the columns of tables by user, where a service does not name its own.
WHOSE = ("user_id", "viewer", "creator")


def part_count_of(service):
    """How many parts a service has in this run."""
    return PART_COUNT if service in PARTED else 1


def neighbours(database, count):
    """Return users who are all in one part: what becomes of them is written together."""
    names = [f"viewer-{number:03}" for number in range(1_000)]
    here = part_of(names[0], database.part_count)
    return [name for name in names if part_of(name, database.part_count) == here][:count]


def schema_for(database, user):
    """The schema that has the rows of a user."""
    number = database.part_for(user).number
    return REFERENCE_SCHEMA if number is None else schema_of(number)


def schemas_of_users(database):
    """The schemas that have the rows of users."""
    if database.part_count == 1:
        return [REFERENCE_SCHEMA]
    return [schema_of(part.number) for part in database.parts]


async def in_every_part(database, statement, **values):
    """Change the rows of all users by a statement."""
    changing = text(statement) if isinstance(statement, str) else statement
    for part in database.parts:
        async with part.transaction() as tx:
            await tx.execute(changing, values)


class EveryPart(Database):
    """A database as services open it; a test may look at all of its parts at once."""

    def transaction(self):
        return self._of_a_test().transaction()

    def snapshot(self):
        return self._of_a_test().snapshot()

    def _of_a_test(self):
        if self.part_count == 1:
            return self.reference
        caller = sys._getframe(2).f_code.co_filename  # noqa: SLF001 - whose mistake it would be
        assert "/tests/" in caller, f"{caller} names no part"
        return _Everything(self)


class _Everything(Part):
    def __init__(self, database):
        super().__init__(database)
        # Functions are the same in all parts: those of the first are found.
        path = f"; SET LOCAL search_path = {EVERY_PART}, {schema_of(0)}, public"
        self._begin, self._begin_snapshot = self._begin + path, self._begin_snapshot + path


def unite_parts(dsn, service, part_count):
    """Make the views of all parts together, as administrator."""
    schemas = [schema_of(part) for part in range(part_count)]
    found = fetch(dsn, RELATIONS.format(schemas=", ".join(map(repr, (REFERENCE_SCHEMA, *schemas)))))
    reference = {row["name"] for row in found if row["schema"] == REFERENCE_SCHEMA}
    of_part = [row for row in found if row["schema"] == schemas[0]]
    statements = [f"CREATE SCHEMA {EVERY_PART}"]
    for row in of_part:
        where = schemas + ([REFERENCE_SCHEMA] if row["name"] in reference else [])
        columns = ", ".join(row["columns"])
        united = " UNION ALL ".join(f"SELECT {columns} FROM {each}.{row['name']}" for each in where)
        statements.append(f"CREATE VIEW {EVERY_PART}.{row['name']} AS {united}")
    run_sql(
        dsn,
        [
            *statements,
            f"GRANT USAGE ON SCHEMA {EVERY_PART} TO {service}, {AUDITOR}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {EVERY_PART} TO {service}, {AUDITOR}",
        ],
    )


def strays(dsn, service, part_count):
    """Every row that is not in the part of its user: there must be none."""
    owner = SERVICES[service].owner
    whose = WHOSE if owner is None else ("user_id", owner)
    schemas = [schema_of(part) for part in range(part_count)]
    found = fetch(dsn, RELATIONS.format(schemas=", ".join(map(repr, schemas))))
    looked = [
        f"SELECT '{row['schema']}' AS part, '{row['name']}' AS name, {column} AS whose"
        f" FROM {row['schema']}.{row['name']} WHERE"
        f" get_byte(sha256(convert_to({column}, 'UTF8')), 0) % {part_count}"
        f" <> {schemas.index(row['schema'])}"
        for row in found
        if row["is_table"] and row["is_written"]
        for column in whose
        if column in row["columns"]
    ]
    return [tuple(row) for row in fetch(dsn, " UNION ALL ".join(looked))] if looked else []


async def parts_in_use(database):
    """
    The parts in which something was written: all others are as they were made.

    The first part is among them: it verifies what is of no single user too.
    """
    if database.part_count == 1:
        return database.parts
    async with database.reference.transaction() as tx:
        written = {row.schema for row in await tx.execute(_WRITTEN)}
    written.add(schema_of(0))
    return [part for part in database.parts if schema_of(part.number) in written]
