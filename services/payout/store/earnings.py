"""What gifts brought, slice by slice, and what is known about their money."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.earnings import Earning, Lost
from services.payout.domain.payouts import PayoutLoss
from services.payout.store import creators, payouts, reversals
from services.payout.store.creators import Creator
from services.payout.store.reversals import RESTORED_COLUMNS, RESTORED_JOIN, Key, Reversals
from shared.postgres.copying import array, line
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import arrays, update_rows
from shared.postgres.statements import text


@dataclass(slots=True)
class KnownEarnings:
    """What is known of a batch's creators and gifts, and what the batch adds to it."""

    creators: dict[str, Creator] = field(default_factory=dict)
    earnings: dict[Key, Earning] = field(default_factory=dict)
    reversals: Reversals = field(default_factory=dict)
    # By lot: until when diamonds wait because of its fraud warning.
    warnings: dict[UUID, datetime] = field(default_factory=dict)
    added: list[Earning] = field(default_factory=list)
    payout_losses: list[PayoutLoss] = field(default_factory=list)

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
            known = self.creators[earning.creator]
            known.first_earned_at = min(known.first_earned_at or earned_at, earned_at)
            known.lifetime_diamonds += earning.diamonds
        self.added += earnings


async def load(
    tx: Transaction,
    known: dict[str, Creator],
    slices: Counter[Key],
    new_diamonds: Mapping[Key, int],
    *,
    has_reversals: bool,
    may_restore: bool,
) -> KnownEarnings:
    """
    Read what a batch needs to know of these slices; the creators' accounts are locked.

    `slices` counts the events about each slice; `new_diamonds` are those of the slices that the
    batch itself brings.

    Earnings matter to reversals alone, be they in the batch or known before. Losses matter only
    where diamonds may come back (`may_restore`, or a reversal was known before), and as many as
    can come back: a creator can have a hundred thousand of them, after one chargeback.
    """
    found = KnownEarnings(known)
    for row in await tx.execute(_KNOWN_OF_SLICES, _slices(slices)):
        if row.until is not None:
            found.warnings[row.lot] = row.until
        if row.revision is not None:
            found.reversals[_key(row)] = reversals.reversal_of(row)
    if has_reversals or found.reversals:
        for row in await tx.execute(_EARNINGS, _slices(slices)):
            found.earnings[_key(row)] = _earning(row)
    if may_restore or found.reversals:
        diamonds = {key: earning.diamonds for key, earning in found.earnings.items()}
        diamonds.update(new_diamonds)
        back_max = sum(count * diamonds.get(key, 0) for key, count in slices.items())
        for each in await losses_of(tx, list(known), diamonds_max=back_max):
            found.earnings.setdefault((each.creator, each.gift, each.lot), each)
        found.payout_losses = await payouts.losses_of(tx, list(known))
    return found


async def write(tx: Transaction, known: KnownEarnings) -> None:
    """Write what a batch added and changed."""
    if known.added:
        await tx.copy("earnings", _FIELDS, map(_line, known.added))
    added = {id(earning) for earning in known.added}
    await save(tx, [each for each in known.earnings.values() if id(each) not in added])
    await reversals.save_restored(tx, known.earnings.values())
    await payouts.save_losses(tx, known.payout_losses)
    await reversals.save(tx, known.reversals)
    await creators.save(tx, known.creators)


async def save(tx: Transaction, earnings: Sequence[Earning]) -> None:
    """Write what of known earnings is reversed and lost."""
    if earnings:
        await tx.execute(_SAVE, arrays(earnings, *_KEY, *_SAVED))


async def losses_of(
    tx: Transaction, creators: Sequence[str], *, diamonds_max: int
) -> list[Earning]:
    """
    Return earnings of creators whose loss the operator bore, oldest first.

    Of each creator as many as so many diamonds can make up for.
    """
    asked = {"creators": list(creators), "diamonds_max": diamonds_max}
    return [_earning(row) for row in await tx.execute(_LOST, asked)]


async def viewers_of(tx: Transaction, creator: str, gifts: Collection[UUID]) -> dict[UUID, str]:
    """Return who gave gifts to a creator, also anonymously: it is for operators."""
    rows = await tx.execute(_VIEWERS, {"creator": creator, "gifts": list(gifts)})
    return {row.gift: row.viewer for row in rows}


_VIEWERS = text("""
    SELECT DISTINCT gift, viewer FROM earnings
    WHERE creator = :creator AND gift = ANY(CAST(:gifts AS uuid[]))
""")


def _slices(slices: Collection[Key]) -> dict[str, list[object]]:
    ordered = sorted(slices)
    return {
        "creators": [creator for creator, _, _ in ordered],
        "gifts": [gift for _, gift, _ in ordered],
        "lots": [lot for _, _, lot in ordered],
    }


def _line(earning: Earning) -> str:
    values = _values(earning)
    if earning.shares_bp is not None:
        values = (*values[:-1], array(earning.shares_bp))
    return line(values)


def _key(row: Row) -> Key:
    return row.creator, row.gift, row.lot


def _earning(row: Row) -> Earning:
    known = {name: row[name] for name in _FIELDS}
    return Earning(**known, restored=reversals.restored_in(row))


_FIELDS = tuple(each.name for each in fields(Earning) if each.name != "restored")
_values = attrgetter(*_FIELDS)
assert _FIELDS[-1] == "shares_bp"
_COLUMNS = ", ".join([*(f"earnings.{name}" for name in _FIELDS), RESTORED_COLUMNS])
_ASKED = """
    unnest(CAST(:creators AS text[]), CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]))
        AS asked (creator, gift, lot)
"""
# Most slices have neither a warning nor a reversal, so few rows come back or none. OFFSET 0 keeps
# each look-up a look-up by key, however wrong the statistics of a young table are.
_KNOWN_OF_SLICES = text(f"""
    SELECT asked.*, warning.until, {reversals.COLUMNS}
    FROM {_ASKED}
    LEFT JOIN LATERAL (
        SELECT until FROM fraud_warnings WHERE fraud_warnings.lot = asked.lot OFFSET 0
    ) AS warning ON true
    LEFT JOIN LATERAL (
        SELECT * FROM reversals
        WHERE reversals.creator = asked.creator AND reversals.gift = asked.gift
          AND reversals.lot = asked.lot
        OFFSET 0
    ) AS reversals ON true
    WHERE until IS NOT NULL OR revision IS NOT NULL
""")  # noqa: S608 - our own text only
_EARNINGS = text(f"""
    SELECT {_COLUMNS} FROM {_ASKED}
    JOIN earnings ON asked.creator = earnings.creator AND asked.gift = earnings.gift
        AND asked.lot = earnings.lot
    {RESTORED_JOIN}
""")  # noqa: S608 - our own text only
_KEY = ("creator", "gift", "slice")
_SAVED = ("reversed_diamonds", "lost_diamonds")
_SAVE = update_rows(tables.Earning, _KEY, _SAVED)
_LOST = text(f"""
    SELECT {_COLUMNS} FROM (
        SELECT *, sum(lost_diamonds) OVER (
            PARTITION BY creator ORDER BY decision, slice
        ) - lost_diamonds AS older_diamonds
        FROM earnings
        WHERE creator = ANY(CAST(:creators AS text[])) AND lost_diamonds > 0
    ) AS earnings {RESTORED_JOIN}
    WHERE older_diamonds < CAST(:diamonds_max AS bigint)
    ORDER BY earnings.creator, earnings.decision, earnings.slice
""")  # noqa: S608 - our own text only
