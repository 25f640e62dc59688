"""Named parameters become positions, and nothing else of a statement changes."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text as text_of_sqlalchemy
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from deploy.config.services import DATABASES
from shared.postgres.statements import text
from tests.shared.test_statements import SHARED, statements_of

# What PostgreSQL itself makes of it is asked as well: each is one row of one column.
KEPT = (
    "'at :noon'",
    "'it''s :noon'",
    r"E'it\'s :noon'",
    r"'a path\' || ':noon'",
    "$$:noon$$",
    "$tag$ $$ :noon $tag$",
    "1 /* :noon /* :dusk */ :noon */",
    "1 -- :noon",
    "'5'::integer",
    "(ARRAY[1, 2, 3])[1:2]",
    '1 AS ":noon"',
)


def test_a_name_has_one_position_however_often_it_is_used():
    made = text("SELECT :b, :a, :b + :b_more")

    assert made.sql == "SELECT $1, $2, $1 + $3"
    assert made.names == ("b", "a", "b_more")


@pytest.mark.parametrize("kept", KEPT)
async def test_texts_comments_casts_and_slices_have_no_parameters(database_of, kept):
    made = text(f"SELECT :first::text, {kept}")

    assert made.names == ("first",)
    assert made.sql == f"SELECT $1::text, {kept}"
    async with database_of("live").transaction() as tx:
        assert (await tx.execute(made, {"first": "it"})).one()[0] == "it"


@pytest.mark.parametrize(
    ("source", "sql"),
    [
        ("SELECT /* :a */ :b", "SELECT /* :a */ $1"),
        ("SELECT 'x' || :b || ':a'", "SELECT 'x' || $1 || ':a'"),
        ("SELECT -- a person's word\n:b", "SELECT -- a person's word\n$1"),
        ("SELECT (:b::text[])[2:3]", "SELECT ($1::text[])[2:3]"),
        ("SELECT a$b$, :b, c$b$", "SELECT a$b$, $1, c$b$"),
    ],
)
def test_a_parameter_beside_them_is_found(source, sql):
    made = text(source)

    assert (made.sql, made.names) == (sql, ("b",))


def test_a_position_beside_names_is_refused_when_the_module_is_imported():
    with pytest.raises(AssertionError, match=r"\$1 among named parameters"):
        text("SELECT $1, :b")


async def test_a_value_that_is_not_given_is_refused_before_anything_is_sent(database_of):
    async with database_of("live").transaction() as tx:
        with pytest.raises(KeyError, match="b"):
            await tx.execute(text("SELECT :a::text, :b::text"), {"a": "1"})
        assert (await tx.execute(text("SELECT 1"))).scalar_one() == 1


@pytest.mark.parametrize("package", [*(f"services.{each}" for each in DATABASES), *SHARED])
def test_every_statement_is_translated_as_sqlalchemy_would(package):
    """SQLAlchemy also looks into texts, so this holds as long as no text has a colon and a name."""
    ours, theirs = {}, {}
    for name, statement in statements_of(package).items():
        compiled = text_of_sqlalchemy(statement.text).compile(dialect=PGDialect_asyncpg())
        theirs[name] = (str(compiled), tuple(compiled.positiontup or ()))
        ours[name] = (statement.sql, statement.names)

    assert ours == theirs


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", []),
        ("text", ["mira"]),
        (
            "text",
            ["", " ", "NULL", "null", None, "{}", "a,b", '"', "\\", '\\"', "\n\t", "ß\U0001f381"],
        ),
        ("text", ["a", '","', "b"]),
        ("text", [None]),
        ("uuid", [UUID(int=7), None, UUID(int=1 << 127)]),
        ("date", [date(2026, 11, 29), None]),
        ("bigint", [1, None, -(1 << 63)]),
    ],
)
async def test_an_array_arrives_as_it_was_given(database_of, kind, values):
    """Also those that travel as text."""
    asked = text(f"SELECT each FROM unnest(CAST(:given AS {kind}[])) AS given (each)")
    assert asked.arrays == {"given": kind}

    async with database_of("live").transaction() as tx:
        assert [row.each for row in await tx.execute(asked, {"given": values})] == values


def test_an_array_of_texts_that_is_compared_with_each_row_stays_an_array():
    assert text("SELECT 1 WHERE :user = ANY(CAST(:users AS text[]))").arrays == {}
    assert text("SELECT 1 FROM unnest(CAST(:users AS text[]), amounts)").arrays == {}
