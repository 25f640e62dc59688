"""Which coins of which gifts lost their money, as far as was heard."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import text

from services.gift.domain.gifts import Gift
from shared.postgres.database import Transaction
from shared.postgres.rows import array_literal

# Whose gift, and which lot had paid: what a revision is about.
Key: TypeAlias = tuple[str, UUID, UUID]


@dataclass(slots=True)
class Reversal:
    """
    What the newest revision says of one lot of one gift, and what others heard of it.

    `known_revisions` is None of rows from before it was kept: of these only a newer revision
    is new.
    """

    viewer: str
    gift: UUID
    lot: UUID
    revision: int = 0
    reversed_coins: int = 0
    published_coins: int = 0
    known_revisions: list[int] | None = field(default_factory=list)
    published_revision: int | None = None

    def hear(self, revision: int) -> bool:
        """Note a revision; return whether it is the first time."""
        if self.known_revisions is None:
            return revision > self.revision
        is_first = revision != self.revision and revision not in self.known_revisions
        if is_first:
            self.known_revisions.append(revision)
        return is_first


async def known(tx: Transaction, keys: Collection[Key]) -> dict[Key, Reversal]:
    """Return what was heard before about these; the gifts are locked."""
    viewers, gifts, lots = (list(column) for column in zip(*sorted(keys), strict=True))
    rows = await tx.execute(_KNOWN, {"viewers": viewers, "gifts": gifts, "lots": lots})
    return {(row.viewer, row.gift, row.lot): Reversal(*row) for row in rows}


async def waiting(tx: Transaction, gifts: Sequence[Gift]) -> dict[UUID, list[Reversal]]:
    """Return what was heard about gifts before they were settled."""
    asked = {"viewers": [gift.viewer for gift in gifts], "gifts": [gift.id for gift in gifts]}
    found: dict[UUID, list[Reversal]] = {}
    for row in await tx.execute(_WAITING, asked):
        found.setdefault(row.gift, []).append(Reversal(*row))
    return found


async def save(tx: Transaction, reversals: Sequence[Reversal], gifts: Sequence[Gift]) -> None:
    """Write what stands reversed now, and what the gifts come to by it."""
    if reversals:
        await tx.execute(
            _SAVE,
            {
                "viewers": [each.viewer for each in reversals],
                "gifts": [each.gift for each in reversals],
                "lots": [each.lot for each in reversals],
                "revisions": [each.revision for each in reversals],
                "reversed": [each.reversed_coins for each in reversals],
                "announced": [each.published_coins for each in reversals],
                "heard": [array_literal(each.known_revisions) for each in reversals],
                "last": [each.published_revision for each in reversals],
            },
        )
    if gifts:
        await tx.execute(
            _SAVE_GIFTS,
            {
                "viewers": [gift.viewer for gift in gifts],
                "ids": [gift.id for gift in gifts],
                "reversed": [gift.reversed_coins for gift in gifts],
                "facts": [gift.reversal_facts for gift in gifts],
            },
        )


_COLUMNS = """
    viewer, gift, lot, revision, reversed_coins, published_coins, known_revisions,
    published_revision
"""
_KNOWN = text(f"""
    SELECT {_COLUMNS} FROM reversals
    JOIN unnest(CAST(:viewers AS text[]), CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]))
        AS asked (viewer, gift, lot) USING (viewer, gift, lot)
""")  # noqa: S608 - our own text only
_WAITING = text(f"""
    SELECT {_COLUMNS} FROM reversals
    JOIN unnest(CAST(:viewers AS text[]), CAST(:gifts AS uuid[])) AS asked (viewer, gift)
        USING (viewer, gift)
    WHERE reversed_coins <> published_coins
    ORDER BY viewer, gift, lot
""")  # noqa: S608 - our own text only
_SAVE = text("""
    INSERT INTO reversals (
        viewer, gift, lot, revision, reversed_coins, published_coins, known_revisions,
        published_revision
    )
    SELECT viewer, gift, lot, revision, reversed, announced, heard::bigint[], last FROM unnest(
        CAST(:viewers AS text[]), CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]),
        CAST(:revisions AS bigint[]), CAST(:reversed AS bigint[]), CAST(:announced AS bigint[]),
        CAST(:heard AS text[]), CAST(:last AS bigint[])
    ) AS new (viewer, gift, lot, revision, reversed, announced, heard, last)
    ON CONFLICT (viewer, gift, lot) DO UPDATE
    SET revision = excluded.revision, reversed_coins = excluded.reversed_coins,
        published_coins = excluded.published_coins, known_revisions = excluded.known_revisions,
        published_revision = excluded.published_revision
    WHERE reversals.revision <= excluded.revision
""")
_SAVE_GIFTS = text("""
    UPDATE gifts SET reversed_coins = new.reversed_coins, reversal_facts = new.reversal_facts
    FROM unnest(
        CAST(:viewers AS text[]), CAST(:ids AS uuid[]), CAST(:reversed AS bigint[]),
        CAST(:facts AS integer[])
    ) AS new (viewer, id, reversed_coins, reversal_facts)
    WHERE gifts.viewer = new.viewer AND gifts.id = new.id
""")
