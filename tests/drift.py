"""Whether a service's tables are what its code believes: migrations against tables.py."""

import warnings

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

KEPT_BY_MIGRATIONS = ("alembic_version", "alembic_version_reference", "parts")
# Indexes and constraints that only the migrations describe.
UNSEEN = ("remove_index", "remove_constraint", "add_constraint")


async def drift(database, metadata):
    """The differences in tables, columns and types; partial indexes are the migrations' own."""
    address = make_url(database.direct_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(address, poolclass=NullPool)
    options = {
        "compare_type": True,
        "include_object": lambda _, name, *__: name not in KEPT_BY_MIGRATIONS,
    }
    # What SQLAlchemy reads of a CHECK that is NOT VALID, it does not take itself.
    warnings.filterwarnings("ignore", message="Can't validate argument 'dialect_options'")
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts=options), metadata)
        )
    await engine.dispose()
    return [change for change in differences if change[0] not in UNSEEN]
