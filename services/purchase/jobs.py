"""What the purchase service does unasked: it asks the provider about what is open, and refunds."""

import asyncio
from datetime import timedelta

import structlog

from services.purchase.commands.inquiries import (
    ASKED_MAX,
    CLAIMED_MAX,
    Inquiry,
    ask,
    claim_inquiries,
    settle_if_newest,
)
from services.purchase.commands.proving import INVARIANTS
from services.purchase.commands.refund_attempts import (
    KEY_WINDOW,
    Attempt,
    ask_provider,
    claim_refunds,
    settle_refund,
)
from services.purchase.providers import Provider
from shared.backoffice.ledger_jobs import verify_job
from shared.postgres.database import Database
from shared.runtime.service import Job

log = structlog.get_logger()

EVERY_SECONDS = 1.0
REFUND_EVERY_SECONDS = 0.5
# How many questions a provider gets from us at once.
ASKED_AT_ONCE_MAX = 10


def build(database: Database, provider: Provider, *, window: timedelta = KEY_WINDOW) -> list[Job]:
    async def inquire() -> bool:
        return await follow_up(database, provider)

    async def refund() -> bool:
        return await give_back(database, provider, window=window)

    return [
        Job("purchase.inquiries", EVERY_SECONDS, inquire),
        Job("purchase.refunds", REFUND_EVERY_SECONDS, refund),
        verify_job(database, INVARIANTS),
    ]


async def give_back(
    database: Database, provider: Provider, *, window: timedelta = KEY_WINDOW
) -> bool:
    """Ask the provider for every refund that is due; return whether there may be more."""
    async with database.transaction() as tx:
        attempts, is_more = await claim_refunds(tx, window=window)
    turns = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

    async def take_turn(attempt: Attempt) -> None:
        async with turns:
            told = await ask_provider(provider, attempt)
            async with database.transaction() as tx:
                await settle_refund(tx, attempt, told)

    outcomes = await asyncio.gather(*map(take_turn, attempts), return_exceptions=True)
    for attempt, outcome in zip(attempts, outcomes, strict=True):
        # One that fails must not keep the others: it comes back at its next turn.
        if isinstance(outcome, BaseException):
            log.error("refund.failed", refund=str(attempt.refund.id), error=repr(outcome)[:200])
    return is_more


async def follow_up(database: Database, provider: Provider) -> bool:
    """Ask about everything that is due; return whether there may be more."""
    async with database.transaction() as tx:
        inquiries = await claim_inquiries(tx)
    turns = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

    async def inquire(inquiry: Inquiry) -> None:
        async with turns:
            for _ in range(ASKED_MAX):
                truth = await ask(provider, inquiry)
                if truth is None:
                    return
                async with database.transaction() as tx:
                    _, used = await settle_if_newest(tx, inquiry, truth)
                if used:
                    return

    outcomes = await asyncio.gather(*map(inquire, inquiries), return_exceptions=True)
    for inquiry, outcome in zip(inquiries, outcomes, strict=True):
        # One that fails must not keep the others: it comes back at its next turn.
        if isinstance(outcome, BaseException):
            log.error(
                "inquiry.failed", purchase=str(inquiry.purchase.id), error=repr(outcome)[:200]
            )
    return len(inquiries) >= CLAIMED_MAX
