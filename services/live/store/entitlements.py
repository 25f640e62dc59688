"""Entitlements of viewers to perks, and their uses."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from services.live import columns as tables
from services.live.domain.perks import Entitlement
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, unnest
from shared.postgres.statements import text

# (creator, viewer, coins): what a creator was given by a viewer in all.
Given: TypeAlias = tuple[str, str, int]

_entitlement = RowMapper(Entitlement)
_COLUMNS = """
    entitlements.entitlement, entitlements.perk, entitlements.creator, entitlements.viewer,
    entitlements.threshold_coins, entitlements.uses, entitlements.used, entitlements.withdrawn,
    entitlements.revision, entitlements.unlocked_at, perks.kind, perks.title
"""
_GIVEN = unnest(tables.Supporter, "creator", "viewer", "coins", name="given")
_SELECT = f"SELECT {_COLUMNS} FROM entitlements JOIN perks USING (perk)"


async def change_entitlements(tx: Transaction, given: Sequence[Given]) -> list[Entitlement]:
    """
    Make entitlements fit what was given, and return those that changed.

    An unused one is withdrawn if the coins no longer reach it, and reinstated if they do again.
    Viewers are entitled to the perks they gave enough for, once each. An id is random: only its
    viewer and its creator are shown it, and both the perk and the viewer are known to others.
    """
    creators, viewers, coins = (list(column) for column in zip(*given, strict=True))
    asked = {"creator": creators, "viewer": viewers, "coins": coins}
    return [_entitlement(row) for row in await tx.execute(_CHANGE, asked)]


# The pairs' rows in `supporters` are locked, so only a use may change an entitlement meanwhile:
# then `used` is looked at again once that has committed.
_CHANGE = text(f"""
    WITH given AS (SELECT * FROM {_GIVEN}),
    known AS (
        SELECT found.entitlement, found.perk, given.viewer, given.coins
        FROM given CROSS JOIN LATERAL (
            SELECT * FROM entitlements
            WHERE entitlements.creator = given.creator AND entitlements.viewer = given.viewer
            OFFSET 0
        ) AS found
    ),
    adjusted AS (
        UPDATE entitlements SET withdrawn = NOT withdrawn, revision = revision + 1
        FROM known
        WHERE entitlements.entitlement = known.entitlement
          AND CASE WHEN withdrawn THEN known.coins >= entitlements.threshold_coins
                   ELSE used = 0 AND known.coins < entitlements.threshold_coins END
        RETURNING entitlements.*
    ),
    unlocked AS (
        INSERT INTO entitlements (entitlement, perk, creator, viewer, threshold_coins, uses)
        SELECT gen_random_uuid(), found.perk, found.creator, given.viewer, found.threshold_coins,
            found.uses
        FROM given CROSS JOIN LATERAL (
            SELECT * FROM perks WHERE perks.creator = given.creator AND removed_at IS NULL
                AND perks.threshold_coins <= given.coins OFFSET 0
        ) AS found
        WHERE NOT EXISTS (
            SELECT FROM entitlements
            WHERE entitlements.perk = found.perk AND entitlements.viewer = given.viewer OFFSET 0
        )
        ORDER BY found.perk, given.viewer
        ON CONFLICT DO NOTHING
        RETURNING *
    )
    SELECT {_COLUMNS} FROM adjusted AS entitlements JOIN perks USING (perk)
    UNION ALL
    SELECT {_COLUMNS} FROM unlocked AS entitlements JOIN perks USING (perk)
""")


async def lock_supporters(
    tx: Transaction, creator: str, coins: int, *, limit: int, after: str
) -> list[Given]:
    """Lock and return supporters who gave a creator so many coins, by name."""
    asked = {"creator": creator, "coins": coins, "limit": limit, "after": after}
    rows = await tx.execute(_LOCK_SUPPORTERS, asked)
    return [(row.creator, row.viewer, row.coins) for row in rows]


_LOCK_SUPPORTERS = text("""
    SELECT creator, viewer, coins FROM supporters
    WHERE creator = :creator AND coins >= :coins AND viewer > :after
    ORDER BY viewer LIMIT :limit FOR UPDATE
""")


async def find_entitlement(tx: Transaction, entitlement: UUID) -> Entitlement | None:
    row = (await tx.execute(_FIND, {"entitlement": entitlement})).first()
    return _entitlement(row) if row else None


_FIND = text(f"{_SELECT} WHERE entitlement = :entitlement")


async def lock_entitlement(tx: Transaction, entitlement: UUID) -> Entitlement | None:
    row = (await tx.execute(_LOCK, {"entitlement": entitlement})).first()
    return _entitlement(row) if row else None


_LOCK = text(f"{_SELECT} WHERE entitlement = :entitlement FOR UPDATE OF entitlements")


async def list_entitlements(
    tx: Transaction, viewer: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Entitlement]:
    """Return a viewer's entitlements, the newest first."""
    at, entitlement = before or (None, None)
    asked = {"viewer": viewer, "at": at, "entitlement": entitlement, "limit": limit}
    return [_entitlement(row) for row in await tx.execute(_LIST, asked)]


_LIST = text(f"""
    {_SELECT}
    WHERE viewer = :viewer AND (
        CAST(:at AS timestamptz) IS NULL
        OR (unlocked_at, entitlement) < (CAST(:at AS timestamptz), CAST(:entitlement AS uuid))
    )
    ORDER BY unlocked_at DESC, entitlement DESC LIMIT :limit
""")


async def insert_use(tx: Transaction, entitlement: UUID, key: str) -> None:
    """Use an entitlement once; its row is locked."""
    await tx.execute(_INSERT_USE, {"entitlement": entitlement, "key": key})
    await tx.execute(_COUNT_USE, {"entitlement": entitlement})


_INSERT_USE = text("INSERT INTO uses (entitlement, idempotency_key) VALUES (:entitlement, :key)")
_COUNT_USE = text("UPDATE entitlements SET used = used + 1 WHERE entitlement = :entitlement")


async def has_use(tx: Transaction, entitlement: UUID, key: str) -> bool:
    """Whether an entitlement was used under this key."""
    return bool(await tx.execute(_HAS_USE, {"entitlement": entitlement, "key": key}))


_HAS_USE = text("""
    SELECT FROM uses WHERE entitlement = :entitlement AND idempotency_key = :key
""")
