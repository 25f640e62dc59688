"""The periodic work of the purchase service: status polls, refunds, and the check of the books."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog

from services.purchase.commands import refund_attempts
from services.purchase.commands.refund_attempts import KEY_WINDOW, Attempt
from services.purchase.commands.status_polls import (
    CLAIMED_MAX,
    StatusPoll,
    StatusPolls,
    claim_status_polls,
)
from services.purchase.providers import Providers
from services.purchase.store.invariants import INVARIANTS
from services.purchase.store.refunds import REFUND_DUE
from shared.backoffice.ledger_jobs import verify_job
from shared.postgres.database import Database
from shared.runtime.service import Job

log = structlog.get_logger()

POLL_EVERY_SECONDS = 1.0
REFUND_EVERY_SECONDS = 1.0
# How many requests the providers get from a job at once.
AT_ONCE_MAX = 10

Item = TypeVar("Item", StatusPoll, Attempt)


def build(database: Database, providers: Providers, *, window: timedelta = KEY_WINDOW) -> list[Job]:
    polls = StatusPolls(database, providers)

    async def poll() -> bool:
        return await poll_due(polls)

    async def refund() -> bool:
        return await refund_due(database, providers, window=window)

    return [
        Job("purchase.status_polls", POLL_EVERY_SECONDS, poll),
        Job("purchase.refunds", REFUND_EVERY_SECONDS, refund, topic=REFUND_DUE),
        verify_job(database, INVARIANTS),
    ]


async def refund_due(
    database: Database, providers: Providers, *, window: timedelta = KEY_WINDOW
) -> bool:
    """Send or look at every refund that is due; return whether there may be more."""
    async with database.transaction() as tx:
        attempts, is_more = await refund_attempts.claim_refunds(tx, window=window)

    async def run(attempt: Attempt) -> None:
        provider = providers[attempt.purchase.provider]
        result = await refund_attempts.run_attempt(provider, attempt)
        async with database.transaction() as tx:
            await refund_attempts.apply_attempt(tx, attempt, result)

    await _run_each(run, attempts, "refund.failed")
    return is_more


async def poll_due(polls: StatusPolls) -> bool:
    """Poll the status of everything that is due; return whether there may be more."""
    async with polls.database.transaction() as tx:
        due = await claim_status_polls(tx)
    await _run_each(polls.run, due, "status_poll.failed")
    return len(due) >= CLAIMED_MAX


async def _run_each(
    run: Callable[[Item], Awaitable[object]], items: Sequence[Item], failed: str
) -> None:
    """Run for each item, a few at once; one that fails comes back at its next turn."""
    turns = asyncio.Semaphore(AT_ONCE_MAX)

    async def take_turn(item: Item) -> None:
        async with turns:
            await run(item)

    outcomes = await asyncio.gather(*map(take_turn, items), return_exceptions=True)
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            log.error(failed, purchase=str(item.purchase.id), error=repr(outcome)[:200])
