"""A table's definition gives the SQL that writes its rows and the objects that are read."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import SimpleNamespace
from uuid import uuid4

import pytest

from services.gift import columns as tables
from shared.postgres.rows import (
    RowMapper,
    array_literal,
    arrays,
    insert_rows,
    unnest,
    update_rows,
)
from shared.postgres.statements import text

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ECHO = text("SELECT CAST(:large AS bigint[]) AS large, CAST(:small AS smallint[]) AS small")
COLUMNS = (
    *("viewer", "id", "room", "creator", "gift_type", "anonymous", "started_at"),
    *("last_requested_at", "open_gifts", "correlation_id"),
)


class Kind(StrEnum):
    ROSE = "rose"
    LION = "lion"


@dataclass(frozen=True, slots=True)
class Combo:
    id: object
    kind: Kind | None
    viewer: str
    sent_gifts: int
    ended_at: datetime | None


def combo(viewer, gift_type="rose"):
    return SimpleNamespace(
        viewer=viewer,
        id=uuid4(),
        room="blue",
        creator="noa",
        gift_type=gift_type,
        anonymous=False,
        started_at=NOW,
        last_requested_at=NOW,
        open_gifts=1,
        correlation_id="story",
    )


INSERT = insert_rows(tables.Combo, *COLUMNS, then="ON CONFLICT DO NOTHING RETURNING viewer")
TO_COMBO = RowMapper(Combo, tables.Combo, kind="gift_type")
READ = text(f"SELECT {TO_COMBO.columns} FROM combos ORDER BY viewer")


@pytest.fixture
def database(database_of):
    return database_of("gift")


async def test_rows_are_written_in_the_order_given_and_read_by_name(database):
    written = [combo("mira"), combo("ada", "lion")]
    async with database.transaction() as tx:
        added = await tx.execute(INSERT, arrays(written, *COLUMNS))
        again = await tx.execute(INSERT, arrays(written, *COLUMNS))
        read = [TO_COMBO(row) for row in await tx.execute(READ)]

    assert [row.viewer for row in added] == ["mira", "ada"]
    assert list(again) == []
    assert read == [
        Combo(written[1].id, Kind.LION, "ada", 0, None),
        Combo(written[0].id, Kind.ROSE, "mira", 0, None),
    ]


async def test_an_enum_a_null_and_another_attributes_name_come_through(database):
    written = [combo("mira"), combo("ada", "lion")]
    change = update_rows(
        tables.Combo, ("viewer", "id"), ("sent_gifts", "ended_at"), also="open_gifts = 0"
    )
    async with database.transaction() as tx:
        await tx.execute(INSERT, arrays(written, *COLUMNS))
        combos = [TO_COMBO(row) for row in await tx.execute(READ)]
        values = arrays(combos, "viewer", "id", "ended_at", sent_gifts="kind")
        values["sent_gifts"] = [len(kind) for kind in values["sent_gifts"]]
        await tx.execute(change, values)
        read = [TO_COMBO(row) for row in await tx.execute(READ)]
        opened = await tx.execute(text("SELECT sum(open_gifts)::int FROM combos"))

    assert [each.sent_gifts for each in read] == [4, 4]
    assert [each.kind for each in read] == [Kind.LION, Kind.ROSE]
    assert opened.scalar_one() == 0


async def test_json_travels_as_the_text_it_was_written_as(database):
    source = unnest(tables.Gift, "viewer", "slices")
    async with database.transaction() as tx:
        rows = await tx.execute(
            text(f"SELECT * FROM {source}"),
            {"viewer": ["mira", "ada"], "slices": ['[{"coins": 3}]', None]},
        )

    assert [(row.viewer, row.slices) for row in rows] == [("mira", [{"coins": 3}]), ("ada", None)]


def test_a_column_that_the_table_lacks_is_refused_when_the_module_is_imported():
    with pytest.raises(AssertionError, match="combos has no column kind"):
        RowMapper(Combo, tables.Combo)
    with pytest.raises(AssertionError, match="combos has no column colour"):
        insert_rows(tables.Combo, "viewer", "colour")
    with pytest.raises(AssertionError, match="combos has no column colour"):
        update_rows(tables.Combo, ("viewer",), ("colour",))


def test_fields_by_keyword_of_a_base_class_are_filled_by_their_names():
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Base:
        room: str = "blue"
        creator: str

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Whole(Base):
        viewer: str

    row = {"viewer": "mira", "creator": "noa", "room": "red"}

    assert RowMapper(Whole, tables.Combo)(row) == Whole(viewer="mira", creator="noa", room="red")


def test_a_dataclass_that_cannot_be_filled_is_refused_when_the_module_is_imported():
    @dataclass(frozen=True)
    class Loose:
        viewer: str
        room: str

    @dataclass(frozen=True, slots=True)
    class Checked:
        viewer: str
        room: str

        def __post_init__(self) -> None:
            assert self.viewer

    for unfit in (Loose, Checked):
        with pytest.raises(AssertionError, match=unfit.__name__):
            RowMapper(unfit, tables.Combo)


def test_a_column_of_arrays_is_refused_because_unnest_would_flatten_it():
    with pytest.raises(AssertionError, match="is an array already"):
        unnest(tables.Room, "room", "guests")


async def test_an_array_of_numbers_arrives_as_it_is(database):
    sent = [[0, -1, 2**63 - 1, -(2**63), None], [], None]
    async with database.transaction() as tx:
        arrived = [
            (await tx.execute(_ECHO, {"large": numbers, "small": [7]})).one() for numbers in sent
        ]

    assert [row.large for row in arrived] == sent
    assert {tuple(row.small) for row in arrived} == {(7,)}


async def test_an_array_of_each_row_travels_as_a_literal(database):
    told = [[1, 2], [], None]
    async with database.transaction() as tx:
        rows = await tx.execute(
            text("SELECT each::bigint[] AS heard FROM unnest(CAST(:told AS text[])) AS each"),
            {"told": [array_literal(numbers) for numbers in told]},
        )

    assert [row.heard for row in rows] == told


async def test_rows_are_updated_by_their_key_also_with_a_plan_from_when_there_were_none(database):
    save = update_rows(tables.Combo, ("viewer", "id"), ("sent_gifts", "coins"))
    connection = await database.connect_directly()
    try:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE save AS {save.sql}")
        nothing = ", ".join(["NULL"] * len(save.names))
        lines = await connection.fetch(f"EXPLAIN EXECUTE save ({nothing})")
    finally:
        await connection.close()

    plan = "\n".join(line[0] for line in lines)
    assert "Index Scan using combos_pkey" in plan
    assert "Seq Scan" not in plan
