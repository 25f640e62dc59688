"""Databases against the code: versions of migrations, order of text, version of the server."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from deploy.config.services import DATABASES
from deploy.ctl.doctor.findings import Examined, Problem, State
from deploy.ctl.doctor.settings import reading
from shared.postgres.database import Database
from shared.postgres.migrate import Chain, chains, known_revisions
from shared.postgres.statements import text

# The order of text that provisioning asks for came with 17.
MAJOR_MIN, MAJOR_TRIED_MAX = 17, 18
_ORDER_OF_TEXT = text("""
    SELECT datlocprovider::text AS provider, datcollate AS collate,
           pg_encoding_to_char(encoding) AS encoding,
           datcollversion AS built_with, pg_database_collation_actual_version(oid) AS has_now
    FROM pg_database WHERE datname = current_database()
""")
_VERSION = text("SELECT current_setting('server_version_num')::int / 10000 AS major")


async def look_at_migrations(examined: Examined) -> AsyncIterator[Problem]:
    """Compare what each schema remembers with the migrations of this version."""
    for service in DATABASES:
        async with examined.servers.opened(service) as database:
            for chain in chains(service):
                known = await asyncio.to_thread(known_revisions, service, chain)
                for place, revision in await _applied(database, service, chain):
                    if revision != known[0]:
                        yield _migration_problem(place, revision, known)


def _migration_problem(place: str, revision: str | None, known: Sequence[str]) -> Problem:
    if revision is None:
        return Problem(place, f"not migrated; this version has {known[0]}")
    versions = f"it has {revision}, and this version {known[0]}"
    if revision in known:
        return Problem(place, f"{known.index(revision)} migrations behind: {versions}")
    action = "Run the version that migrated it, or a later one"
    return Problem(place, f"newer than this version: {versions}", action)


async def look_at_order_of_text(examined: Examined) -> AsyncIterator[Problem]:
    """Look whether indexes of text are found with the order that they were built with."""
    for service in DATABASES:
        async with reading(examined, service) as tx:
            found = (await tx.execute(_ORDER_OF_TEXT)).one()
        if found.encoding != "UTF8":
            yield Problem(service, f"its encoding is {found.encoding}, and has to be UTF8")
        if found.built_with != found.has_now:
            yield Problem(
                service,
                f"indexes were built with version {found.built_with} of {found['collate']}, and the"
                f" server has {found.has_now}: rows may not be found",
                f"As administrator: REINDEX DATABASE {service}, then"
                f" ALTER DATABASE {service} REFRESH COLLATION VERSION",
            )
        elif found.provider != "b" and not found["collate"].startswith(("C", "POSIX")):
            yield Problem(
                service,
                f"its order of text is that of the server's library ({found['collate']}), which"
                " another image may change",
            )


async def look_at_version(examined: Examined) -> AsyncIterator[Problem]:
    """Look whether the server has a version that we know."""
    for service in DATABASES:
        async with reading(examined, service) as tx:
            major = (await tx.execute(_VERSION)).one().major
        if major < MAJOR_MIN:
            yield Problem(service, f"PostgreSQL {major} is too old: {MAJOR_MIN} is needed")
        elif major > MAJOR_TRIED_MAX:
            problem = f"PostgreSQL {major} was not tried; the newest that was is {MAJOR_TRIED_MAX}"
            yield Problem(service, problem, state=State.UNKNOWN)


async def _applied(database: Database, service: str, chain: Chain) -> list[tuple[str, str | None]]:
    """Return the revision of each schema that a chain of migrations is applied to, or None."""
    is_of_parts = not chain.is_reference and database.part_count > 1
    found = []
    for part in database.parts if is_of_parts else (database.reference,):
        place = service if part.number is None else f"{service}, part {part.number}"
        async with part.snapshot() as tx:
            there = text(f"SELECT to_regclass('{chain.version_table}') IS NOT NULL AS is_there")
            row = None
            if (await tx.execute(there)).one().is_there:
                version = text(f"SELECT version_num FROM {chain.version_table}")  # noqa: S608
                row = (await tx.execute(version)).first()
        found.append((place, row.version_num if row else None))
    return found
