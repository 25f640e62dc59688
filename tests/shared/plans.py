"""
What PostgreSQL would do for a statement on tables that have grown.

A plan is judged by its shape: a table that grows is reached by values of the batch, through an
index, whatever the statistics say. Rates and times say nothing on a busy machine.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from shared.postgres.copying import array
from shared.postgres.statements import Statement

# With a tenth of each page filled, a table is as long as one of ten times as many rows.
ROWS, FILLED_PERCENT = 20_000, 10
# A table's first statistics, taken when it had so few rows.
YOUNG_ROWS = 5
STORED = f"autovacuum_enabled = off, fillfactor = {FILLED_PERCENT}"
BATCH = 64
OWNERS = 1_000
Plan: TypeAlias = dict[str, Any]

SCANS = {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"}
# How a value of the batch shows in a condition: as a parameter, as what `_given` makes, or as
# what another part of the plan found first.
GIVEN = re.compile(r"\$\d|InitPlan|given|facade00|4242|\b42\b|2042-")
# How a value of another row shows: with the name of its table, or as a column of the same name.
ANOTHER = re.compile(r"[\w\"]\.[a-z_\"]|\((\w+) = \1\)")
LITERAL = re.compile(r"'[^']*'")


@dataclass(frozen=True, slots=True)
class Scan:
    """A table that a plan reads whole, or by nothing that the batch says."""

    table: str
    node: str
    condition: str

    def __str__(self) -> str:
        by = f" by {self.condition[:80]}" if self.condition else ""
        return f"{self.node} of {self.table}{by}"


async def fill(connection: asyncpg.Connection, table: str) -> None:
    """Give a table a few rows, statistics of those, and then many rows; its rules are lifted."""
    columns = await connection.fetch(_COLUMNS, table)
    for constraint in await connection.fetch(_RULES, table):
        await connection.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{constraint["name"]}"')
    await connection.execute(f'ALTER TABLE "{table}" SET ({STORED})')
    names = ", ".join(f'"{column["name"]}"' for column in columns)
    values = ", ".join(_value(number, column) for number, column in enumerate(columns))
    insert = f'INSERT INTO "{table}" ({names}) OVERRIDING SYSTEM VALUE SELECT {values}'
    for first, last in ((1, YOUNG_ROWS), (YOUNG_ROWS + 1, ROWS)):
        rows = f"FROM generate_series({first}, {last}) AS n ON CONFLICT DO NOTHING"
        await connection.execute(f"{insert} {rows}")
        if first == 1:
            await connection.execute(f'ANALYZE "{table}"')


async def forget_statistics(connection: asyncpg.Connection) -> None:
    """Leave the tables as if none of them had ever been analysed."""
    await connection.execute("DELETE FROM pg_statistic WHERE starelid >= 16384")
    await connection.execute(
        "UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid >= 16384 AND relkind = 'r'"
    )


async def scans(
    connection: asyncpg.Connection, statement: Statement, growing: set[str]
) -> set[Scan]:
    """Return how a statement's plans read growing tables, other than by values of its batch."""
    sql, names = statement.sql, statement.names
    arrays = [statement.arrays.get(name) for name in names]
    return {
        scan
        for plan in [
            await _generic_plan(connection, sql, len(names)),
            await _plan_of_a_batch(connection, sql, arrays),
        ]
        for scan in _unbounded(plan, growing, limited=False)
    }


async def _generic_plan(connection: asyncpg.Connection, sql: str, parameters: int) -> Plan:
    """Return the plan that PostgreSQL keeps for all values, once a session knows a statement."""
    nothing = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE asked AS {sql}")
    try:
        return await _explained(connection, f"EXECUTE asked{nothing}")
    finally:
        await connection.execute("DEALLOCATE asked")
        await connection.execute("RESET plan_cache_mode")


async def _plan_of_a_batch(
    connection: asyncpg.Connection, sql: str, arrays: Sequence[str | None]
) -> Plan:
    """Return the plan for one batch's values, as a session makes it five times; or nothing."""
    prepared = await connection.prepare(sql)
    arguments = [
        array([_given(element)] * BATCH) if element else _given(parameter.name)
        for parameter, element in zip(prepared.get_parameters(), arrays, strict=True)
    ]
    try:
        return await _explained(connection, sql, *arguments)
    except asyncpg.DataError:
        # A value of ours means nothing to it: the generic plan has to say it.
        return {"Node Type": "None"}


