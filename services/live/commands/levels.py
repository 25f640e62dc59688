"""The level that others see follows from what was given openly."""

import structlog

from services.live.store import levels as store
from shared.postgres.database import Transaction

log = structlog.get_logger()

PAGE = 500


async def correct_open_coins(tx: Transaction, *, after: str, limit: int = PAGE) -> str | None:
    """
    Correct what the gifters of one page gave openly; return where the next page begins.

    An instance of an older version adds gifts, and nothing to this column.
    """
    following, wrong = await store.find_wrong_gifters(tx, after=after, limit=limit)
    if wrong:
        await store.correct_open_coins(tx, wrong)
        tx.after_commit(lambda: log.warning("gifters.corrected", gifters=len(wrong)))
    return following
