"""
The pictures of each service's tables, in Markdown with a mermaid diagram.

They are made from `tables.py`, because `make check` runs without PostgreSQL. A test compares the
committed pages with the migrated databases (tests/deploy/test_docs.py).
"""

import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

from deploy.config.services import DATABASES

_DIALECT = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]
PAGES = Path(__file__).parent.parent.parent / "docs" / "tables"
TYPES = {
    "timestamp with time zone": "timestamptz",
    "double precision": "float8",
    "character varying": "varchar",
}
# More of them side by side cannot be read; tables with a foreign key between them stay together.
TABLES_A_PICTURE = 3
OWN = "Its own tables"
EVERYWHERE = "Messages and quotas, as in every service"
TITLES = {
    "shared.ledger.tables": "The ledger's tables, as in every service that keeps one",
    "shared.messaging.tables": EVERYWHERE,
    "shared.quotas.tables": EVERYWHERE,
}
INTRODUCTION = """\
<!-- Written by deploy/docs/tables.py from services/{service}/tables.py: run `make contracts`. -->

# Tables of {service}

PK is the primary key, FK a foreign key, UK a column that is unique by itself; a line is a foreign
key. `or null` means that the column may be empty. Checks, indexes and rights are in
[the migrations](../../services/{service}/migrations/versions)."""


def table_pages() -> Mapping[str, tuple[Path, partial[str]]]:
    """Return each page's path and what writes it, by a name for `ovationctl contracts`."""
    return {
        f"{service} tables": (PAGES / f"{service}.md", partial(table_page, service))
        for service in DATABASES
    }


def table_page(service: str) -> str:
    """Return the whole page of one service: its own tables first, then those all services have."""
    groups: dict[str, list[Any]] = {}
    for each in classes_of(service):
        groups.setdefault(TITLES.get(_source(each), OWN), []).append(each)
    blocks = [INTRODUCTION.format(service=service)]
    for title in sorted(groups, key=[OWN, *TITLES.values()].index):
        blocks += [f"## {title}", "\n".join(_list(groups[title]))]
        tables = [each.__table__ for each in groups[title]]
        blocks += ["\n".join(["```mermaid", *diagram(some), "```"]) for some in _pictures(tables)]
    return "\n\n".join(blocks) + "\n"


def diagram(tables: Sequence[Table]) -> Iterator[str]:
    """Yield the lines of a mermaid diagram of some tables."""
    yield "erDiagram"
    for table in tables:
        yield f"    {table.name} {{"
        yield from (f"        {line}" for line in columns(table))
        yield "    }"
    for table in tables:
        yield from (f"    {line}" for line in relations(table))


def columns(table: Table) -> Iterator[str]:
    """Yield a line for each column: type, name, part in keys, whether it may be null."""
    foreign = {column.name for key in table.foreign_key_constraints for column in key.columns}
    for column in table.columns:
        keys = [
            *(["PK"] if column.primary_key else []),
            *(["FK"] if column.name in foreign else []),
            *(["UK"] if _is_unique(table, column) else []),
        ]
        words = [
            _type(column),
            column.name,
            ", ".join(keys),
            '"or null"' if column.nullable else "",
        ]
        yield " ".join(word for word in words if word)


def relations(table: Table) -> Iterator[str]:
    """Yield a line for each foreign key: one row there, any number of rows here."""
    for key in sorted(table.foreign_key_constraints, key=lambda key: sorted(key.column_keys)):
        names = ", ".join(sorted(column.name for column in key.columns))
        yield f'{key.referred_table.name} ||--o{{ {table.name} : "{names}"'


def classes_of(service: str) -> Sequence[Any]:
    """Return the classes of a service's tables, in the order in which they were defined."""
    module = importlib.import_module(f"services.{service}.tables")
    base = getattr(module, f"{service.title()}Table")
    names = list(base.metadata.tables)
    return sorted(base.__subclasses__(), key=lambda each: names.index(each.__tablename__))


def _source(each: Any) -> str:
    """Return where a class has its columns from, if not from itself."""
    return str(each.__bases__[0].__module__)


def _pictures(tables: Sequence[Table]) -> Sequence[Sequence[Table]]:
    """Put tables together that belong together, and few others beside each other."""
    pictures: list[list[Table]] = []
    for table in tables:
        near = {key.referred_table for key in table.foreign_key_constraints}
        found = next((each for each in pictures if near & {*each}), None)
        if found is None and pictures and len(pictures[-1]) < TABLES_A_PICTURE:
            found = pictures[-1]
        if found is None:
            found = []
            pictures.append(found)
        found.append(table)
    return pictures


def _list(classes: Sequence[Any]) -> Iterator[str]:
    yield "| table | class | a row is |"
    yield "|---|---|---|"
    for each in classes:
        meaning = " ".join((inspect.getdoc(each) or "").split())
        # A shared table is written as its columns' class.
        written = each if each.__doc__ else each.__bases__[0]
        yield f"| `{each.__tablename__}` | `{written.__name__}` | {meaning} |"


def type_of(column: Column[Any]) -> str:
    """Return a column's type as PostgreSQL writes it."""
    return column.type.compile(dialect=_DIALECT).lower()


def _type(column: Column[Any]) -> str:
    """Return a column's type as short as a picture needs it."""
    text = type_of(column)
    return TYPES.get(text, text)


def _is_unique(table: Table, column: Column[Any]) -> bool:
    constraints = (each for each in table.constraints if isinstance(each, UniqueConstraint))
    return any(list(each.columns) == [column] for each in constraints)
