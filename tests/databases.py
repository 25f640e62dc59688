"""Databases of tests, opened once more."""

from typing import Any

from shared.postgres.database import Database


def another(database: Database, **options: Any) -> Database:
    """Open the same database with sessions of its own, as another process does."""
    return Database(
        database.url,
        direct_url=database.direct_url,
        prepares=database.prepares,
        part_count=database.part_count,
        **options,
    )
