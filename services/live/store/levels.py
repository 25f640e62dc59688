"""What viewers gave openly, compared with what their creators were given."""

from collections.abc import Sequence

from shared.postgres.database import Transaction
from shared.postgres.statements import text

_OPEN_COINS = """
    coalesce((SELECT sum(coins) FROM supporters WHERE supporters.viewer = gifters.viewer), 0)
"""


async def find_wrong_gifters(
    tx: Transaction, *, after: str, limit: int
) -> tuple[str | None, list[str]]:
    """
    Return where the next page of gifters begins, and those of this one with wrong open coins.

    Supporters and gifters change in one transaction, so both are of one moment here.
    """
    rows = await tx.execute(_FIND_WRONG, {"after": after, "limit": limit})
    wrong = [row.viewer for row in rows if row.is_wrong]
    return (rows[-1].viewer if len(rows) == limit else None), wrong


_FIND_WRONG = text(f"""
    SELECT viewer, open_coins <> {_OPEN_COINS} AS is_wrong
    FROM gifters WHERE viewer > :after ORDER BY viewer LIMIT :limit
""")


async def correct_open_coins(tx: Transaction, viewers: Sequence[str]) -> None:
    """
    Write what viewers gave openly.

    A batch changes supporters first and needs the gifter's row before it commits. So the rows are
    locked by a statement of their own: the next one sees all that has committed by then.
    """
    await tx.execute(_LOCK, {"viewers": sorted(viewers)})
    await tx.execute(_CORRECT, {"viewers": sorted(viewers)})


_LOCK = text("""
    SELECT viewer FROM gifters WHERE viewer = ANY(CAST(:viewers AS text[]))
    ORDER BY viewer FOR UPDATE
""")
_CORRECT = text(f"""
    UPDATE gifters SET open_coins = {_OPEN_COINS} WHERE viewer = ANY(CAST(:viewers AS text[]))
""")
