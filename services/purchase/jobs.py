"""What the purchase service does unasked: it asks the provider about what is open, and refunds."""

import asyncio

import structlog

from services.purchase.commands.inquiries import (
    CLAIMED_MAX,
    Inquiry,
    ask,
    claim_inquiries,
    settle,
)
from services.purchase.commands.refunds import CLAIMED_MAX as REFUNDS_MAX
from services.purchase.commands.refunds import ask_provider, claim_refunds, settle_refund
from services.purchase.providers import Provider
from shared.database import Database
from shared.runtime import Job

log = structlog.get_logger()

EVERY_SECONDS = 1.0
REFUND_EVERY_SECONDS = 0.5
# How many questions a provider gets from us at once.
ASKED_AT_ONCE_MAX = 10


def build(database: Database, provider: Provider) -> list[Job]:
    async def inquire() -> bool:
        return await follow_up(database, provider)

    async def refund() -> bool:
        return await give_back(database, provider)

    return [
        Job("purchase.inquiries", EVERY_SECONDS, inquire),
        Job("purchase.refunds", REFUND_EVERY_SECONDS, refund),
    ]


async def give_back(database: Database, provider: Provider) -> bool:
    """Ask the provider for every refund that is due; return whether there may be more."""
    async with database.transaction() as tx:
        due = await claim_refunds(tx)
    for refund in due:
        answer = await ask_provider(provider, refund)
        if answer is not None:
            async with database.transaction() as tx:
                await settle_refund(tx, refund, answer)
    return len(due) == REFUNDS_MAX


async def follow_up(database: Database, provider: Provider) -> bool:
    """Ask about everything that is due; return whether there may be more."""
    async with database.transaction() as tx:
        inquiries = await claim_inquiries(tx)
    turns = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

    async def inquire(inquiry: Inquiry) -> None:
        async with turns:
            truth = await ask(provider, inquiry)
            if truth is None:
                return
            async with database.transaction() as tx:
                await settle(tx, inquiry, truth)

    outcomes = await asyncio.gather(*map(inquire, inquiries), return_exceptions=True)
    for inquiry, outcome in zip(inquiries, outcomes, strict=True):
        # One that fails must not keep the others: it comes back at its next turn.
        if isinstance(outcome, BaseException):
            log.error(
                "inquiry.failed", purchase=str(inquiry.purchase.id), error=repr(outcome)[:200]
            )
    return len(inquiries) >= CLAIMED_MAX
