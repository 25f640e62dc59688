"""
Bring one service's database to its newest shape: `python -m shared.postgres.migrate wallet`.

A service has up to two chains of migrations. `migrations/reference` is for tables of no single
user; `migrations/versions` is for all others and is applied to every part. Each schema is migrated
in a transaction of its own and remembers where it is: what was interrupted is simply run again.
"""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy
from alembic import command, op
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.postgres.parts import (
    PARTS_TABLE,
    REFERENCE_SCHEMA,
    PartsDiffer,
    require_part_count,
    schema_of,
)
from shared.postgres.sessions import Hosts

ROOT = Path(__file__).parents[2]
# All later requests queue behind a migration that waits for a lock: it gives up soon, and
# comes back when the one who had the lock is gone.
LOCK_SECONDS_MAX = 5
TRIES_MAX = 12
PAUSE_SECONDS = 5.0
LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True, slots=True)
class Chain:
    """A folder of migrations, and the table that remembers which of them a schema has had."""

    folder: str
    version_table: str

    @property
    def is_reference(self) -> bool:
        """Whether it is for the tables of no single user."""
        return self == _REFERENCE


_PARTS = Chain("versions", "alembic_version")
_REFERENCE = Chain("reference", "alembic_version_reference")


def migrate(
    service: str,
    url: str,
    password: str | None = None,
    *,
    revision: str = "head",
    part_count: int = 1,
) -> None:
    """
    Run what is missing of `services/<service>/migrations`, as the owner of the database.

    `revision` is where to stop in the chain of the parts. Raises `PartsDiffer` if the database was
    made with another number of parts.
    """
    asyncio.run(_migrate(service, url, password, revision, require_part_count(part_count)))


async def _migrate(
    service: str, url: str, password: str | None, revision: str, part_count: int
) -> None:
    # No pool: a connection left open would keep the database from serving as a template. We read
    # the address ourselves: SQLAlchemy would not know its sslmode, nor several hosts with ports.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=Hosts(url, password=password).connect,
        poolclass=NullPool,
    )
    try:
        await _commit(engine, partial(_record_parts, service, part_count))
        if _REFERENCE in chains(service):
            await _commit(engine, partial(_upgrade, service, "head", _REFERENCE, part_count))
        if part_count == 1:
            await _commit(engine, partial(_upgrade, service, revision, _PARTS, part_count))
        for part in range(part_count if part_count > 1 else 0):
            schema = schema_of(part)
            upgrade = partial(_upgrade, service, revision, _PARTS, part_count, schema=schema)
            await _commit(engine, upgrade)
    finally:
        await engine.dispose()


async def _commit(engine: AsyncEngine, work: Callable[[Connection], None]) -> None:
    """Do the work in a transaction of its own, and again while others hold a lock it needs."""
    for left in reversed(range(TRIES_MAX)):
        try:
            async with engine.begin() as connection:
                await connection.run_sync(work)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE or not left:
                raise
        else:
            return
        await asyncio.sleep(PAUSE_SECONDS)


def _record_parts(service: str, part_count: int, connection: Connection) -> None:
    """Record the number of parts, once; refuse another one later."""
    for statement in _statements(PARTS_TABLE.format(role=service)):
        connection.execute(statement)
    recorded = connection.execute(sqlalchemy.text("SELECT count FROM parts")).scalar_one_or_none()
    if recorded is None:
        recording = sqlalchemy.text("INSERT INTO parts (count) VALUES (:count)")
        connection.execute(recording, {"count": part_count})
    elif recorded != part_count:
        raise PartsDiffer(recorded, part_count)


def chains(service: str) -> tuple[Chain, ...]:
    """Return the chains of migrations that a service has."""
    has_reference = (_folder(service) / _REFERENCE.folder).is_dir()
    return (_PARTS, _REFERENCE) if has_reference else (_PARTS,)


def known_revisions(service: str, chain: Chain) -> list[str]:
    """Return the revisions of a chain that this version has, the newest first."""
    scripts = ScriptDirectory.from_config(_config(service, chain))
    return [script.revision for script in scripts.walk_revisions()]


def _config(service: str, chain: Chain) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_folder(service)))
    config.set_main_option("version_locations", str(_folder(service) / chain.folder))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(
    service: str,
    revision: str,
    chain: Chain,
    part_count: int,
    connection: Connection,
    *,
    schema: str = REFERENCE_SCHEMA,
) -> None:
    if schema != REFERENCE_SCHEMA:
        # Who may use it, and who may read what comes, is in the owner's default privileges.
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
    # Alone: another schema's version table would be taken for this one's.
    connection.execute(sqlalchemy.text(f"SET LOCAL search_path = {schema}"))
    config = _config(service, chain)
    config.attributes["connection"] = connection
    config.attributes["version_table"] = chain.version_table
    config.attributes["part_count"] = part_count
    if _is_newer(connection, chain, ScriptDirectory.from_config(config)):
        sys.stdout.write(f"A later version migrated {service}: its tables stay as they are.\n")
    else:
        command.upgrade(config, revision)


def _folder(service: str) -> Path:
    return ROOT / "services" / service / "migrations"


def _is_newer(connection: Connection, chain: Chain, known: ScriptDirectory) -> bool:
    """Whether a later version has migrated this database: on the way back to the one before it."""
    options = {"version_table": chain.version_table}
    current = MigrationContext.configure(connection, opts=options).get_current_revision()
    return current not in (None, *(script.revision for script in known.walk_revisions()))


def has_several_parts() -> bool:
    """Whether the tables of users are in other schemas than those of reference."""
    context = op.get_context()
    assert context.config is not None
    return bool(context.config.attributes["part_count"] > 1)


def run_sql(script: str) -> None:
    """
    Execute a script inside a migration, statement by statement: the driver takes one at a time.

    A statement ends with a semicolon at the end of its line; comments may stand between.
    """
    op.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'")
    for statement in _statements(script):
        op.execute(statement)


def _statements(script: str) -> Iterator[sqlalchemy.TextClause]:
    for statement in re.split(r";[^\S\n]*(?:--[^\n]*)?\n", script + "\n"):
        if re.sub(r"--[^\n]*", "", statement).strip():
            yield sqlalchemy.text(statement.replace(":", "\\:"))


def _secret(name: str) -> str | None:
    """Read a password from the environment, or from the folder of secret files."""
    if value := os.environ.get(name.upper()):
        return value
    path = Path(os.environ.get("OVATION_SECRETS_DIR", "/run/secrets")) / name
    return path.read_text().strip() if path.exists() else None


if __name__ == "__main__":
    (name,) = sys.argv[1:]
    variable = name.upper()
    migrate(
        name,
        os.environ[f"{variable}_MIGRATION_URL"],
        _secret(f"{name}_owner_password"),
        part_count=int(os.environ.get(f"{variable}_PARTS") or 1),
    )
