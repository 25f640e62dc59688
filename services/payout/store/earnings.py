"""What gifts brought, slice by slice, and what was heard about their money."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.payout.domain.earnings import Earning, Lost
from services.payout.domain.payouts import PayoutLoss
from services.payout.domain.rates import Holds
from services.payout.store import payouts, reversals
from services.payout.store.reversals import RESTORED_COLUMNS, RESTORED_JOIN, Key, Reversals
from shared.postgres.database import Row, Transaction


@dataclass(slots=True)
class Creator:
    """What the rules ask about a creator; `lifetime_diamonds` are those that stand."""

    first_earned_at: datetime
    lifetime_diamonds: int


@dataclass(slots=True)
class Heard:
    """What is known of a batch's creators and gifts, and what the batch adds to it."""

    creators: dict[str, Creator] = field(default_factory=dict)
    earnings: dict[Key, Earning] = field(default_factory=dict)
    reversals: Reversals = field(default_factory=dict)
    # By lot: when somebody warned of it, and until when its diamonds wait, if that was kept.
    warnings: dict[UUID, tuple[datetime, datetime | None]] = field(default_factory=dict)
    added: list[Earning] = field(default_factory=list)
    payout_losses: list[PayoutLoss] = field(default_factory=list)
    # Whether gifts that were heard of again are anonymous: it was not always remembered.
    repeated: dict[tuple[str, UUID], bool] = field(default_factory=dict)

    def waits_until(self, lot: UUID, holds: Holds) -> datetime | None:
        """Return until when diamonds of a lot wait because of a warning, if there was one."""
        if lot not in self.warnings:
            return None
        flagged_at, until = self.warnings[lot]
        return until or holds.after_warning(flagged_at)

    def losses_of(self, creator: str) -> list[Lost]:
        """Return what the operator bore for a creator: of payouts, then of gifts by age."""
        lost = [
            each
            for each in self.earnings.values()
            if each.creator == creator and each.lost_diamonds
        ]
        lost.sort(key=lambda each: (each.decision, each.slice))
        return [*(each for each in self.payout_losses if each.creator == creator), *lost]

    def add(self, earnings: Sequence[Earning], earned_at: datetime) -> None:
        """Remember what one gift earned."""
        for earning in earnings:
            self.earnings[earning.creator, earning.gift, earning.lot] = earning
            known = self.creators.setdefault(earning.creator, Creator(earned_at, 0))
            known.first_earned_at = min(known.first_earned_at, earned_at)
            known.lifetime_diamonds += earning.diamonds
        self.added += earnings


async def heard(
    tx: Transaction,
    creators: Iterable[str],
    gifts: Collection[tuple[str, UUID]],
    *,
    reversed_gifts: Collection[tuple[str, UUID]],
    lots: Collection[UUID],
) -> Heard:
    """Read what a batch needs; the creators' accounts are locked."""
    found, names = Heard(), list(creators)
    for row in await tx.execute(_CREATORS, {"creators": names}):
        found.creators[row.creator] = Creator(row.first_earned_at, row.lifetime_diamonds)
    found.reversals = await reversals.known(tx, gifts)
    for each in await lost_of(tx, names):
        found.earnings[each.creator, each.gift, each.lot] = each
    found.payout_losses = await payouts.lost_of(tx, names)
    if reversed_gifts:
        for row in await tx.execute(_EARNINGS, _pairs(reversed_gifts)):
            found.earnings.setdefault(_key(row), _earning(row))
    for row in await tx.execute(_WARNINGS, {"lots": list(lots)}):
        found.warnings[row.lot] = (row.flagged_at, row.until)
    return found


async def write(tx: Transaction, heard: Heard) -> None:
    """Write what a batch added and changed."""
    if heard.creators:
        names = sorted(heard.creators)
        await tx.execute(
            _SAVE_CREATORS,
            {
                "creators": names,
                "first": [heard.creators[name].first_earned_at for name in names],
                "lifetime": [heard.creators[name].lifetime_diamonds for name in names],
            },
        )
    if heard.added:
        await tx.execute(
            _ADD, {f"{name}s": [getattr(each, name) for each in heard.added] for name in _FIELDS}
        )
    added = {id(earning) for earning in heard.added}
    await save(tx, [each for each in heard.earnings.values() if id(each) not in added])
    await reversals.save_restored(tx, [*heard.earnings.values()])
    await payouts.lose(tx, heard.payout_losses)
    if heard.repeated:
        anonymous = [heard.repeated[key] for key in sorted(heard.repeated)]
        await tx.execute(_COMPLETE, {**_pairs(heard.repeated), "anonymous": anonymous})
    await reversals.save(tx, heard.reversals)


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


async def lost_of(tx: Transaction, creators: Sequence[str]) -> list[Earning]:
    """Return earnings of creators whose loss the operator bore, oldest first."""
    return [_earning(row) for row in await tx.execute(_LOST, {"creators": list(creators)})]


def _pairs(gifts: Collection[tuple[str, UUID]]) -> dict[str, list[object]]:
    ordered = sorted(gifts)
    return {"creators": [creator for creator, _ in ordered], "gifts": [gift for _, gift in ordered]}


def _key(row: Row) -> Key:
    return row.creator, row.gift, row.lot


def _earning(row: Row) -> Earning:
    known = {name: row[name] for name in _FIELDS}
    return Earning(**known, restored=reversals.restored_in(row))


_FIELDS = tuple(each.name for each in fields(Earning) if each.name != "restored")
_COLUMNS = ", ".join([*(f"earnings.{name}" for name in _FIELDS), RESTORED_COLUMNS])
_CREATORS = text("""
    SELECT creator, first_earned_at, lifetime_diamonds FROM creators
    WHERE creator = ANY(CAST(:creators AS text[]))
""")
_EARNINGS = text(f"""
    SELECT {_COLUMNS} FROM earnings
    JOIN unnest(CAST(:creators AS text[]), CAST(:gifts AS uuid[])) AS asked (creator, gift)
        ON asked.creator = earnings.creator AND asked.gift = earnings.gift
    {RESTORED_JOIN}
""")  # noqa: S608 - our own text only
_WARNINGS = text(
    "SELECT lot, flagged_at, until FROM warnings WHERE lot = ANY(CAST(:lots AS uuid[]))"
)
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
_LOST = text(f"""
    SELECT {_COLUMNS} FROM earnings {RESTORED_JOIN}
    WHERE earnings.creator = ANY(CAST(:creators AS text[])) AND earnings.lost_diamonds > 0
    ORDER BY earnings.creator, earnings.decision, earnings.slice
""")  # noqa: S608 - our own text only
