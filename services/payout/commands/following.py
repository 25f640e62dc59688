"""Following the money: attempts are submitted, asked about, and settled by what is true."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from services.payout.commands.facts import about
from services.payout.commands.losses import settle_losses
from services.payout.domain import earnings as ledger
from services.payout.domain import payouts as domain
from services.payout.domain.payouts import OPEN_STATES, Payout, State, Truth
from services.payout.domain.rates import DIAMONDS, Rules
from services.payout.providers import (
    Notification,
    Provider,
    ProviderSilent,
    Transfer,
    TransferRefused,
)
from services.payout.store import payouts
from services.payout.store.payouts import Attempt
from shared.contracts.envelope import Cause
from shared.contracts.payout import (
    AttemptEvent,
    PayoutFailed,
    PayoutPaid,
    PayoutReturned,
    PayoutSent,
)
from shared.database import Database, Transaction
from shared.ledger.book import open_book
from shared.messaging.chronicle import announce
from shared.messaging.outbox import Fact

log = structlog.get_logger()

BATCH_MAX = 50
CONCURRENT_MAX = 10
STEP_CAUSE = "payout:{}:{}"
SETTLE_CAUSE = "settle:{}:{}"
FINAL = (Truth.PAID, Truth.FAILED, Truth.RETURNED)


async def open_attempts(tx: Transaction) -> bool:
    """Open an attempt for each approved payout; return whether there may be more."""
    return await payouts.open_attempts(tx, BATCH_MAX) == BATCH_MAX


async def follow_attempts(database: Database, provider: Provider, rules: Rules) -> bool:
    """Look after the attempts that are due; return whether there may be more."""
    async with database.transaction() as tx:
        due = await payouts.claim_due(tx, BATCH_MAX)
    slots = asyncio.Semaphore(CONCURRENT_MAX)

    async def follow(attempt: Attempt) -> None:
        async with slots:
            await _follow(database, provider, attempt, rules)

    await asyncio.gather(*(follow(attempt) for attempt in due))
    return len(due) == BATCH_MAX


async def notified(tx: Transaction, provider: str, notification: Notification) -> None:
    """Keep a webhook and look at its attempt soon; what it says is not taken for true."""
    await payouts.notify(
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
    nothing, the same attempt is submitted again.
    """
    try:
        transfer = await provider.find(attempt.id) if attempt.checks > 1 else None
        if transfer is None:
            transfer = await provider.submit(
                attempt.id,
                amount_minor=attempt.amount_minor,
                currency=attempt.currency,
                destination=attempt.destination,
            )
    except ProviderSilent as error:
        log.warning("attempt.unanswered", attempt=str(attempt.id), error=str(error)[:200])
        return
    except TransferRefused as refused:
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
    async with database.transaction() as tx:
        await _remember(tx, attempt, transfer, provider.name, rules)


async def _remember(
    tx: Transaction, attempt: Attempt, transfer: Transfer, provider: str, rules: Rules
) -> None:
    # The payout is locked before the attempt, by whoever settles it.
    await settle(
        tx, attempt, transfer.status, reason=transfer.reason, provider=provider, rules=rules
    )
    if attempt.transfer is None:
        await payouts.submitted(tx, attempt, transfer.id)


async def settle(
    tx: Transaction,
    attempt: Attempt,
    truth: Truth,
    *,
    reason: str | None,
    provider: str,
    rules: Rules,
) -> None:
    """Take a payout through every state that is still missing, with its movements and facts."""
    possible = [
        cause.format(attempt.payout, state.value)
        for state in State
        for cause in (STEP_CAUSE, SETTLE_CAUSE)
    ]
    book = await open_book(tx, DIAMONDS, [(attempt.creator, cause) for cause in possible])
    payout, correlation_id = await payouts.lock(tx, attempt.creator, attempt.payout)
    steps = domain.steps(payout.state, truth)
    holder = book[attempt.creator]
    facts: list[Fact] = []
    for step in steps:
        payout = replace(payout, state=step, version=payout.version + 1)
        event = _event(payout, attempt, reason=reason or "unknown", provider=provider)
        cause = STEP_CAUSE.format(payout.id, step.value)
        if amounts := domain.amounts_of(step, payout.diamonds):
            # Money leaves the provider's account when it is paid, and comes back to it.
            sign = {State.PAID: 1, State.RETURNED: -1}.get(step, 0)
            ledger.post(
                holder,
                amounts,
                rules,
                kind=step.value,
                cause=cause,
                request_hash=attempt.id.bytes,
                paid_minor=sign * payout.amount_minor,
                fee_minor=sign * payout.fee_minor,
            )
            holder.conclude(event.model_dump_json())
        if step in (State.FAILED, State.RETURNED):
            settled = SETTLE_CAUSE.format(payout.id, step.value)
            await settle_losses(tx, holder, payout.diamonds, rules, cause=settled)
        facts.append(Fact(event, payout.version, Cause(correlation_id)))
    if steps:
        await book.write(tx)
        await payouts.move(tx, payout)
        await payouts.add_steps(tx, payout, steps, reason=_reason_for(steps, reason))
        await announce(tx, facts)
    if truth in FINAL and payout.state not in OPEN_STATES:
        await payouts.close_attempt(tx, attempt)


def _reason_for(steps: Sequence[State], reason: str | None) -> str | None:
    """A reason explains what went wrong; a payment that went well needs none."""
    return reason if steps[-1] in (State.FAILED, State.RETURNED) else None


def _event(payout: Payout, attempt: Attempt, *, reason: str, provider: str) -> AttemptEvent:
    said = {**about(payout), "attempt": attempt.id, "provider": provider}
    if payout.state is State.SENT:
        return PayoutSent(**said)
    if payout.state is State.PAID:
        return PayoutPaid(**said)
    if payout.state is State.FAILED:
        return PayoutFailed(**said, reason=reason)
    assert payout.state is State.RETURNED
    return PayoutReturned(**said, reason=reason)
