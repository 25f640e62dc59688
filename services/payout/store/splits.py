"""Whom the diamonds of creators' gifts are shared with, from which moment on."""

from collections import defaultdict
from collections.abc import Iterable

from services.payout import columns as tables
from services.payout.domain.splits import Split
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_split = RowMapper(Split, tables.Split)


async def read(tx: Transaction, creators: Iterable[str]) -> dict[str, list[Split]]:
    """
    Return the splits of those creators who ever had one, the oldest first.

    No lock is needed to decide by them: a split begins long after it was written.
    """
    found = defaultdict(list)
    for row in await tx.execute(_READ, {"creators": sorted(set(creators))}):
        found[row.creator].append(_split(row))
    return found


async def add(tx: Transaction, creator: str, split: Split) -> None:
    await tx.execute(
        _ADD,
        {
            "creator": creator,
            "effective_from": split.effective_from,
            "parties": list(split.parties),
            "shares_bp": list(split.shares_bp),
        },
    )


# OFFSET 0 keeps each look-up a look-up by key, however wrong the statistics of a young table are.
_READ = text(f"""
    SELECT asked.creator, {_split.columns}
    FROM unnest(CAST(:creators AS text[])) AS asked (creator)
    CROSS JOIN LATERAL (
        SELECT * FROM splits WHERE splits.creator = asked.creator OFFSET 0
    ) AS splits
    ORDER BY asked.creator, splits.effective_from
""")  # noqa: S608 - our own text only
_ADD = text("""
    INSERT INTO splits (creator, effective_from, parties, shares_bp)
    VALUES (:creator, :effective_from, CAST(:parties AS text[]), CAST(:shares_bp AS integer[]))
""")
