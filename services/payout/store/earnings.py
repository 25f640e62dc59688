"""What gifts brought, slice by slice, and what was heard about their money."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import text

from services.payout.domain.earnings import Earning
from shared.database import Row, Transaction

# Whose gift, and which lot had paid.
Key: TypeAlias = tuple[str, UUID, UUID]
Reversals: TypeAlias = dict[Key, tuple[int, int]]


@dataclass(slots=True)
class Creator:
    """What the rules ask about a creator."""

    first_earned_at: datetime
    lifetime_diamonds: int


@dataclass(slots=True)
class Heard:
    """What is known of a batch's creators and gifts, and what the batch adds to it."""

    creators: dict[str, Creator] = field(default_factory=dict)
    earnings: dict[Key, Earning] = field(default_factory=dict)
    reversals: Reversals = field(default_factory=dict)
    warnings: dict[UUID, datetime] = field(default_factory=dict)
    added: list[Earning] = field(default_factory=list)
    # Whether gifts that were heard of again are anonymous: it was not always remembered.
    repeated: dict[tuple[str, UUID], bool] = field(default_factory=dict)

    def add(self, earnings: Sequence[Earning], earned_at: datetime) -> None:
        """Remember what one gift earned."""
        for earning in earnings:
            self.earnings[earning.creator, earning.gift, earning.lot] = earning
            known = self.creators.setdefault(earning.creator, Creator(earned_at, 0))
            known.first_earned_at = min(known.first_earned_at, earned_at)
            known.lifetime_diamonds += earning.diamonds
        self.added += earnings


async def reversed_before(tx: Transaction, gifts: Collection[tuple[str, UUID]]) -> Reversals:
    """Return the newest (revision, coins) heard of gifts; nothing is locked yet."""
    return {_key(row): (row.revision, row.reversed_coins) for row in await _reversals(tx, gifts)}


async def heard(
    tx: Transaction,
    creators: Iterable[str],
    gifts: Collection[tuple[str, UUID]],
    *,
    reversed_gifts: Collection[tuple[str, UUID]],
    lots: Collection[UUID],
) -> Heard:
    """Read what a batch needs; the creators' accounts are locked."""
    found = Heard()
    for row in await tx.execute(_CREATORS, {"creators": list(creators)}):
        found.creators[row.creator] = Creator(row.first_earned_at, row.lifetime_diamonds)
    for row in await _reversals(tx, gifts):
        found.reversals[_key(row)] = (row.revision, row.reversed_coins)
    if reversed_gifts:
        for row in await tx.execute(_EARNINGS, _pairs(reversed_gifts)):
            found.earnings[_key(row)] = _earning(row)
    for row in await tx.execute(_WARNINGS, {"lots": list(lots)}):
        found.warnings[row.lot] = row.flagged_at
    return found


async def write(tx: Transaction, heard: Heard) -> None:
    """Write what a batch added and changed."""
    if heard.creators and heard.added:
        await tx.execute(
            _SAVE_CREATORS,
            {
                "creators": sorted(heard.creators),
                "first": [heard.creators[name].first_earned_at for name in sorted(heard.creators)],
                "lifetime": [
                    heard.creators[name].lifetime_diamonds for name in sorted(heard.creators)
                ],
            },
        )
    if heard.added:
        await tx.execute(
            _ADD, {f"{name}s": [getattr(each, name) for each in heard.added] for name in _FIELDS}
        )
    added = {id(earning) for earning in heard.added}
    await save(tx, [each for each in heard.earnings.values() if id(each) not in added])
    if heard.repeated:
        anonymous = [heard.repeated[key] for key in sorted(heard.repeated)]
        await tx.execute(_COMPLETE, {**_pairs(heard.repeated), "anonymous": anonymous})
    if heard.reversals:
        await tx.execute(
            _SAVE_REVERSALS,
            {
                "creators": [creator for creator, _, _ in heard.reversals],
                "gifts": [gift for _, gift, _ in heard.reversals],
                "lots": [lot for _, _, lot in heard.reversals],
                "revisions": [revision for revision, _ in heard.reversals.values()],
                "coins": [coins for _, coins in heard.reversals.values()],
            },
        )


