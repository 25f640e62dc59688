"""How many coins of a gift are reversed, and what of its diamonds came back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.earnings import Earning, Restored
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import RowMapper, array_literal, arrays, insert_rows
from shared.postgres.statements import text

# Whose gift, and which lot had paid.
Key: TypeAlias = tuple[str, UUID, UUID]


@dataclass(slots=True)
class Reversal:
    """
    What the received revisions say of one lot of one gift.

    `shared_by` is who received the gift, where this part has a share of it and not the gift.
    `most_coins` is the most that any revision says, `newest_at` the time of the newest, and
    `restored_at` the last time at which coins came back: all are the same for every order of
    arrival. `known_revisions` tells one that arrives late from one that arrives again.
    """

    revision: int = 0
    reversed_coins: int = 0
    most_coins: int = 0
    newest_at: datetime | None = None
    restored_at: datetime | None = None
    known_revisions: list[int] = field(default_factory=list)
    shared_by: str | None = None

    def note(self, revision: int) -> bool:
        """Note a revision; return whether it is the first time."""
        is_first = revision not in self.known_revisions
        if is_first:
            self.known_revisions.append(revision)
        return is_first


Reversals: TypeAlias = dict[Key, Reversal]
_OF_REVERSAL = (
    *("revision", "reversed_coins", "most_coins", "newest_at", "restored_at", "shared_by"),
)
reversal_of = RowMapper(Reversal, tables.Reversal)
COLUMNS = reversal_of.columns


async def save(tx: Transaction, reversals: Mapping[Key, Reversal]) -> None:
    if reversals:
        rows = arrays(reversals.values(), *_OF_REVERSAL)
        creators, gifts, lots = zip(*reversals, strict=True)
        rows |= {"creator": list(creators), "gift": list(gifts), "lot": list(lots)}
        rows["revisions"] = [array_literal(each.known_revisions) for each in reversals.values()]
        await tx.execute(_SAVE, rows)


async def save_restored(tx: Transaction, earnings: Iterable[Earning]) -> None:
    """Write what came back of earnings, and what of it is still pending."""
    came_back = [each for each in earnings if each.restored.matures_at is not None]
    if came_back:
        restored = {name: f"restored.{name}" for name in Restored.__slots__}
        await tx.execute(_SAVE_RESTORED, arrays(came_back, "creator", "gift", "slice", **restored))


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
# Few earnings have one: OFFSET 0 keeps each look-up a look-up by key.
RESTORED_JOIN = """
    LEFT JOIN LATERAL (
        SELECT * FROM restorations
        WHERE restorations.creator = earnings.creator
            AND restorations.gift = earnings.gift AND restorations.slice = earnings.slice
        OFFSET 0
    ) AS restorations ON true
"""
# The array of each row is written as text: `unnest` would flatten an array of arrays.
_SAVE = text("""
    INSERT INTO reversals (
        creator, gift, lot, revision, reversed_coins, most_coins, newest_at, restored_at,
        known_revisions, shared_by
    )
    SELECT creator, gift, lot, revision, reversed_coins, most_coins, newest_at, restored_at,
           revisions::bigint[], shared_by
    FROM unnest(
        CAST(:creator AS text[]), CAST(:gift AS uuid[]), CAST(:lot AS uuid[]),
        CAST(:revision AS bigint[]), CAST(:reversed_coins AS bigint[]),
        CAST(:most_coins AS bigint[]), CAST(:newest_at AS timestamptz[]),
        CAST(:restored_at AS timestamptz[]), CAST(:revisions AS text[]), CAST(:shared_by AS text[])
    ) AS new (
        creator, gift, lot, revision, reversed_coins, most_coins, newest_at, restored_at, revisions,
        shared_by
    )
    ON CONFLICT (creator, gift, lot) DO UPDATE
    SET revision = excluded.revision, reversed_coins = excluded.reversed_coins,
        most_coins = excluded.most_coins, newest_at = excluded.newest_at,
        restored_at = excluded.restored_at, known_revisions = excluded.known_revisions
""")
_SAVE_RESTORED = insert_rows(
    tables.Restoration,
    *("creator", "gift", "slice", *Restored.__slots__),
    then="""ON CONFLICT (creator, gift, slice) DO UPDATE
    SET diamonds = excluded.diamonds, pending = excluded.pending,
        matures_at = excluded.matures_at""",
)
