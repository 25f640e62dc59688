"""The clock of a database, for statements: its server's own work stays on the real time."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import asyncpg

from deploy.config.databases import run_sql

# What statements ask for the time is renamed, and there are others under these names. The default
# of a column keeps the function that had the name when the table was made.
_INSTALL = (
    "CREATE SCHEMA clock",
    "CREATE TABLE clock.ahead (by interval NOT NULL)",
    "INSERT INTO clock.ahead VALUES (interval '0')",
    "GRANT USAGE ON SCHEMA clock TO PUBLIC",
    "GRANT SELECT ON clock.ahead TO PUBLIC",
    "ALTER FUNCTION pg_catalog.now() RENAME TO real_now",
    "ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO real_clock_timestamp",
    """
    CREATE FUNCTION pg_catalog.now() RETURNS timestamptz
        LANGUAGE sql STABLE PARALLEL SAFE
        AS 'SELECT pg_catalog.real_now() + (SELECT by FROM clock.ahead)'
    """,
    """
    CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz
        LANGUAGE sql VOLATILE PARALLEL SAFE
        AS 'SELECT pg_catalog.real_clock_timestamp() + (SELECT by FROM clock.ahead)'
    """,
)
_SET = "UPDATE clock.ahead SET by = $1"


def install(dsn: str) -> None:
    """Give a new database a clock, as its administrator, before the migrations."""
    run_sql(dsn, _INSTALL)


async def set_ahead(connections: Iterable[asyncpg.Connection], ahead: timedelta) -> None:
    """Set the clocks of databases; every later statement of any session sees it."""
    await asyncio.gather(*(each.execute(_SET, ahead) for each in connections))
