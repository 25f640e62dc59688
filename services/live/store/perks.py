"""Perks that creators offer."""

from dataclasses import asdict
from uuid import UUID

from services.live import columns as tables
from services.live.domain.perks import Perk
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_perk = RowMapper(Perk, tables.Perk)
_SELECT = f"SELECT {_perk.columns} FROM perks"


async def insert_perk(tx: Transaction, perk: Perk) -> bool:
    """Add a perk; return False if there was one, which may have been removed."""
    return bool(await tx.execute(_INSERT, asdict(perk)))


_INSERT = text("""
    INSERT INTO perks (perk, creator, kind, title, description, threshold_coins, uses)
    VALUES (:perk, :creator, :kind, :title, :description, :threshold_coins, :uses)
    ON CONFLICT DO NOTHING RETURNING perk
""")


async def update_perk(tx: Transaction, perk: Perk) -> None:
    await tx.execute(_UPDATE, asdict(perk))


_UPDATE = text("""
    UPDATE perks SET kind = :kind, title = :title, description = :description,
        threshold_coins = :threshold_coins, uses = :uses
    WHERE perk = :perk AND creator = :creator
""")


async def remove_perk(tx: Transaction, perk: UUID, creator: str) -> bool:
    """Remove a creator's own perk; return False if there is none."""
    return bool(await tx.execute(_REMOVE, {"perk": perk, "creator": creator}))


_REMOVE = text("""
    UPDATE perks SET removed_at = now()
    WHERE perk = :perk AND creator = :creator AND removed_at IS NULL RETURNING perk
""")


async def find_perk(tx: Transaction, perk: UUID, creator: str) -> Perk | None:
    row = (await tx.execute(_FIND, {"perk": perk, "creator": creator})).first()
    return _perk(row) if row else None


_FIND = text(f"{_SELECT} WHERE perk = :perk AND creator = :creator AND removed_at IS NULL")


async def list_perks(tx: Transaction, creator: str) -> list[Perk]:
    """Return the perks a creator offers, the smallest first."""
    return [_perk(row) for row in await tx.execute(_LIST, {"creator": creator})]


_LIST = text(f"""
    {_SELECT} WHERE creator = :creator AND removed_at IS NULL
    ORDER BY threshold_coins, created_at, perk
""")


async def list_backfills(tx: Transaction) -> list[UUID]:
    """Return some perks with earlier supporters to entitle."""
    return [row.perk for row in await tx.execute(_LIST_BACKFILLS)]


_LIST_BACKFILLS = text("""
    SELECT perk FROM perks WHERE backfill_after IS NOT NULL AND removed_at IS NULL
    ORDER BY perk LIMIT 10
""")


async def lock_backfill(tx: Transaction, perk: UUID) -> tuple[Perk, str] | None:
    """Lock and return a perk and its last entitled supporter; None if it is done or locked."""
    row = (await tx.execute(_LOCK_BACKFILL, {"perk": perk})).first()
    return (_perk(row), row.backfill_after) if row else None


# Entitlements that are added meanwhile refer to it, and do not wait.
_LOCK_BACKFILL = text(f"""
    SELECT {_perk.columns}, backfill_after FROM perks
    WHERE perk = :perk AND backfill_after IS NOT NULL AND removed_at IS NULL
    FOR NO KEY UPDATE SKIP LOCKED
""")


async def save_backfill(tx: Transaction, perk: UUID, after: str | None) -> None:
    """Remember the last of the earlier supporters who was entitled; None: all were."""
    await tx.execute(_SAVE_BACKFILL, {"perk": perk, "after": after})


_SAVE_BACKFILL = text("UPDATE perks SET backfill_after = CAST(:after AS text) WHERE perk = :perk")
