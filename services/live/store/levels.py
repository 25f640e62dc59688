"""What viewers gave openly, compared with what their creators were given."""

from collections.abc import Sequence

from sqlalchemy import text

from shared.postgres.database import Transaction


async def page_of_gifters(
    tx: Transaction, *, after: str, limit: int
) -> tuple[str | None, list[str]]:
    """
    Return where the next page of gifters begins, and who of this one has other open coins.

    Supporters and gifters change in one transaction, so both are of one moment here.
    """
    rows = await tx.execute(_PAGE, {"after": after, "limit": limit})
    differing = [row.viewer for row in rows if row.differs]
    return (rows[-1].viewer if len(rows) == limit else None), differing


async def correct_open_coins(tx: Transaction, viewers: Sequence[str]) -> None:
    """
    Write what viewers gave openly.

    A batch changes supporters first and needs the gifter's row before it commits. So the rows are
    locked by a statement of their own: the next one sees all that has committed by then.
    """
    await tx.execute(_LOCK, {"viewers": sorted(viewers)})
    await tx.execute(_CORRECT, {"viewers": sorted(viewers)})


_OPENLY = """
    coalesce((SELECT sum(coins) FROM supporters WHERE supporters.viewer = gifters.viewer), 0)
"""
_PAGE = text(f"""
    SELECT viewer, open_coins <> {_OPENLY} AS differs
    FROM gifters WHERE viewer > :after ORDER BY viewer LIMIT :limit
""")  # noqa: S608 - our own text only
_LOCK = text("""
    SELECT viewer FROM gifters WHERE viewer = ANY(CAST(:viewers AS text[]))
    ORDER BY viewer FOR UPDATE
""")
_CORRECT = text(f"""
    UPDATE gifters SET open_coins = {_OPENLY} WHERE viewer = ANY(CAST(:viewers AS text[]))
""")  # noqa: S608 - our own text only
