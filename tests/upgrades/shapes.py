"""What a database looks like, and what a migration did to the tables that were there before."""

import re
from dataclasses import dataclass
from typing import Any

import asyncpg

TABLES = """
    SELECT relname AS name, (oid, relfilenode) AS file FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND relname <> 'alembic_version'
"""
COLUMNS = """
    SELECT attrelid::regclass::text AS table, attname AS name, attnotnull AS needed,
        format_type(atttypid, atttypmod) AS type,
        atthasdef OR attidentity <> '' AS filled
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0
        AND NOT attisdropped
"""
CHECKS = """
    SELECT conrelid::regclass::text AS table, conname AS name, convalidated AS validated,
        regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', '') AS rule
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f')
"""
INDEXES = """
    SELECT indrelid::regclass::text AS table, relname AS name, indisunique AS unique,
        pg_get_indexdef(indexrelid) AS made
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = 'public'::regnamespace
"""
RIGHTS = """
    SELECT relname AS table, NULL AS name, privilege_type AS right, grantee::regrole::text AS whose
    FROM pg_class, aclexplode(relacl) WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT attrelid::regclass::text, attname, privilege_type, grantee::regrole::text
    FROM pg_attribute, aclexplode(attacl)
"""
MOVES = re.compile(r"\s*(?:UPDATE|DELETE|TRUNCATE|INSERT\b.*\bSELECT)\b", re.DOTALL)
COMMENTS = re.compile(r"--[^\n]*")


@dataclass(frozen=True)
class Shape:
    """Everything an older version may rely on, by table and name."""

    tables: dict[str, Any]
    columns: dict[tuple[str, str], Any]
    checks: dict[tuple[str, str], Any]
    indexes: dict[tuple[str, str], Any]
    rights: set[tuple[Any, ...]]

    @classmethod
    async def of(cls, dsn):
        connection = await asyncpg.connect(dsn)

        async def by_name(query):
            return {(row["table"], row["name"]): row for row in await connection.fetch(query)}

        try:
            return cls(
                tables={row["name"]: row["file"] for row in await connection.fetch(TABLES)},
                columns=await by_name(COLUMNS),
                checks=await by_name(CHECKS),
                indexes=await by_name(INDEXES),
                rights={tuple(row) for row in await connection.fetch(RIGHTS)},
            )
        finally:
            await connection.close()


def harm(before, after, statements):
    """Say what a migration did that makes somebody wait, or that the version before cannot bear."""
    found = [*_of_tables(before, after), *_of_columns(before, after)]
    found += [*_of_checks(before, after), *_of_indexes(before, after, statements)]
    found += [*_of_rights(before, after), *_of_rows(before, statements)]
    return set(found)


def _of_tables(before, after):
    for name, file in before.tables.items():
        if name not in after.tables:
            yield f"{name} is gone"
        elif after.tables[name] != file:
            yield f"{name} is written anew"


def _of_columns(before, after):
    for (table, name), was in before.columns.items():
        now = after.columns.get((table, name))
        if table not in after.tables:
            continue
        if now is None:
            yield f"{table}.{name} is gone"
        elif now["type"] != was["type"]:
            yield f"{table}.{name} is of another type"
        elif now["needed"] and not (now["filled"] or (was["needed"] and not was["filled"])):
            yield f"{table}.{name} has to be said by who did not say it"
    for (table, name), now in after.columns.items():
        new = table in before.tables and (table, name) not in before.columns
        if new and now["needed"] and not now["filled"]:
            yield f"{table}.{name} has to be said by who does not know it"


def _of_checks(before, after):
    for (table, name), now in after.checks.items():
        was = before.checks.get((table, name))
        same = was is not None and was["rule"] == now["rule"]
        if table in before.tables and now["validated"] and not same:
            yield f"{table}: {name} is checked at once"


def _of_indexes(before, after, statements):
    script = "\n".join(statements)
    for key, now in after.indexes.items():
        table, name = key
        was = before.indexes.get(key)
        new = was is None or was["made"] != now["made"]
        by_hand = re.search(rf"INDEX IF NOT EXISTS {name}\b", script)
        if table in before.tables and new and not by_hand:
            yield f"{table}: {name} is built under a lock"
    for (table, name), was in before.indexes.items():
        if table in after.tables and was["unique"] and (table, name) not in after.indexes:
            yield f"{table}: {name} is gone"


def _of_rights(before, after):
    for table, _, right, whose in before.rights - after.rights:
        if table in after.tables:
            yield f"{table}: {whose} has lost {right}"


def _of_rows(before, statements):
    for statement in (COMMENTS.sub("", each) for each in statements):
        named = set(re.findall(r"\w+", statement)) & set(before.tables)
        if MOVES.match(statement) and named:
            yield f"{', '.join(sorted(named))}: {statement.split()[0]} of rows"
