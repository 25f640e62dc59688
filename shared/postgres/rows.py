"""
A row written once: a table's definition in `tables.py` gives the SQL and the mapping of its rows.

Its columns come from `columns.py`, which `make contracts` writes from `tables.py`: so a running
service loads neither SQLModel nor SQLAlchemy.

    from services.wallet import columns as tables

    _lot = RowMapper(Lot, tables.Lot, origin="kind")   # the field `origin` is the column `kind`
    _LOTS = text(f"SELECT {_lot.columns} FROM lots WHERE user_id = :user")
    _ADD = insert_rows(tables.Slice, "user_id", "gift", "lot", "coins", "entry")
    _SAVE = update_rows(tables.Lot, ("user_id", "id"), ("remaining", "spent"))

    lots = [_lot(row) for row in await tx.execute(_LOTS, {"user": user})]
    await tx.execute(_ADD, arrays(slices, "user_id", "gift", "lot", "coins", "entry"))

Parameters have the names of columns and are arrays, one element a row. A name that is no column,
or a field without a column, fails when the module is imported.
"""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from inspect import ismemberdescriptor
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from shared.postgres.statements import Statement, text

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Table:
    """A table's name, and the types of its columns as PostgreSQL writes them."""

    name: str
    columns: Mapping[str, str]

    def type_of(self, column: str) -> str:
        """Return a column's type, such as `bigint` or `text[]`."""
        assert column in self.columns, (
            f"{self.name} has no column {column}; after a change of tables.py run `make contracts`"
        )
        return self.columns[column]


class RowMapper(Generic[Item]):
    """
    Makes a dataclass out of a row, by the names of its fields.

    `renamed` gives a field another column's name. With a `table` each column is checked against it
    at import, and `columns` names its table (`lots.id`); without one a query says what the columns
    are. Enums and tuples are made of texts and arrays, as the fields are annotated.

    The dataclass has slots. Where a field is keyword-only they are filled by name, without
    `__init__`: so the fields of a base class may have defaults. A row has every value.
    """

    def __init__(self, item: type[Item], table: Table | None = None, **renamed: str) -> None:
        listed = fields(item)  # type: ignore[arg-type]
        names = [field.name for field in listed]
        assert len(names) > 1, f"{item.__name__} has one field: read it without a mapper"
        assert set(renamed) <= set(names), f"{item.__name__} has no such field: {renamed}"
        columns = [renamed.get(name, name) for name in names]
        prefix = ""
        if table is not None:
            prefix = f"{table.name}."
            for column in columns:
                table.type_of(column)
        self.columns = ", ".join(f"{prefix}{column}" for column in columns)
        slots: list[Any] = [getattr(item, name, None) for name in names]
        assert all(map(ismemberdescriptor, slots)), f"{item.__name__} is a dataclass without slots"
        assert not hasattr(item, "__post_init__"), f"{item.__name__}.__post_init__ is not called"
        self._item = item
        self._new = item.__new__
        self._fill = [slot.__set__ for slot in slots]
        # An eighth of the time that the slots take one by one.
        self._is_positional = all(field.init and not field.kw_only for field in listed)
        self._read = itemgetter(*columns)
        hints = get_type_hints(item)
        self._conversions = [
            (place, conversion)
            for place, name in enumerate(names)
            if (conversion := _conversion(hints[name])) is not None
        ]

    def __call__(self, row: Any) -> Item:
        values = self._read(row)
        if self._conversions:
            values = list(values)
            for place, convert in self._conversions:
                if values[place] is not None:
                    values[place] = convert(values[place])
        if self._is_positional:
            return self._item(*values)
        item = self._new(self._item)
        for fill, value in zip(self._fill, values, strict=True):
            fill(item, value)
        return item


def arrays(items: Iterable[Any], *names: str, **renamed: str) -> dict[str, list[Any]]:
    """
    Return one array a column out of objects' attributes of these names.

    `column="path.to.attribute"` fills a column from elsewhere.
    """
    sources = {**{name: name for name in names}, **renamed}
    listed = list(items)
    return {column: list(map(attrgetter(source), listed)) for column, source in sources.items()}


def array_literal(numbers: Iterable[int] | None) -> str | None:
    """
    Write an array as PostgreSQL reads it, for a column of arrays: `heard::bigint[]` of each row.

    `unnest` would flatten an array of arrays.
    """
    return None if numbers is None else "{" + ",".join(map(str, numbers)) + "}"


def prefixed(prefix: str, columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return parameters for an `unnest` with a prefix."""
    return {f"{prefix}_{column}": values for column, values in columns.items()}


def unnest(
    table: Table, *columns: str, name: str = "new", numbered: bool = False, prefix: str = ""
) -> str:
    """
    Return the SQL of a FROM item with these columns of a table as typed array parameters.

    Join it with a table by the whole key, and each row is found by the index, even with old
    statistics: the LIMIT makes PostgreSQL expect one row. Without it a plan that was prepared
    while the table was small reads all of it when it has grown. `numbered` adds a column
    `position`, so that rows can be taken in the order given. A `prefix` of the parameters
    (`score_room`) keeps several of these apart in one statement.
    """
    for column in columns:
        # It would flatten an array of arrays.
        assert not table.type_of(column).endswith("[]"), f"{column} is an array already"
    before = f"{prefix}_" if prefix else ""
    arrays = [f"CAST(:{before}{column} AS {table.type_of(column)}[])" for column in columns]
    listed = ", ".join((*columns, *(["position"] if numbered else [])))
    ordinality = " WITH ORDINALITY" if numbered else ""
    return (
        f"(SELECT * FROM unnest({', '.join(arrays)}){ordinality}"  # noqa: S608 - our own text only
        f" AS given ({listed}) LIMIT cardinality({arrays[0]})) AS {name}"
    )


def insert_rows(table: Table, *columns: str, then: str = "") -> Statement:
    """
    Return the INSERT of many rows in the order given; `then` is what follows.

    That is `ON CONFLICT …`, where the row in the table has the table's name, or `RETURNING …`.
    """
    listed = ", ".join(columns)
    return text(
        f"INSERT INTO {table.name} ({listed})"  # noqa: S608 - names out of columns.py
        f" SELECT {listed} FROM {unnest(table, *columns, numbered=True)} ORDER BY position {then}"
    )


def update_rows(
    table: Table,
    key: Sequence[str],
    changed: Sequence[str],
    *,
    also: str = "",
    then: str = "",
    prefix: str = "",
) -> Statement:
    """
    Return the UPDATE of many rows by their key.

    `also` are further assignments, which may use `new.<column>`; `then` follows the WHERE clause.
    """
    name = table.name
    assignments = ", ".join(
        [*(f"{each} = new.{each}" for each in changed), *([also] if also else [])]
    )
    where = " AND ".join(f"{name}.{each} = new.{each}" for each in key)
    return text(
        f"UPDATE {name} SET {assignments}"  # noqa: S608 - names out of columns.py
        f" FROM {unnest(table, *key, *changed, prefix=prefix)} WHERE {where} {then}"
    )


def _conversion(hint: Any) -> Callable[[Any], Any] | None:
    """Return what makes a field's value out of a column's, or None if they are the same."""
    if get_origin(hint) in (Union, types.UnionType):
        hints = [each for each in get_args(hint) if each is not type(None)]
        return _conversion(hints[0]) if len(hints) == 1 else None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if get_origin(hint) in (tuple, frozenset):
        made: Callable[[Any], Any] = get_origin(hint)
        return made
    return None
