"""Attempts to pay: opened, submitted, polled, and applied to their payouts."""

import asyncio
from datetime import timedelta

import structlog
from prometheus_client import Counter

from services.payout.commands.transfers import SEVERAL, apply_status, record_contradiction
from services.payout.domain.payees import DestinationKind
from services.payout.domain.payouts import ProviderStatus
from services.payout.domain.rates import Rules
from services.payout.domain.transfers import WebhookEvent
from services.payout.providers import (
    FoundTransfer,
    NotFunded,
    Provider,
    ProviderRejected,
    Providers,
    ProviderUnavailable,
    Transfer,
)
from services.payout.store import accounts, attempts, contacts, payouts
from services.payout.store.attempts import Attempt
from shared.observability.metrics import CONTRADICTIONS
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

NOT_FUNDED = Counter(
    "ovation_payout_attempts_not_funded",
    "Attempts that a provider refused because our account there is short of money.",
    ["provider"],
)
ADDRESS_MISSING = "payee-address"
CONTRADICTIONS.labels(ADDRESS_MISSING)
ATTEMPTS_MAX = 50
CONCURRENT_MAX = 10


async def open_attempts(tx: Transaction) -> bool:
    """Open an attempt for each approved payout; return whether there may be more."""
    return await attempts.open_for_approved(tx, ATTEMPTS_MAX) == ATTEMPTS_MAX


async def follow_attempts(database: Database, providers: Providers, rules: Rules) -> bool:
    """Submit or poll the attempts that are due; return whether there may be more."""
    async with database.transaction() as tx:
        due = await attempts.claim_due(tx, ATTEMPTS_MAX)
    slots = asyncio.Semaphore(CONCURRENT_MAX)

    async def follow(attempt: Attempt) -> None:
        provider = providers.get(attempt.provider)
        if provider is None:
            log.error("attempt.provider_missing", attempt=str(attempt.id), name=attempt.provider)
            return
        async with slots:
            await _follow(database, provider, attempt, rules)

    await asyncio.gather(*(follow(attempt) for attempt in due))
    return len(due) == ATTEMPTS_MAX


async def store_webhook_event(tx: Transaction, provider: str, event: WebhookEvent) -> None:
    """
    Store a webhook and look soon at what it is about: an attempt, or the account of payees.

    What the webhook says is not relied on.
    """
    is_new = await attempts.add_webhook_event(tx, provider, event)
    if is_new and event.account is not None:
        await accounts.make_due(tx, provider, event.account)


async def _follow(database: Database, provider: Provider, attempt: Attempt, rules: Rules) -> None:
    """
    Find the status of an attempt and apply it; the provider is called outside transactions.

    An attempt with an unknown result never gets a new key: it is polled, and if the provider does
    not know it, submitted again, for as long as the provider remembers its key. One by which
    nothing was done for certain, because our account is short of money, is closed; another follows.
    """
    found: FoundTransfer | None = None
    try:
        if attempt.checks > 1 or not attempt.is_sendable:
            found = await provider.find(attempt.id, transfer=attempt.transfer)
        transfer = found.transfer if found else await _submit(database, provider, attempt)
    except NotFunded:
        log.warning("attempt.not_funded", attempt=str(attempt.id), provider=attempt.provider)
        async with database.transaction() as tx:
            await attempts.close(tx, attempt, is_watched=False)
            tx.after_commit(NOT_FUNDED.labels(attempt.provider).inc)
        return
    except ProviderUnavailable as error:
        log.warning("attempt.unanswered", attempt=str(attempt.id), error=str(error)[:200])
        async with database.transaction() as tx:
            await _mark_unresolved_if_old(tx, provider, attempt)
        return
    except ProviderRejected as refused:
        async with database.transaction() as tx:
            await apply_status(
                tx, attempt, ProviderStatus.FAILED, reason=refused.reason, rules=rules
            )
        return
    if transfer is None:
        return
    async with database.transaction() as tx:
        await _apply_transfer(tx, attempt, transfer, rules)
        if found and found.is_one_of_several:
            payout, _ = await payouts.lock(tx, attempt.creator, attempt.payout)
            await record_contradiction(tx, attempt, payout.state, SEVERAL)


async def _submit(database: Database, provider: Provider, attempt: Attempt) -> Transfer | None:
    """Submit an attempt, if it still may be; None if it may not."""
    async with database.transaction() as tx:
        age = await attempts.begin_to_submit(tx, attempt)
        if age is None:
            await attempts.stop_checking(tx, attempt)
            return None
        if age > timedelta(seconds=provider.idempotency_seconds):
            await _mark_unresolved_if_old(tx, provider, attempt)
            return None
        destination = attempt.destination
        if provider.destination_kind is DestinationKind.EMAIL:
            address = await contacts.address_of(tx, attempt.creator, destination)
            if address is None:
                # Erasing keeps the address of a payout that is under way: somebody else took it.
                log.error("attempt.address_missing", attempt=str(attempt.id))
                tx.after_commit(CONTRADICTIONS.labels(ADDRESS_MISSING).inc)
                return None
            destination = address
    return await provider.submit(
        attempt.id,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        destination=destination,
    )


async def _mark_unresolved_if_old(tx: Transaction, provider: Provider, attempt: Attempt) -> None:
    """Leave an attempt to a person when the provider has forgotten its key."""
    window = timedelta(seconds=provider.idempotency_seconds)
    if await attempts.mark_unresolved(tx, attempt, window):
        log.error(
            "attempt.unresolved",
            creator=attempt.creator,
            payout=str(attempt.payout),
            attempt=str(attempt.id),
        )


async def _apply_transfer(
    tx: Transaction, attempt: Attempt, transfer: Transfer, rules: Rules
) -> None:
    answered = (transfer.amount_minor, transfer.currency)
    ordered = (attempt.amount_minor, attempt.currency)
    is_more = transfer.returned_minor > attempt.amount_minor
    differs = any(value not in (None, sent) for value, sent in zip(answered, ordered, strict=True))
    if is_more or differs:
        log.error("attempt.amount_contradicted", attempt=str(attempt.id), transfer=transfer.id)
        tx.after_commit(CONTRADICTIONS.labels("transfer-amount").inc)
    # Lock order: the payout, then the attempt.
    await apply_status(
        tx,
        attempt,
        transfer.status,
        reason=transfer.reason,
        rules=rules,
        returned_minor=transfer.returned_minor,
    )
    if attempt.transfer is None:
        await attempts.save_transfer(tx, attempt, transfer.id)