async def save(tx: Transaction, earnings: Sequence[Earning]) -> None:
    """Write what stands reversed and lost of earnings that are known."""
    if earnings:
        await tx.execute(
            _SAVE,
            {
                "creators": [each.creator for each in earnings],
                "gifts": [each.gift for each in earnings],
                "slices": [each.slice for each in earnings],
                "reversed": [each.reversed_diamonds for each in earnings],
                "lost": [each.lost_diamonds for each in earnings],
            },
        )


async def lost_of(tx: Transaction, creator: str) -> list[Earning]:
    """Return a creator's earnings whose loss the operator bore, oldest first."""
    return [_earning(row) for row in await tx.execute(_LOST, {"creator": creator})]


async def warn(
    tx: Transaction,
    flagged: Mapping[UUID, datetime],
    until: Mapping[UUID, datetime],
    *,
    reason: str,
) -> None:
    """Remember warnings, and let what is still pending of these lots wait."""
    lots = list(flagged)
    await tx.execute(_WARN, {"lots": lots, "flagged": [flagged[lot] for lot in lots]})
    await tx.execute(
        _EXTEND, {"lots": lots, "until": [until[lot] for lot in lots], "reason": reason}
    )


async def creators_due(tx: Transaction, *, now: datetime, limit: int) -> list[str]:
    """Return creators who have diamonds whose time has come."""
    rows = await tx.execute(_DUE, {"now": now, "limit": limit})
    return sorted({row.creator for row in rows})


async def mature(
    tx: Transaction, creators: Sequence[str], *, now: datetime, limit: int
) -> dict[str, tuple[int, int]]:
    """
    Mark what is due as matured; return each creator's diamonds and the number of the maturing.

    The creators' accounts are locked.
    """
    rows = await tx.execute(_MATURE, {"creators": list(creators), "now": now, "limit": limit})
    return {row.creator: (row.diamonds, row.maturings) for row in rows}


async def _reversals(tx: Transaction, gifts: Collection[tuple[str, UUID]]) -> Sequence[Row]:
    return await tx.execute(_REVERSALS, _pairs(gifts))


def _pairs(gifts: Collection[tuple[str, UUID]]) -> dict[str, list[object]]:
    ordered = sorted(gifts)
    return {"creators": [creator for creator, _ in ordered], "gifts": [gift for _, gift in ordered]}


def _key(row: Row) -> Key:
    return row.creator, row.gift, row.lot


def _earning(row: Row) -> Earning:
    return Earning(**{name: row[name] for name in _FIELDS})


