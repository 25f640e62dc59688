"""Perks, who is entitled to them, and what was used of that; and whom creators thanked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import text

from services.live.domain.perks import Entitlement, Perk, PerkKind
from shared.postgres.database import Row, Transaction

# (creator, viewer, coins): what a creator was given by a viewer in all.
Given: TypeAlias = tuple[str, str, int]


async def unlock(tx: Transaction, given: Sequence[Given]) -> list[Entitlement]:
    """
    Entitle those who gave enough to what they were not entitled to; return what is new.

    There is one entitlement of a viewer to a perk. Its id is random: only its viewer and its
    creator are shown it, and both the perk and the viewer are known to others.
    """
    found = await tx.execute(_TO_UNLOCK, _given(given))
    if not found:
        return []
    rows = await tx.execute(
        _UNLOCK,
        {
            "entitlements": [uuid4() for _ in found],
            "perks": [row.perk for row in found],
            "viewers": [row.viewer for row in found],
        },
    )
    return [_entitlement(row) for row in rows]


async def follow_coins(tx: Transaction, given: Sequence[Given]) -> list[Entitlement]:
    """Withdraw what was not used and is not earned any more, or give it back; return those."""
    rows = await tx.execute(_FOLLOW_COINS, _given(given))
    return [_entitlement(row) for row in rows]


async def supporters_over(
    tx: Transaction, creator: str, coins: int, *, limit: int, after: str
) -> list[Given]:
    """Return, locked, who gave a creator so much already, by name."""
    asked = {"creator": creator, "coins": coins, "limit": limit, "after": after}
    rows = await tx.execute(_SUPPORTERS_OVER, asked)
    return [(row.creator, row.viewer, row.coins) for row in rows]


async def past_of(tx: Transaction, perk: UUID) -> tuple[Perk, str] | None:
    """Return, locked, a perk and who was looked at last; None if all were, or others look."""
    row = (await tx.execute(_PAST_OF, {"perk": perk})).first()
    return (_perk(row), row.unlocking_after) if row else None


async def reach_past(tx: Transaction, perk: UUID, after: str | None) -> None:
    """Remember who of those who gave enough before was looked at last; None: all were."""
    await tx.execute(_REACH_PAST, {"perk": perk, "after": after})


async def with_open_past(tx: Transaction) -> list[UUID]:
    return [row.perk for row in await tx.execute(_WITH_OPEN_PAST)]


async def insert(tx: Transaction, perk: Perk) -> bool:
    """Add a perk; return False if there was one, which may have been removed."""
    return bool(await tx.execute(_INSERT, _values(perk)))


async def was_offered(tx: Transaction, perk: UUID, creator: str) -> bool:
    """Whether a creator ever offered this perk, also if it was removed."""
    return bool(await tx.execute(_WAS_OFFERED, {"perk": perk, "creator": creator}))


async def change(tx: Transaction, perk: Perk) -> None:
    await tx.execute(_CHANGE, _values(perk))


async def remove(tx: Transaction, perk: UUID, creator: str) -> bool:
    return bool(await tx.execute(_REMOVE, {"perk": perk, "creator": creator}))


async def find(tx: Transaction, perk: UUID, creator: str) -> Perk | None:
    row = (await tx.execute(_FIND, {"perk": perk, "creator": creator})).first()
    return _perk(row) if row else None


async def of_creator(tx: Transaction, creator: str) -> list[Perk]:
    return [_perk(row) for row in await tx.execute(_OF_CREATOR, {"creator": creator})]


async def entitlement(tx: Transaction, identifier: UUID, *, locked: bool) -> Entitlement | None:
    statement = _ENTITLEMENT_LOCKED if locked else _ENTITLEMENT
    row = (await tx.execute(statement, {"entitlement": identifier})).first()
    return _entitlement(row) if row else None


async def entitlements_of(
    tx: Transaction, viewer: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Entitlement]:
    """Return what a viewer is entitled to, the newest first."""
    at, identifier = before or (None, None)
    asked = {"viewer": viewer, "at": at, "entitlement": identifier, "limit": limit}
    return [_entitlement(row) for row in await tx.execute(_ENTITLEMENTS_OF, asked)]


async def use(tx: Transaction, identifier: UUID, key: str) -> bool:
    """Use an entitlement once; return False if this key did so before. Its row is locked."""
    if not await tx.execute(_REMEMBER_USE, {"entitlement": identifier, "key": key}):
        return False
    await tx.execute(_USE, {"entitlement": identifier})
    return True


async def was_used(tx: Transaction, identifier: UUID, key: str) -> bool:
    return bool(await tx.execute(_WAS_USED, {"entitlement": identifier, "key": key}))


@dataclass(frozen=True, slots=True)
class Thanks:
    """What a creator said for a gift."""

    gift: UUID
    room: str
    creator: str
    viewer: str
    message: str | None


async def thanks_for(tx: Transaction, gift: UUID) -> Thanks | None:
    row = (await tx.execute(_THANKS, {"gift": gift})).first()
    return Thanks(row.gift, row.room, row.creator, row.viewer, row.message) if row else None


async def thank(tx: Transaction, thanks: Thanks) -> bool:
    """Remember thanks for a gift; return False if there were some before."""
    asked = {
        "gift": thanks.gift,
        "room": thanks.room,
        "creator": thanks.creator,
        "viewer": thanks.viewer,
        "message": thanks.message,
    }
    return bool(await tx.execute(_THANK, asked))


def _given(given: Sequence[Given]) -> dict[str, list[object]]:
    return {
        "creators": [creator for creator, _, _ in given],
        "viewers": [viewer for _, viewer, _ in given],
        "coins": [coins for _, _, coins in given],
    }


def _values(perk: Perk) -> dict[str, object]:
    return {
        "perk": perk.perk,
        "creator": perk.creator,
        "kind": perk.kind.value,
        "title": perk.title,
        "description": perk.description,
        "threshold": perk.threshold_coins,
        "uses": perk.uses,
    }


def _perk(row: Row) -> Perk:
    return Perk(
        perk=row.perk,
        creator=row.creator,
        kind=PerkKind(row.kind),
        title=row.title,
        description=row.description,
        threshold_coins=row.threshold_coins,
        uses=row.uses,
    )


def _entitlement(row: Row) -> Entitlement:
    return Entitlement(
        entitlement=row.entitlement,
        perk=row.perk,
        creator=row.creator,
        viewer=row.viewer,
        kind=PerkKind(row.kind),
        title=row.title,
        threshold_coins=row.threshold_coins,
        uses=row.uses,
        used=row.used,
        withdrawn=row.withdrawn,
        revision=row.revision,
        unlocked_at=row.unlocked_at,
    )


_GIVEN = """
    unnest(CAST(:creators AS text[]), CAST(:viewers AS text[]), CAST(:coins AS bigint[]))
        AS given (creator, viewer, coins)
