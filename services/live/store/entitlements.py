"""Entitlements of viewers to perks, and their uses."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import text

from services.live import tables
from services.live.domain.perks import Entitlement
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, unnest

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


async def unlock_entitlements(tx: Transaction, given: Sequence[Given]) -> list[Entitlement]:
    """
    Entitle viewers to the perks they gave enough for; return the new entitlements.

    There is one entitlement of a viewer to a perk. Its id is random: only its viewer and its
    creator are shown it, and both the perk and the viewer are known to others.
    """
    found = await tx.execute(_FIND_UNLOCKED, _arrays(given))
    if not found:
        return []
    columns = {
        "entitlement": [uuid4() for _ in found],
        "perk": [row.perk for row in found],
        "viewer": [row.viewer for row in found],
    }
    return [_entitlement(row) for row in await tx.execute(_INSERT, columns)]


_FIND_UNLOCKED = text(f"""
    SELECT perks.perk, given.viewer FROM {_GIVEN}
    JOIN perks ON perks.creator = given.creator AND perks.removed_at IS NULL
        AND perks.threshold_coins <= given.coins
    WHERE NOT EXISTS (
        SELECT FROM entitlements
        WHERE entitlements.perk = perks.perk AND entitlements.viewer = given.viewer
    )
    ORDER BY perks.perk, given.viewer
""")
_INSERT = text(f"""
    WITH unlocked AS (
        INSERT INTO entitlements (entitlement, perk, creator, viewer, threshold_coins, uses)
        SELECT new.entitlement, perks.perk, perks.creator, new.viewer, perks.threshold_coins,
               perks.uses
        FROM {unnest(tables.Entitlement, "entitlement", "perk", "viewer")}
        JOIN perks USING (perk)
        ON CONFLICT DO NOTHING
        RETURNING *
    )
    SELECT {_COLUMNS} FROM unlocked AS entitlements JOIN perks USING (perk)
    ORDER BY entitlements.perk, entitlements.viewer
""")


async def adjust_entitlements(tx: Transaction, given: Sequence[Given]) -> list[Entitlement]:
    """Withdraw unused entitlements that the coins no longer reach, or reinstate; return those."""
    return [_entitlement(row) for row in await tx.execute(_ADJUST, _arrays(given))]


# The pairs' rows in `supporters` are locked, so only a use may change an entitlement meanwhile:
# then `used` is looked at again once that has committed.
_ADJUST = text(f"""
    UPDATE entitlements SET withdrawn = NOT withdrawn, revision = revision + 1
    FROM {_GIVEN}, perks
    WHERE entitlements.creator = given.creator AND entitlements.viewer = given.viewer
      AND perks.perk = entitlements.perk
      AND CASE WHEN withdrawn THEN given.coins >= entitlements.threshold_coins
               ELSE used = 0 AND given.coins < entitlements.threshold_coins END
    RETURNING {_COLUMNS}
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


def _arrays(given: Sequence[Given]) -> dict[str, list[object]]:
    return {
        "creator": [creator for creator, _, _ in given],
        "viewer": [viewer for _, viewer, _ in given],
        "coins": [coins for _, _, coins in given],
    }
