"""Bring one service's database to its newest shape: `python -m shared.postgres.migrate wallet`."""

import asyncio
import os
import re
import sys
from pathlib import Path

import sqlalchemy
from alembic import command, op
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from shared.postgres.sessions import Hosts

ROOT = Path(__file__).parents[2]
# All later requests queue behind a migration that waits for a lock: it gives up soon, and
# comes back when the one who had the lock is gone.
LOCK_SECONDS_MAX = 5
TRIES_MAX = 12
PAUSE_SECONDS = 5.0
LOCK_NOT_AVAILABLE = "55P03"


def migrate(service: str, url: str, password: str | None = None, *, revision: str = "head") -> None:
    """Run what is missing of `services/<service>/migrations`, as the owner of the database."""
    asyncio.run(_migrate(service, url, password, revision))


async def _migrate(service: str, url: str, password: str | None, revision: str) -> None:
    # No pool: a connection left open would keep the database from serving as a template. We read
    # the address ourselves: SQLAlchemy would not know its sslmode, nor several hosts with ports.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=Hosts(url, password=password).connect,
        poolclass=NullPool,
    )
    try:
        for left in reversed(range(TRIES_MAX)):
            try:
                async with engine.begin() as connection:
                    await connection.run_sync(_upgrade, service, revision)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE or not left:
                    raise
            else:
                return
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, service: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "services" / service / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if _is_newer(connection, ScriptDirectory.from_config(config)):
        sys.stdout.write(f"A later version migrated {service}: its tables stay as they are.\n")
    else:
        command.upgrade(config, revision)


def _is_newer(connection: Connection, known: ScriptDirectory) -> bool:
    """Whether a later version has migrated this database: on the way back to the one before it."""
    current = MigrationContext.configure(connection).get_current_revision()
    return current not in (None, *(script.revision for script in known.walk_revisions()))


def run_sql(script: str) -> None:
    """
    Execute a script inside a migration, statement by statement: the driver takes one at a time.

    A statement ends with a semicolon at the end of its line; comments may stand between.
    """
    op.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'")
    statements = re.split(r";[^\S\n]*(?:--[^\n]*)?\n", script + "\n")
    for statement in statements:
        if re.sub(r"--[^\n]*", "", statement).strip():
            op.execute(sqlalchemy.text(statement.replace(":", "\\:")))


def _secret(name: str) -> str | None:
    """Read a password from the environment, or from the folder of secret files."""
    if value := os.environ.get(name.upper()):
        return value
    path = Path(os.environ.get("OVATION_SECRETS_DIR", "/run/secrets")) / name
    return path.read_text().strip() if path.exists() else None


if __name__ == "__main__":
    (name,) = sys.argv[1:]
    migrate(name, os.environ[f"{name.upper()}_MIGRATION_URL"], _secret(f"{name}_owner_password"))
