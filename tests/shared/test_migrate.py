"""A migration never makes everybody wait: it gives way to whoever is there, and comes again."""

import asyncio
import re
import secrets
from pathlib import Path

import asyncpg
import pytest

from deploy.config.databases import database_sql, fetch, in_own_thread, quoted, run_sql, schema_sql
from shared.postgres import migrate

ROOT = Path(__file__).parent.parent.parent
MIGRATIONS = sorted((ROOT / "services").glob("*/migrations/versions/*.py"))
WIDEN = """
from shared.postgres.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade():
    run_sql("ALTER TABLE kept ADD COLUMN more integer;")
"""


@pytest.mark.parametrize("file", MIGRATIONS, ids=lambda file: f"{file.parts[-4]}-{file.stem}")
def test_every_migration_waits_for_locks_a_little_and_no_longer(file):
    """`run_sql` sets the limit; nothing is executed past it."""
    text = file.read_text()

    assert "run_sql(" in text
    assert not re.search(r"\bop\.(execute|add_column|create_)", text)


@pytest.fixture
def migrating(postgres, credentials, tmp_path, monkeypatch):
    """A database with one table and one migration to come; returns its administrator's address."""
    versions = tmp_path / "services" / "live" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001_widen.py").write_text(WIDEN)
    environment = ROOT / "services" / "live" / "migrations" / "env.py"
    (versions.parent / "env.py").write_text(environment.read_text())
    monkeypatch.setattr(migrate, "ROOT", tmp_path)
    monkeypatch.setattr(migrate, "LOCK_SECONDS_MAX", 1)
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.2)
    name = f"test_migrate_{secrets.token_hex(4)}"
    run_sql(postgres.dsn(), database_sql("live", name))
    run_sql(postgres.dsn(name), schema_sql("live"))
    owner = postgres.dsn(name, user="live_owner", password=credentials.database["live_owner"])
    run_sql(owner, ["CREATE TABLE kept (id integer)"])
    yield owner
    run_sql(postgres.dsn(), [f"DROP DATABASE {quoted(name)} WITH (FORCE)"])


async def test_a_migration_comes_again_once_a_long_transaction_is_gone(migrating):
    reader = await asyncpg.connect(migrating)
    await reader.execute("BEGIN; LOCK TABLE kept IN ACCESS SHARE MODE")

    working = asyncio.create_task(
        asyncio.to_thread(lambda: in_own_thread(lambda: migrate.migrate("live", migrating)))
    )
    await asyncio.sleep(1.6)
    assert not working.done()
    # It is not in the queue for the lock all the time: others get past it.
    async with asyncio.timeout(60):
        assert await reader.fetch("SELECT * FROM kept") == []
    await reader.close()
    await working

    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'kept'"
    assert {row["column_name"] for row in fetch(migrating, columns)} == {"id", "more"}


async def test_what_a_later_version_migrated_is_left_as_it_is(migrating):
    """On the way back, Docker Compose runs the migrations of the version before once more."""
    in_own_thread(lambda: migrate.migrate("live", migrating))
    run_sql(migrating, ["UPDATE alembic_version SET version_num = '0002'", "DROP TABLE kept"])

    in_own_thread(lambda: migrate.migrate("live", migrating))

    rows = fetch(migrating, "SELECT version_num FROM alembic_version")
    assert [row["version_num"] for row in rows] == ["0002"]


async def test_a_lock_that_is_never_given_up_ends_the_migration(migrating, monkeypatch):
    monkeypatch.setattr(migrate, "TRIES_MAX", 2)
    reader = await asyncpg.connect(migrating)
    await reader.execute("BEGIN; LOCK TABLE kept IN ACCESS SHARE MODE")

    with pytest.raises(Exception, match="lock timeout"):
        await asyncio.to_thread(lambda: in_own_thread(lambda: migrate.migrate("live", migrating)))
    await reader.close()
