"""The provider's status of an attempt is applied to its payout, with entries and events."""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from prometheus_client import Counter

from services.payout.commands.facts import about
from services.payout.commands.losses import PAID_LATE, recover_losses, review_unsent
from services.payout.commands.valuations import open_books
from services.payout.domain import payouts as domain
from services.payout.domain.payouts import OPEN_STATES, Payout, PayoutLoss, ProviderStatus, State
from services.payout.domain.rates import Rules
from services.payout.domain.transfers import take_step
from services.payout.store import attempts, payouts
from services.payout.store.attempts import Attempt
from shared.contracts.envelope import Cause
from shared.contracts.payout import (
    AttemptEvent,
    PayoutFailed,
    PayoutPaid,
    PayoutReturned,
    PayoutSent,
)
from shared.ledger.book import Book
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

log = structlog.get_logger()

STEP_REFERENCE = "payout:{}:{}"
RECOVERY_REFERENCE = "recovery:{}:{}"
FINAL = (ProviderStatus.PAID, ProviderStatus.FAILED, ProviderStatus.RETURNED)
CONTRADICTIONS = Counter(
    "ovation_payout_contradictions",
    "How often a provider contradicted the state of a payout.",
    ["state", "status"],
)
SEVERAL = "several"
for _state, _status in sorted(domain.CONTRADICTIONS):
    # From zero on, so that the first one is an increase that an alert can see.
    CONTRADICTIONS.labels(_state.value, _status.value)
for _state in State:
    CONTRADICTIONS.labels(_state.value, SEVERAL)


async def apply_status(
    tx: Transaction,
    attempt: Attempt,
    status: ProviderStatus,
    *,
    reason: str | None,
    rules: Rules,
) -> None:
    """Take a payout through every state that is still missing, with its entries and events."""
    possible = [
        reference.format(attempt.payout, state.value)
        for state in State
        for reference in (STEP_REFERENCE, RECOVERY_REFERENCE)
    ]
    book = await open_books(tx, [(attempt.creator, reference) for reference in possible], rules)
    payout, correlation_id = await payouts.lock(tx, attempt.creator, attempt.payout)
    if not await attempts.accept_answer(tx, attempt):
        log.info("attempt.answer_outdated", attempt=str(attempt.id), status=status.value)
        return
    if domain.is_contradiction(payout.state, status):
        await record_contradiction(tx, attempt, payout.state, status.value)
    events: list[AttemptEvent] = []
    reviews: list[Fact] = []
    steps = domain.steps(payout.state, status)
    for step in steps:
        was, payout = payout.state, replace(payout, state=step, version=payout.version + 1)
        event = _event(payout, attempt, reason=reason or "unknown")
        await payouts.save_state(tx, payout)
        if await _move_money(tx, book, payout, was, event, attempt, rules):
            reviews += await review_unsent(tx, [payout.creator], book.recorded_at, reason=PAID_LATE)
        events.append(event)
    if steps:
        await book.write(tx)
        await payouts.add_steps(tx, payout, steps, reason=_reason_for(steps, reason))
        first = payout.version - len(steps) + 1
        facts = [Fact(each, at, Cause(correlation_id)) for at, each in enumerate(events, first)]
        await publish(tx, [*facts, *reviews], archive=True)
    if status in FINAL and payout.state not in OPEN_STATES:
        await attempts.close(tx, attempt)


async def record_contradiction(
    tx: Transaction, attempt: Attempt, state: State, status: str
) -> None:
    """Write down and count, once, that the provider contradicts a state; this alerts a person."""
    if not await attempts.add_contradiction(tx, attempt, state, status):
        return
    log.error(
        "payout.contradicted",
        creator=attempt.creator,
        payout=str(attempt.payout),
        attempt=str(attempt.id),
        state=state.value,
        status=status,
    )
    tx.after_commit(CONTRADICTIONS.labels(state.value, status).inc)


async def _move_money(
    tx: Transaction,
    book: Book,
    payout: Payout,
    was: State,
    event: AttemptEvent,
    attempt: Attempt,
    rules: Rules,
) -> int:
    """
    Post what a step moves; diamonds that come back cover losses first.

    Returns the diamonds that the creator does not have any more.
    """
    step, accounts = payout.state, book[payout.creator]
    if not domain.amounts_of(step, payout.diamonds):
        return 0
    lost_diamonds = take_step(
        accounts,
        payout,
        step,
        was=was,
        rules=rules,
        reference=STEP_REFERENCE.format(payout.id, step.value),
        request_hash=attempt.id.bytes,
    )
    accounts.record_result(event.model_dump_json())
    if lost_diamonds:
        await payouts.save_losses(tx, [PayoutLoss(payout.creator, payout.id, lost_diamonds)])
    if step in (State.FAILED, State.RETURNED):
        recovery = RECOVERY_REFERENCE.format(payout.id, step.value)
        await recover_losses(tx, accounts, payout.diamonds, rules, reference=recovery)
    return lost_diamonds


def _reason_for(steps: Sequence[State], reason: str | None) -> str | None:
    """A reason explains what went wrong; a payment that went well needs none."""
    return reason if steps[-1] in (State.FAILED, State.RETURNED) else None


def _event(payout: Payout, attempt: Attempt, *, reason: str) -> AttemptEvent:
    common = {**about(payout), "attempt": attempt.id, "provider": attempt.provider}
    match payout.state:
        case State.SENT:
            return PayoutSent(**common)
        case State.PAID:
            return PayoutPaid(**common)
        case State.FAILED:
            return PayoutFailed(**common, reason=reason)
    assert payout.state is State.RETURNED
    return PayoutReturned(**common, reason=reason)
