"""How many coins of a gift stand reversed, and what of its diamonds came back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import text

from services.payout.domain.earnings import Earning, Restored
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import array_literal

# Whose gift, and which lot had paid.
Key: TypeAlias = tuple[str, UUID, UUID]
SliceKey: TypeAlias = tuple[str, UUID, int]


@dataclass(slots=True)
class Reversal:
    """
    What was heard of one lot of one gift.

    `most_coins` is the most that any revision said, `newest_at` when the newest said it, and
    `restored_at` the last time at which coins came back: all are the same in whatever order the
    revisions were heard. `known_revisions` is None of rows from before it was kept: of these only
    a newer revision, or one that says more than any before, is new.
    """

    revision: int = 0
    reversed_coins: int = 0
    most_coins: int = 0
    newest_at: datetime | None = None
    restored_at: datetime | None = None
    known_revisions: list[int] | None = field(default_factory=list)

    def hear(self, revision: int, reversed_coins: int) -> bool:
        """Note a revision; return whether it is the first time."""
        if self.known_revisions is None:
            return revision > self.revision or reversed_coins > self.most_coins
        is_first = revision != self.revision and revision not in self.known_revisions
        if is_first:
            self.known_revisions.append(revision)
        return is_first


Reversals: TypeAlias = dict[Key, Reversal]


async def known(tx: Transaction, gifts: Collection[tuple[str, UUID]]) -> Reversals:
    """Return what was heard of these gifts; their creators' accounts are locked."""
    ordered = sorted(gifts)
    rows = await tx.execute(
        _KNOWN,
        {"creators": [creator for creator, _ in ordered], "gifts": [gift for _, gift in ordered]},
    )
    return {
        (row.creator, row.gift, row.lot): Reversal(
            row.revision,
            row.reversed_coins,
            row.most_coins,
            row.newest_at,
            row.restored_at,
            row.known_revisions,
        )
        for row in rows
    }


async def save(tx: Transaction, reversals: Mapping[Key, Reversal]) -> None:
    if reversals:
        found = list(reversals.values())
        await tx.execute(
            _SAVE,
            {
                "creators": [creator for creator, _, _ in reversals],
                "gifts": [gift for _, gift, _ in reversals],
                "lots": [lot for _, _, lot in reversals],
                "revisions": [each.revision for each in found],
                "coins": [each.reversed_coins for each in found],
                "most": [each.most_coins for each in found],
                "newest": [each.newest_at for each in found],
                "restored": [each.restored_at for each in found],
                "heard": [array_literal(each.known_revisions) for each in found],
            },
        )


async def save_restored(tx: Transaction, earnings: Sequence[Earning]) -> None:
    """Write what came back of earnings, and what of it is still pending."""
    came_back = [each for each in earnings if each.restored.matures_at is not None]
    if came_back:
        await tx.execute(
            _SAVE_RESTORED,
            {
                "creators": [each.creator for each in came_back],
                "gifts": [each.gift for each in came_back],
                "slices": [each.slice for each in came_back],
                "diamonds": [each.restored.diamonds for each in came_back],
                "pending": [each.restored.pending for each in came_back],
                "matures": [each.restored.matures_at for each in came_back],
            },
        )


def restored_in(row: Row) -> Restored:
    """Read what came back from a row that was joined with `restorations`."""
    if row.restored_matures_at is None:
        return Restored()
    return Restored(row.restored_diamonds, row.restored_pending, row.restored_matures_at)


# To be joined with earnings, and selected beside their columns.
RESTORED_COLUMNS = """
    restorations.diamonds AS restored_diamonds, restorations.pending AS restored_pending,
    restorations.matures_at AS restored_matures_at
"""
RESTORED_JOIN = """
    LEFT JOIN restorations ON restorations.creator = earnings.creator
        AND restorations.gift = earnings.gift AND restorations.slice = earnings.slice
"""
_KNOWN = text("""
    SELECT creator, gift, lot, revision, reversed_coins,
           greatest(most_coins, reversed_coins) AS most_coins, newest_at, restored_at,
           known_revisions
    FROM reversals
    JOIN unnest(CAST(:creators AS text[]), CAST(:gifts AS uuid[])) AS asked (creator, gift)
        USING (creator, gift)
""")
_SAVE = text("""
    INSERT INTO reversals (
        creator, gift, lot, revision, reversed_coins, most_coins, newest_at, restored_at,
        known_revisions
    )
    SELECT creator, gift, lot, revision, coins, most, newest, restored, heard::bigint[] FROM unnest(
        CAST(:creators AS text[]), CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]),
        CAST(:revisions AS bigint[]), CAST(:coins AS bigint[]), CAST(:most AS bigint[]),
        CAST(:newest AS timestamptz[]), CAST(:restored AS timestamptz[]), CAST(:heard AS text[])
    ) AS new (creator, gift, lot, revision, coins, most, newest, restored, heard)
    ON CONFLICT (creator, gift, lot) DO UPDATE
    SET revision = excluded.revision, reversed_coins = excluded.reversed_coins,
        most_coins = excluded.most_coins, newest_at = excluded.newest_at,
        restored_at = excluded.restored_at, known_revisions = excluded.known_revisions
""")
_SAVE_RESTORED = text("""
    INSERT INTO restorations (creator, gift, slice, diamonds, pending, matures_at)
    SELECT * FROM unnest(
        CAST(:creators AS text[]), CAST(:gifts AS uuid[]), CAST(:slices AS smallint[]),
        CAST(:diamonds AS bigint[]), CAST(:pending AS bigint[]), CAST(:matures AS timestamptz[])
    )
    ON CONFLICT (creator, gift, slice) DO UPDATE
    SET diamonds = excluded.diamonds, pending = excluded.pending, matures_at = excluded.matures_at
""")