_FIELDS = tuple(each.name for each in fields(Earning))
_COLUMNS = ", ".join(f"earnings.{name}" for name in _FIELDS)
_CREATORS = text("""
    SELECT creator, first_earned_at, lifetime_diamonds FROM creators
    WHERE creator = ANY(CAST(:creators AS text[]))
""")
_REVERSALS = text("""
    SELECT creator, gift, lot, revision, reversed_coins FROM reversals
    JOIN unnest(CAST(:creators AS text[]), CAST(:gifts AS uuid[])) AS asked (creator, gift)
        USING (creator, gift)
""")
_EARNINGS = text(f"""
    SELECT {_COLUMNS} FROM earnings
    JOIN unnest(CAST(:creators AS text[]), CAST(:gifts AS uuid[])) AS asked (creator, gift)
        ON asked.creator = earnings.creator AND asked.gift = earnings.gift
""")  # noqa: S608 - our own text only
_WARNINGS = text("SELECT lot, flagged_at FROM warnings WHERE lot = ANY(CAST(:lots AS uuid[]))")
_SAVE_CREATORS = text("""
    INSERT INTO creators (creator, first_earned_at, lifetime_diamonds)
    SELECT * FROM unnest(
        CAST(:creators AS text[]), CAST(:first AS timestamptz[]), CAST(:lifetime AS bigint[])
    )
    ON CONFLICT (creator) DO UPDATE
    SET first_earned_at = excluded.first_earned_at,
        lifetime_diamonds = excluded.lifetime_diamonds
""")
_ADD = text("""
    INSERT INTO earnings (
        creator, gift, slice, lot, lot_kind, viewer, coins, rate_bp, diamonds, decision,
        occurred_at, matures_at, hold_reason, matured, anonymous, reversed_diamonds, lost_diamonds
    )
    SELECT * FROM unnest(
        CAST(:creators AS text[]), CAST(:gifts AS uuid[]), CAST(:slices AS smallint[]),
        CAST(:lots AS uuid[]), CAST(:lot_kinds AS text[]), CAST(:viewers AS text[]),
        CAST(:coinss AS bigint[]), CAST(:rate_bps AS integer[]), CAST(:diamondss AS bigint[]),
        CAST(:decisions AS bigint[]), CAST(:occurred_ats AS timestamptz[]),
        CAST(:matures_ats AS timestamptz[]), CAST(:hold_reasons AS text[]),
        CAST(:matureds AS boolean[]), CAST(:anonymouss AS boolean[]),
        CAST(:reversed_diamondss AS bigint[]), CAST(:lost_diamondss AS bigint[])
    )
""")
_SAVE = text("""
    UPDATE earnings SET reversed_diamonds = new.reversed_diamonds, lost_diamonds = new.lost_diamonds
    FROM unnest(
        CAST(:creators AS text[]), CAST(:gifts AS uuid[]), CAST(:slices AS smallint[]),
        CAST(:reversed AS bigint[]), CAST(:lost AS bigint[])
    ) AS new (creator, gift, slice, reversed_diamonds, lost_diamonds)
    WHERE earnings.creator = new.creator AND earnings.gift = new.gift
      AND earnings.slice = new.slice
""")
_COMPLETE = text("""
    UPDATE earnings SET anonymous = heard.anonymous
    FROM unnest(
        CAST(:creators AS text[]), CAST(:gifts AS uuid[]), CAST(:anonymous AS boolean[])
    ) AS heard (creator, gift, anonymous)
    WHERE earnings.creator = heard.creator AND earnings.gift = heard.gift
      AND earnings.anonymous IS NULL
""")
_SAVE_REVERSALS = text("""
    INSERT INTO reversals (creator, gift, lot, revision, reversed_coins)
    SELECT * FROM unnest(
        CAST(:creators AS text[]), CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]),
        CAST(:revisions AS bigint[]), CAST(:coins AS bigint[])
    )
    ON CONFLICT (creator, gift, lot) DO UPDATE
    SET revision = excluded.revision, reversed_coins = excluded.reversed_coins
    WHERE reversals.revision < excluded.revision
""")
_LOST = text(f"""
    SELECT {_COLUMNS} FROM earnings
    WHERE creator = :creator AND lost_diamonds > 0 ORDER BY decision, slice
""")  # noqa: S608 - our own text only
_WARN = text("""
    INSERT INTO warnings (lot, flagged_at)
    SELECT * FROM unnest(CAST(:lots AS uuid[]), CAST(:flagged AS timestamptz[]))
    ON CONFLICT (lot) DO UPDATE
    SET flagged_at = greatest(warnings.flagged_at, excluded.flagged_at)
""")
_EXTEND = text("""
    UPDATE earnings SET matures_at = warned.until, hold_reason = :reason
    FROM unnest(CAST(:lots AS uuid[]), CAST(:until AS timestamptz[])) AS warned (lot, until)
    WHERE earnings.lot = warned.lot AND NOT matured AND matures_at < warned.until
""")
_DUE = text("""
    SELECT creator FROM earnings
    WHERE NOT matured AND matures_at <= CAST(:now AS timestamptz)
    ORDER BY matures_at LIMIT :limit
""")
_MATURE = text("""
    WITH due AS (
        SELECT creator, gift, slice FROM earnings
        WHERE NOT matured AND matures_at <= CAST(:now AS timestamptz)
          AND creator = ANY(CAST(:creators AS text[]))
        ORDER BY matures_at LIMIT :limit
    ), matured AS (
        UPDATE earnings SET matured = true FROM due
        WHERE earnings.creator = due.creator AND earnings.gift = due.gift
          AND earnings.slice = due.slice
        RETURNING earnings.creator, earnings.diamonds - earnings.reversed_diamonds AS diamonds
    ), summed AS (
        SELECT creator, sum(diamonds)::bigint AS diamonds FROM matured GROUP BY creator
    )
    UPDATE creators SET maturings = maturings + 1 FROM summed
    WHERE creators.creator = summed.creator
    RETURNING creators.creator, summed.diamonds, maturings
""")
