"""
A migration runs while the version before serves: it rewrites nothing, takes nothing away, and
holds no lock for as long as a table is large. CONTRIBUTING.md has the rules, this looks.
"""

import secrets
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from deploy.config.databases import database_sql, in_own_thread, quoted, run_sql, schema_sql
from deploy.config.environment import ROOT
from deploy.config.services import DATABASES
from shared.postgres.migrate import migrate
from tests.upgrades.shapes import Shape, harm

VERSIONS = {
    service: sorted(
        file.stem for file in (ROOT / "services" / service / "migrations" / "versions").glob("*.py")
    )
    for service in DATABASES
}
MIGRATIONS = [(service, version) for service in DATABASES for version in VERSIONS[service]]


@pytest.fixture(scope="module")
def empty(postgres, credentials):
    """Make an empty database of a service; returns its owner's address."""
    made = []

    def make(service):
        name = f"test_shapes_{secrets.token_hex(4)}"
        run_sql(postgres.dsn(), database_sql(service, name))
        run_sql(postgres.dsn(name), schema_sql(service))
        made.append(name)
        owner = f"{service}_owner"
        return postgres.dsn(name, user=owner, password=credentials.database[owner])

    yield make
    run_sql(postgres.dsn(), [f"DROP DATABASE {quoted(name)} WITH (FORCE)" for name in made])


@pytest.fixture(scope="module")
def harm_of(empty):
    """Run every migration of a service, one by one; returns what each did to what was there."""
    known = {}

    async def look(service, version):
        if service not in known:
            known[service] = {}
            dsn = empty(service)
            before = await Shape.of(dsn)
            for each in VERSIONS[service]:
                with executed() as statements:
                    _migrate(service, dsn, each)
                after = await Shape.of(dsn)
                known[service][each] = harm(before, after, statements)
                before = after
        return known[service][version]

    return look


@contextmanager
def executed():
    """Collect every statement that is executed through SQLAlchemy."""
    statements = []

    def hear(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    yield statements
    event.remove(Engine, "before_cursor_execute", hear)


def _migrate(service, dsn, version):
    in_own_thread(lambda: migrate(service, dsn, revision=version[:4]))


@pytest.mark.parametrize(("service", "version"), MIGRATIONS)
async def test_a_migration_harms_nobody_who_is_there(harm_of, service, version):
    assert await harm_of(service, version) == set()


TABLE = """
    CREATE TABLE kept (
        id integer PRIMARY KEY, name text NOT NULL, state text DEFAULT 'new', size integer,
        CONSTRAINT name_is_one UNIQUE (name), CONSTRAINT size_counts CHECK (size > 0)
    )
"""


@pytest.fixture
def harm_by(empty):
    """Run statements beside a table that is there; returns what they did to it."""

    async def run(*statements):
        dsn = empty("gift")
        run_sql(dsn, [TABLE, "GRANT SELECT, INSERT, UPDATE ON kept TO gift"])
        before = await Shape.of(dsn)
        run_sql(dsn, statements)
        return harm(before, await Shape.of(dsn), statements)

    return run


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DROP TABLE kept", "kept is gone"),
        ("ALTER TABLE kept RENAME TO held", "kept is gone"),
        ("TRUNCATE kept", "kept is written anew"),
        ("ALTER TABLE kept ADD more uuid DEFAULT gen_random_uuid()", "kept is written anew"),
        ("ALTER TABLE kept ALTER id TYPE bigint", "kept.id is of another type"),
        ("ALTER TABLE kept DROP size", "kept.size is gone"),
        ("ALTER TABLE kept RENAME size TO width", "kept.size is gone"),
        ("ALTER TABLE kept ALTER size SET NOT NULL", "kept.size has to be said"),
        ("ALTER TABLE kept ADD more integer NOT NULL", "kept.more has to be said"),
        ("ALTER TABLE kept ADD CHECK (id > 0)", "kept: kept_id_check is checked at once"),
        ("CREATE INDEX by_size ON kept (size)", "kept: by_size is built under a lock"),
        ("ALTER TABLE kept ADD UNIQUE (size)", "kept: kept_size_key is built under a lock"),
        ("ALTER TABLE kept DROP CONSTRAINT name_is_one", "kept: name_is_one is gone"),
        ("REVOKE UPDATE ON kept FROM gift", "kept: gift has lost UPDATE"),
        ("UPDATE kept SET size = 1", "kept: UPDATE of rows"),
        ("CREATE TABLE more AS SELECT * FROM kept; DELETE FROM kept", "kept: DELETE of rows"),
    ],
)
async def test_what_harms_is_noticed(harm_by, statement, found):
    seen = await harm_by(*statement.split("; "))

    assert any(each.startswith(found) for each in seen), seen


async def test_a_default_that_goes_before_who_relies_on_it_is_noticed(harm_by):
    add = "ALTER TABLE kept ADD more text NOT NULL DEFAULT 'x'"

    assert await harm_by(add) == set()
    assert await harm_by(add, "ALTER TABLE kept ALTER more DROP DEFAULT") == {
        "kept.more has to be said by who does not know it"
    }


async def test_what_only_adds_is_welcome(harm_by):
    assert (
        await harm_by(
            "CREATE TABLE more (id integer PRIMARY KEY, size integer NOT NULL)",
            "CREATE INDEX more_by_size ON more (size)",
            "INSERT INTO more VALUES (1, 1)",
            "UPDATE more SET size = 2",
            "ALTER TABLE kept ADD note text, ADD count integer NOT NULL DEFAULT 0",
            "ALTER TABLE kept ADD CONSTRAINT counted CHECK (count >= 0) NOT VALID",
            "ALTER TABLE kept DROP CONSTRAINT size_counts",
            "CREATE INDEX IF NOT EXISTS by_size ON kept (size)",
            "GRANT DELETE ON kept TO gift",
        )
        == set()
    )


async def test_a_rule_may_be_validated_later(empty):
    dsn = empty("gift")
    run_sql(dsn, [TABLE, "ALTER TABLE kept ADD CONSTRAINT near CHECK (size < 9) NOT VALID"])
    before = await Shape.of(dsn)
    validate = "ALTER TABLE kept VALIDATE CONSTRAINT near"

    run_sql(dsn, [validate])

    assert harm(before, await Shape.of(dsn), [validate]) == set()