"""
_COLUMNS = """
    entitlements.entitlement, entitlements.perk, entitlements.creator, entitlements.viewer,
    entitlements.threshold_coins, entitlements.uses, entitlements.used, entitlements.withdrawn,
    entitlements.revision, entitlements.unlocked_at, perks.kind, perks.title
"""
_TO_UNLOCK = text(f"""
    SELECT perks.perk, given.viewer FROM {_GIVEN}
    JOIN perks ON perks.creator = given.creator AND perks.removed_at IS NULL
        AND perks.threshold_coins <= given.coins
    WHERE NOT EXISTS (
        SELECT FROM entitlements
        WHERE entitlements.perk = perks.perk AND entitlements.viewer = given.viewer
    )
    ORDER BY perks.perk, given.viewer
""")  # noqa: S608 - our own text only
_UNLOCK = text(f"""
    WITH unlocked AS (
        INSERT INTO entitlements (entitlement, perk, creator, viewer, threshold_coins, uses)
        SELECT new.entitlement, perks.perk, perks.creator, new.viewer, perks.threshold_coins,
               perks.uses
        FROM unnest(
            CAST(:entitlements AS uuid[]), CAST(:perks AS uuid[]), CAST(:viewers AS text[])
        ) AS new (entitlement, perk, viewer)
        JOIN perks USING (perk)
        ON CONFLICT DO NOTHING
        RETURNING *
    )
    SELECT {_COLUMNS} FROM unlocked AS entitlements JOIN perks USING (perk)
    ORDER BY entitlements.perk, entitlements.viewer
