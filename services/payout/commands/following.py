"""Following the money: attempts are submitted, asked about, and settled by what is true."""

import asyncio
from datetime import timedelta

import structlog

from services.payout.commands.transfers import SEVERAL, contradicted, settle
from services.payout.domain.payouts import Truth
from services.payout.domain.rates import Rules
from services.payout.providers import Found, Notification, Provider, Transfer
from services.payout.store import attempts, payouts
from services.payout.store.attempts import Attempt
from shared.http.provider_client import ProviderRejected, ProviderUnavailable
from shared.observability.metrics import CONTRADICTIONS
from shared.postgres.database import Database, Transaction

__all__ = ["follow_attempts", "notified", "open_attempts", "settle"]

log = structlog.get_logger()

BATCH_MAX = 50
CONCURRENT_MAX = 10


async def open_attempts(tx: Transaction) -> bool:
    """Open an attempt for each approved payout; return whether there may be more."""
    return await attempts.open_for_approved(tx, BATCH_MAX) == BATCH_MAX


async def follow_attempts(database: Database, provider: Provider, rules: Rules) -> bool:
    """Look after the attempts that are due; return whether there may be more."""
    async with database.transaction() as tx:
        due = await attempts.claim_due(tx, BATCH_MAX)
    slots = asyncio.Semaphore(CONCURRENT_MAX)

    async def follow(attempt: Attempt) -> None:
        async with slots:
            await _follow(database, provider, attempt, rules)

    await asyncio.gather(*(follow(attempt) for attempt in due))
    return len(due) == BATCH_MAX


async def notified(tx: Transaction, provider: str, notification: Notification) -> None:
    """Keep a webhook and look at its attempt soon; what it says is not taken for true."""
    await attempts.notify(
        tx,
        provider=provider,
        webhook_id=notification.webhook_id,
        kind=notification.kind,
        attempt=notification.attempt,
        payload_hash=notification.payload_hash,
    )


async def _follow(database: Database, provider: Provider, attempt: Attempt, rules: Rules) -> None:
    """
    Find out how an attempt stands and settle it; the provider is called outside transactions.

    An unknown result is never tried again under a new key: we ask, and if the provider knows
    nothing, the same attempt is submitted again, for as long as the provider remembers its key.
    """
    found: Found | None = None
    try:
        if attempt.checks > 1 or not attempt.is_sendable:
            found = await provider.find(attempt.id)
        transfer = found.transfer if found else await _submit(database, provider, attempt)
    except ProviderUnavailable as error:
        log.warning("attempt.unanswered", attempt=str(attempt.id), error=str(error)[:200])
        async with database.transaction() as tx:
            await _leave_if_old(tx, provider, attempt)
        return
    except ProviderRejected as refused:
        async with database.transaction() as tx:
            await settle(
                tx,
                attempt,
                Truth.FAILED,
                reason=refused.reason,
                provider=provider.name,
                rules=rules,
            )
        return
    if transfer is None:
        return
    async with database.transaction() as tx:
        await _remember(tx, attempt, transfer, provider.name, rules)
        if found and found.is_one_of_several:
            payout, _ = await payouts.lock(tx, attempt.creator, attempt.payout)
            await contradicted(tx, attempt, payout.state, SEVERAL)


async def _submit(database: Database, provider: Provider, attempt: Attempt) -> Transfer | None:
    """Submit an attempt, if it still may be; None if it may not."""
    async with database.transaction() as tx:
        age = await attempts.begin_to_submit(tx, attempt)
        if age is None:
            await attempts.rest(tx, attempt)
            return None
        if age > timedelta(seconds=provider.idempotency_seconds):
            await _leave_if_old(tx, provider, attempt)
            return None
    return await provider.submit(
        attempt.id,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        destination=attempt.destination,
    )


async def _leave_if_old(tx: Transaction, provider: Provider, attempt: Attempt) -> None:
    """Leave an attempt to a person whose key the provider has forgotten by now."""
    window = timedelta(seconds=provider.idempotency_seconds)
    if await attempts.leave_to_a_person(tx, attempt, window):
        log.error(
            "attempt.unresolved",
            creator=attempt.creator,
            payout=str(attempt.payout),
            attempt=str(attempt.id),
        )


async def _remember(
    tx: Transaction, attempt: Attempt, transfer: Transfer, provider: str, rules: Rules
) -> None:
    told = (transfer.amount_minor, transfer.currency)
    asked = (attempt.amount_minor, attempt.currency)
    if any(said not in (None, wanted) for said, wanted in zip(told, asked, strict=True)):
        log.error("attempt.amount_contradicted", attempt=str(attempt.id), transfer=transfer.id)
        tx.after_commit(CONTRADICTIONS.labels("transfer-amount").inc)
    # The payout is locked before the attempt, by whoever settles it.
    await settle(
        tx, attempt, transfer.status, reason=transfer.reason, provider=provider, rules=rules
    )
    if attempt.transfer is None:
        await attempts.submitted(tx, attempt, transfer.id)
