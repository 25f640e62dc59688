"""The level that others see follows from what was given openly."""

import structlog

from services.live.store import levels as store
from shared.postgres.database import Transaction

log = structlog.get_logger()

PAGE = 500


async def correct_open_coins(tx: Transaction, *, after: str, limit: int = PAGE) -> str | None:
    """
    Correct what the gifters of one page gave openly; return where the next page begins.

    A version that does not know the column adds gifts and nothing to it.
    """
    following, differing = await store.page_of_gifters(tx, after=after, limit=limit)
    if differing:
        await store.correct_open_coins(tx, differing)
        tx.after_commit(lambda: log.warning("gifters.corrected", gifters=len(differing)))
    return following
