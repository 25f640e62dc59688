"""What gifts brought, slice by slice, and what is known about their money."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.payout import tables
from services.payout.domain.earnings import Earning, Lost
from services.payout.domain.payouts import PayoutLoss
from services.payout.domain.rates import MaturityRules
from services.payout.store import payouts, reversals
from services.payout.store.reversals import RESTORED_COLUMNS, RESTORED_JOIN, Key, Reversals
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import arrays, insert_rows, update_rows


@dataclass(slots=True)
class Creator:
    """What the rules ask about a creator; `lifetime_diamonds` are those not taken back."""

    first_earned_at: datetime
    lifetime_diamonds: int


@dataclass(slots=True)
class KnownEarnings:
    """What is known of a batch's creators and gifts, and what the batch adds to it."""

    creators: dict[str, Creator] = field(default_factory=dict)
    earnings: dict[Key, Earning] = field(default_factory=dict)
    reversals: Reversals = field(default_factory=dict)
    # By lot: when its fraud warning came, and until when its diamonds wait, if that was kept.
    warnings: dict[UUID, tuple[datetime, datetime | None]] = field(default_factory=dict)
    added: list[Earning] = field(default_factory=list)
    payout_losses: list[PayoutLoss] = field(default_factory=list)
    # Whether gifts that came again are anonymous: it was not always kept.
    repeated: dict[tuple[str, UUID], bool] = field(default_factory=dict)

    def waits_until(self, lot: UUID, maturity: MaturityRules) -> datetime | None:
        """Return until when a fraud warning lets diamonds of a lot wait, if there is one."""
        if lot not in self.warnings:
            return None
        flagged_at, until = self.warnings[lot]
        return until or maturity.after_warning(flagged_at)

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


async def load(
    tx: Transaction,
    creators: Iterable[str],
    gifts: Collection[tuple[str, UUID]],
    *,
    reversed_gifts: Collection[tuple[str, UUID]],
    lots: Collection[UUID],
) -> KnownEarnings:
    """Read what a batch needs; the creators' accounts are locked."""
    found, names = KnownEarnings(), list(creators)
    for row in await tx.execute(_CREATORS, {"creators": names}):
        found.creators[row.creator] = Creator(row.first_earned_at, row.lifetime_diamonds)
    found.reversals = await reversals.known(tx, gifts)
    for each in await losses_of(tx, names):
        found.earnings[each.creator, each.gift, each.lot] = each
    found.payout_losses = await payouts.losses_of(tx, names)
    if reversed_gifts:
        for row in await tx.execute(_EARNINGS, _pairs(reversed_gifts)):
            found.earnings.setdefault(_key(row), _earning(row))
    for row in await tx.execute(_WARNINGS, {"lots": list(lots)}):
        found.warnings[row.lot] = (row.flagged_at, row.until)
    return found


async def write(tx: Transaction, known: KnownEarnings) -> None:
    """Write what a batch added and changed."""
    if known.creators:
        rows = arrays(known.creators.values(), *Creator.__slots__)
        await tx.execute(_SAVE_CREATORS, {"creator": list(known.creators), **rows})
    if known.added:
        await tx.execute(_ADD, arrays(known.added, *_FIELDS))
    added = {id(earning) for earning in known.added}
    await save(tx, [each for each in known.earnings.values() if id(each) not in added])
    await reversals.save_restored(tx, known.earnings.values())
    await payouts.save_losses(tx, known.payout_losses)
    if known.repeated:
        anonymous = [known.repeated[key] for key in sorted(known.repeated)]
        await tx.execute(_COMPLETE, {**_pairs(known.repeated), "anonymous": anonymous})
    await reversals.save(tx, known.reversals)


async def save(tx: Transaction, earnings: Sequence[Earning]) -> None:
    """Write what of known earnings is reversed and lost."""
    if earnings:
        await tx.execute(_SAVE, arrays(earnings, *_KEY, *_SAVED))


async def losses_of(tx: Transaction, creators: Sequence[str]) -> list[Earning]:
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
    "SELECT lot, flagged_at, until FROM fraud_warnings WHERE lot = ANY(CAST(:lots AS uuid[]))"
)
_KEY = ("creator", "gift", "slice")
_SAVED = ("reversed_diamonds", "lost_diamonds")
_SAVE_CREATORS = insert_rows(
    tables.Creator,
    *("creator", *Creator.__slots__),
    then="""ON CONFLICT (creator) DO UPDATE
    SET first_earned_at = excluded.first_earned_at,
        lifetime_diamonds = excluded.lifetime_diamonds""",
)
_ADD = insert_rows(tables.Earning, *_FIELDS)
_SAVE = update_rows(tables.Earning, _KEY, _SAVED)
_COMPLETE = text("""
    UPDATE earnings SET anonymous = new.anonymous
    FROM unnest(
        CAST(:creators AS text[]), CAST(:gifts AS uuid[]), CAST(:anonymous AS boolean[])
    ) AS new (creator, gift, anonymous)
    WHERE earnings.creator = new.creator AND earnings.gift = new.gift
      AND earnings.anonymous IS NULL
""")
_LOST = text(f"""
    SELECT {_COLUMNS} FROM earnings {RESTORED_JOIN}
    WHERE earnings.creator = ANY(CAST(:creators AS text[])) AND earnings.lost_diamonds > 0
    ORDER BY earnings.creator, earnings.decision, earnings.slice
""")  # noqa: S608 - our own text only
