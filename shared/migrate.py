"""Bring one service's database to its newest shape: `python -m shared.migrate wallet`."""

import asyncio
import os
import re
import sys
from pathlib import Path

import sqlalchemy
from alembic import command, op
from alembic.config import Config
from sqlalchemy import Connection, NullPool
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

ROOT = Path(__file__).parent.parent


def migrate(service: str, url: str, password: str | None = None) -> None:
    """Run what is missing of `services/<service>/migrations`, as the owner of the database."""
    asyncio.run(_migrate(service, url, password))


async def _migrate(service: str, url: str, password: str | None) -> None:
    address = make_url(url).set(drivername="postgresql+asyncpg")
    if password is not None:
        address = address.set(password=password)
    # No pool: a connection left open would keep the database from serving as a template.
    engine = create_async_engine(address, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, service)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, service: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "services" / service / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run_sql(script: str) -> None:
    """
    Execute a script inside a migration, statement by statement: the driver takes one at a time.

    A statement ends with a semicolon at the end of its line; comments may stand between.
    """
    op.execute("SET LOCAL lock_timeout = '5s'")
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
