"""
Copies of every service's database, and the way back.

Each copy is consistent in itself; the snapshots of all are opened before the first is written, so
they are milliseconds apart. An event in flight between two services at that instant is in neither
copy, or in one: `reconcile` finds it, `republish` and `replay` send it again.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.config.databases import AUDITOR
from deploy.ctl.installation import Installation
from shared.postgres.database import Transaction
from shared.postgres.statements import text

MANIFEST = "manifest.json"
FOLDER_MODE = 0o700


class BackupFailed(Exception):
    """A copy could not be made or brought back; the message is why."""


async def back_up(
    installation: Installation,
    folder: Path,
    services: Sequence[str],
    *,
    tell: Callable[[str, int], object],
) -> None:
    """
    Write a copy of each database, and a manifest of what they are; as the auditor.

    `tell` is called with the service and the bytes of each copy.
    """
    _make(folder)
    async with AsyncExitStack() as snapshots:
        opened = {
            service: await snapshots.enter_async_context(_first_part(installation, service))
            for service in services
        }
        cuts = {service: (await tx.execute(_CUT)).one() for service, tx in opened.items()}
        copies: dict[str, Mapping[str, object]] = {}
        for service, cut in cuts.items():
            file = folder / f"{service}.dump"
            options = ["--format=custom", f"--snapshot={cut.snapshot}", f"--file={file}"]
            await _run(installation, "pg_dump", service, AUDITOR, options)
            copies[service] = {"schema": cut.schema, "taken_at": cut.at, "sha256": _sha256(file)}
            tell(service, file.stat().st_size)
    # Written last: a folder without it is not a backup.
    manifest = {"made_at": datetime.now(UTC), "databases": copies}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, default=str) + "\n")


async def restore(installation: Installation, folder: Path, service: str) -> None:
    """
    Bring a database back to its copy: all of it, or nothing of it; as its owner.

    The service has to be stopped first: it keeps state in memory that the copy does not have.
    """
    copy = _manifest(folder).get(service)
    file = folder / f"{service}.dump"
    if copy is None or not file.exists():
        raise BackupFailed(f"{folder} has no copy of {service}.")
    if _sha256(file) != copy["sha256"]:
        raise BackupFailed(f"{file} is not what was written: its hash differs.")
    async with _first_part(installation, service) as tx:
        if (busy := (await tx.execute(_SESSIONS, {"service": service})).scalar_one()) > 0:
            raise BackupFailed(f"{service} runs ({busy} sessions): stop it first.")
    options = ["--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error"]
    await _run(installation, "pg_restore", service, f"{service}_owner", [*options, str(file)])


@asynccontextmanager
async def _first_part(installation: Installation, service: str) -> AsyncIterator[Transaction]:
    """Open a snapshot; it is of the whole database, and its tables are those of the first part."""
    async with installation.opened(service) as database, database.part(0).snapshot() as tx:
        yield tx


def _make(folder: Path) -> None:
    """Make a new folder that only its owner can read: it holds all data."""
    folder.mkdir(mode=FOLDER_MODE, parents=True)


def _manifest(folder: Path) -> Mapping[str, Any]:
    try:
        databases: Mapping[str, Any] = json.loads((folder / MANIFEST).read_text())["databases"]
    except (OSError, ValueError, KeyError) as error:
        raise BackupFailed(f"{folder} is not a whole backup: {error!r}") from error
    return databases


async def _run(
    installation: Installation, program: str, service: str, role: str, options: Sequence[str]
) -> None:
    host, _, port = installation.server_of(service).rpartition(":")
    database = installation.database_name(service)
    where = [f"--host={host}", f"--port={port}", f"--username={role}", f"--dbname={database}"]
    environment = {**os.environ, "PGPASSWORD": installation.password_of(role)}
    try:
        running = await asyncio.create_subprocess_exec(
            program, *where, *options, env=environment, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError:
        raise BackupFailed(f"There is no {program} here: install postgresql-client.") from None
    _, said = await running.communicate()
    if running.returncode != 0:
        raise BackupFailed(f"{program} of {service}:\n{said.decode(errors='replace')[-2000:]}")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


_CUT = text("""
    SELECT pg_export_snapshot() AS snapshot, clock_timestamp() AS at,
           (SELECT version_num FROM alembic_version) AS schema
""")
_SESSIONS = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = :service
""")