async def _explained(connection: asyncpg.Connection, sql: str, *arguments: object) -> Plan:
    explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments)
    plan: Plan = json.loads(explained)[0]["Plan"]
    return plan


def _unbounded(node: Plan, growing: set[str], *, limited: bool, table: str = "") -> Iterator[Scan]:
    table = node.get("Relation Name", table)
    limited = limited or node["Node Type"] == "Limit"
    condition = node.get("Index Cond", "")
    if node["Node Type"] in SCANS and table in growing:
        by_key = bool(condition) and _is_given(condition)
        in_order = limited and node["Node Type"] in ("Index Scan", "Index Only Scan")
        if not by_key and not in_order:
            yield Scan(table, node["Node Type"], condition)
    for below in node.get("Plans", []):
        # A sort or a hash reads everything below it before the first row comes out.
        passes = limited and node["Node Type"] not in ("Sort", "Hash", "Aggregate", "WindowAgg")
        yield from _unbounded(below, growing, limited=passes, table=table)


def _is_given(condition: str) -> bool:
    return bool(GIVEN.search(condition) or ANOTHER.search(LITERAL.sub("", condition)))


def _given(kind: str) -> object:
    """Return a value for a parameter, which a condition of the plan then shows."""
    if kind.endswith("[]"):
        return [_given(kind[:-2])] * BATCH
    values = {
        "uuid": UUID("facade00-0000-0000-0000-000000000000"),
        "timestamptz": datetime(2042, 1, 1, tzinfo=UTC),
        "date": date(2042, 1, 1),
        "interval": timedelta(days=424242),
        "bool": True,
        "bytea": b"given",
        "jsonb": '{"given": 1}',
        "json": '{"given": 1}',
        "int2": 4242,
        "int4": 424242,
        # Also how many rows are asked for.
        **dict.fromkeys(("int8", "bigint", "integer", "smallint"), 42),
        "numeric": 424242,
        # As an interval of seconds it shows as 4242 hours.
        "float8": 15_271_200.0,
    }
    return values.get(kind, '"given"')


def _value(number: int, column: asyncpg.Record) -> str:
    """Return an expression over `n` that fills a column; no two columns go in step."""
    kind, turn = column["kind"], f"(n / {number % 7 + 1})"
    if column["values"]:
        listed = ", ".join(column["values"])
        return f"(ARRAY[{listed}])[1 + {turn} % {len(column['values'])}]"
    text = f"'row-' || n % {OWNERS}" if column["is_owner"] else "'row-' || n"
    value = {
        "text": text,
        "varchar": text,
        "uuid": f"md5(n || '-{number}')::uuid",
        "timestamptz": f"now() - {turn} * interval '1 second'",
        "date": f"current_date - {turn}",
        "bool": f"{turn} % 2 = 0",
        "bytea": "decode(md5(n::text), 'hex')",
        "json": "'{}'::json",
        "jsonb": "'{}'::jsonb",
        "int2": "(n % 100)::smallint",
        "xid8": "n::text::xid8",
        "interval": "n * interval '1 second'",
    }.get(kind, "n" if not kind.startswith("_") else f"'{{}}'::{kind[1:]}[]")
    return value if column["required"] else f"CASE WHEN {turn} % 3 > 0 THEN {value} END"


_COLUMNS = """
    SELECT a.attname AS name, t.typname AS kind, a.attnotnull AS required,
        (SELECT array_agg(DISTINCT found[1]) FROM pg_constraint c,
            regexp_matches(pg_get_constraintdef(c.oid), '(''[a-z_.]+''::text)', 'g') AS found
         WHERE c.conrelid = a.attrelid AND c.contype = 'c' AND c.conkey = ARRAY[a.attnum]
             AND pg_get_constraintdef(c.oid) LIKE '%ANY (ARRAY[%') AS values,
        EXISTS (
            SELECT FROM pg_index i JOIN pg_attribute other
                ON other.attrelid = i.indrelid AND other.attnum = ANY (i.indkey::int2[])
            WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indkey[0] = a.attnum
                AND other.atttypid IN ('uuid'::regtype, 'int8'::regtype)
        ) AS is_owner
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attgenerated = '' ORDER BY a.attnum
"""
_RULES = """
    SELECT conname AS name FROM pg_constraint
    WHERE conrelid = $1::regclass AND contype IN ('c', 'f')
"""
