"""Which coins of which gifts lost their money, as far as was heard."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from services.gift import columns as tables
from services.gift.domain.gifts import Gift
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, array_literal, arrays, unnest, update_rows
from shared.postgres.statements import text

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

    def record_revision(self, revision: int) -> bool:
        """Record a revision; return whether it is new."""
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
    return {(row.viewer, row.gift, row.lot): _reversal(row) for row in rows}


async def waiting(tx: Transaction, gifts: Sequence[Gift]) -> dict[UUID, list[Reversal]]:
    """Return the reversals that arrived before the outcomes of these gifts."""
    asked = {"viewers": [gift.viewer for gift in gifts], "gifts": [gift.id for gift in gifts]}
    found: dict[UUID, list[Reversal]] = {}
    for row in await tx.execute(_WAITING, asked):
        found.setdefault(row.gift, []).append(_reversal(row))
    return found


async def save(tx: Transaction, reversals: Sequence[Reversal], gifts: Sequence[Gift]) -> None:
    """Write what stands reversed now, and what the gifts come to by it."""
    if reversals:
        literals = [array_literal(each.known_revisions) for each in reversals]
        values = {**arrays(reversals, *_COLUMNS), "known_revisions": literals}
        await tx.execute(_SAVE, values)
    if gifts:
        values = arrays(gifts, "viewer", "id", "reversed_coins", "reversal_facts")
        await tx.execute(_SAVE_GIFTS, values)


_reversal = RowMapper(Reversal, tables.Reversal)
_COLUMNS = (
    *("viewer", "gift", "lot", "revision", "reversed_coins", "published_coins"),
    "published_revision",
)
_KNOWN = text(f"""
    SELECT {_reversal.columns} FROM reversals
    JOIN unnest(CAST(:viewers AS text[]), CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]))
        AS asked (viewer, gift, lot) USING (viewer, gift, lot)
""")  # noqa: S608 - our own text only
_WAITING = text(f"""
    SELECT {_reversal.columns} FROM reversals
    JOIN unnest(CAST(:viewers AS text[]), CAST(:gifts AS uuid[])) AS asked (viewer, gift)
        USING (viewer, gift)
    WHERE reversed_coins <> published_coins
    ORDER BY viewer, gift, lot
""")  # noqa: S608 - our own text only
_SAVE = text(f"""
    INSERT INTO reversals ({", ".join(_COLUMNS)}, known_revisions)
    SELECT {", ".join(_COLUMNS)}, known_revisions::bigint[]
    FROM {unnest(tables.Reversal, *_COLUMNS, numbered=True)}
    JOIN unnest(CAST(:known_revisions AS text[])) WITH ORDINALITY
        AS known (known_revisions, position) USING (position)
    ON CONFLICT (viewer, gift, lot) DO UPDATE
    SET revision = excluded.revision, reversed_coins = excluded.reversed_coins,
        published_coins = excluded.published_coins, known_revisions = excluded.known_revisions,
        published_revision = excluded.published_revision
    WHERE reversals.revision <= excluded.revision
""")  # noqa: S608 - our own text only
_SAVE_GIFTS = update_rows(tables.Gift, ("viewer", "id"), ("reversed_coins", "reversal_facts"))