""")  # noqa: S608 - our own text only
# Whoever changes the coins of a pair has its supporters' row locked, so nobody else is at its
# entitlements but who uses one: then `used` is looked at again once that has committed.
_FOLLOW_COINS = text(f"""
    UPDATE entitlements SET withdrawn = NOT withdrawn, revision = revision + 1
    FROM {_GIVEN}, perks
    WHERE entitlements.creator = given.creator AND entitlements.viewer = given.viewer
      AND perks.perk = entitlements.perk
      AND CASE WHEN withdrawn THEN given.coins >= entitlements.threshold_coins
               ELSE used = 0 AND given.coins < entitlements.threshold_coins END
    RETURNING {_COLUMNS}
""")  # noqa: S608 - our own text only
_SUPPORTERS_OVER = text("""
    SELECT creator, viewer, coins FROM supporters
    WHERE creator = :creator AND coins >= :coins AND viewer > :after
    ORDER BY viewer LIMIT :limit FOR UPDATE
""")
_REACH_PAST = text("UPDATE perks SET unlocking_after = CAST(:after AS text) WHERE perk = :perk")
# Entitlements that are added meanwhile refer to it, and do not wait.
_PAST_OF = text("""
    SELECT perk, creator, kind, title, description, threshold_coins, uses, unlocking_after
    FROM perks WHERE perk = :perk AND unlocking_after IS NOT NULL AND removed_at IS NULL
    FOR NO KEY UPDATE SKIP LOCKED
""")
_WITH_OPEN_PAST = text("""
    SELECT perk FROM perks WHERE unlocking_after IS NOT NULL AND removed_at IS NULL
    ORDER BY perk LIMIT 10
""")
_INSERT = text("""
    INSERT INTO perks (perk, creator, kind, title, description, threshold_coins, uses)
    VALUES (:perk, :creator, :kind, :title, :description, :threshold, :uses)
    ON CONFLICT DO NOTHING RETURNING perk
""")
_CHANGE = text("""
    UPDATE perks SET kind = :kind, title = :title, description = :description,
        threshold_coins = :threshold, uses = :uses
    WHERE perk = :perk AND creator = :creator
""")
_REMOVE = text("""
    UPDATE perks SET removed_at = now()
    WHERE perk = :perk AND creator = :creator AND removed_at IS NULL RETURNING perk
""")
_PERK = "SELECT perk, creator, kind, title, description, threshold_coins, uses FROM perks"
_WAS_OFFERED = text("SELECT perk FROM perks WHERE perk = :perk AND creator = :creator")
_FIND = text(f"{_PERK} WHERE perk = :perk AND creator = :creator AND removed_at IS NULL")
_OF_CREATOR = text(
    f"{_PERK} WHERE creator = :creator AND removed_at IS NULL"
    " ORDER BY threshold_coins, created_at, perk"
)
_READ = f"SELECT {_COLUMNS} FROM entitlements JOIN perks USING (perk)"  # noqa: S608 - our own text
_ENTITLEMENT = text(f"{_READ} WHERE entitlement = :entitlement")
_ENTITLEMENT_LOCKED = text(f"{_READ} WHERE entitlement = :entitlement FOR UPDATE OF entitlements")
_ENTITLEMENTS_OF = text(f"""
    {_READ}
    WHERE viewer = :viewer AND (
        CAST(:at AS timestamptz) IS NULL
        OR (unlocked_at, entitlement) < (CAST(:at AS timestamptz), CAST(:entitlement AS uuid))
    )
    ORDER BY unlocked_at DESC, entitlement DESC LIMIT :limit
""")
_REMEMBER_USE = text("""
    INSERT INTO uses (entitlement, idempotency_key) VALUES (:entitlement, :key)
    ON CONFLICT DO NOTHING RETURNING entitlement
""")
_USE = text("UPDATE entitlements SET used = used + 1 WHERE entitlement = :entitlement")
_WAS_USED = text("""
    SELECT FROM uses WHERE entitlement = :entitlement AND idempotency_key = :key
""")
_THANKS = text("SELECT gift, room, creator, viewer, message FROM thanks WHERE gift = :gift")
_THANK = text("""
    INSERT INTO thanks (gift, room, creator, viewer, message)
    VALUES (:gift, :room, :creator, :viewer, :message)
    ON CONFLICT DO NOTHING RETURNING gift
""")
