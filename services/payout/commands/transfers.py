"""The provider's status of an attempt is applied to its payout, with entries and events."""

from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from prometheus_client import Counter

from services.payout.commands.facts import about
from services.payout.commands.losses import recover_losses, review_unsent
from services.payout.commands.valuations import open_books
from services.payout.domain import payouts as domain
from services.payout.domain.payouts import OPEN_STATES, Payout, PayoutLoss, ProviderStatus, State
from services.payout.domain.rates import Rules
from services.payout.domain.reviews import PAID_LATE
from services.payout.domain.transfers import return_part, take_step
from services.payout.store import attempts, payouts
from services.payout.store.attempts import Attempt
from shared.contracts.envelope import Cause
from shared.contracts.payout import (
    AttemptEvent,
    PayoutFailed,
    PayoutPaid,
    PayoutPartlyReturned,
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
# Of a part that came back: how much had, in all, then.
PART = "returned:{}"
FINAL = (ProviderStatus.PAID, ProviderStatus.FAILED, ProviderStatus.RETURNED)
CONTRADICTIONS = Counter(
    "ovation_payout_contradictions",
    "How often a provider contradicted the state of a payout.",
    ["state", "status"],
)
SEVERAL = "several"
# Less has come back than had before.
RETURNED_LESS = "returned-less"
for _state, _status in sorted(domain.CONTRADICTIONS):
    # From zero on, so that the first one is an increase that an alert can see.
    CONTRADICTIONS.labels(_state.value, _status.value)
for _state in State:
    CONTRADICTIONS.labels(_state.value, SEVERAL)
CONTRADICTIONS.labels(State.PAID.value, RETURNED_LESS)


async def apply_status(
    tx: Transaction,
    attempt: Attempt,
    status: ProviderStatus,
    *,
    reason: str | None,
    rules: Rules,
    returned_minor: int = 0,
) -> None:
    """
    Take a payout through every state that is still missing, with its entries and events.

    `returned_minor` is how much of a paid one came back, in all. The result depends on the largest
    amount that was ever said, and not on the parts in which it came.
    """
    if status is ProviderStatus.PAID and returned_minor >= attempt.amount_minor:
        status = ProviderStatus.RETURNED
    possible = [
        reference.format(attempt.payout, step)
        for step in (*(state.value for state in State), PART.format(returned_minor))
        for reference in (STEP_REFERENCE, RECOVERY_REFERENCE)
    ]
    book = await open_books(tx, [(attempt.creator, reference) for reference in possible], rules)
    payout, correlation_id = await payouts.lock(tx, attempt.creator, attempt.payout)
    if not await attempts.accept_answer(tx, attempt):
        log.info("attempt.answer_outdated", attempt=str(attempt.id), status=status.value)
        return
    if domain.is_contradiction(payout.state, status):
        await record_contradiction(tx, attempt, payout.state, status.value)
    change = Change(payout, attempt, reason)
    for step in domain.steps(payout.state, status):
        before, event = change.payout, change.take(step)
        if await _move_money(tx, book, before, step, event, attempt, rules):
            change.reviews += await review_unsent(
                tx, [attempt.creator], book.recorded_at, reason=PAID_LATE, rules=rules
            )
    if change.payout.state is State.PAID and status is ProviderStatus.PAID:
        await _return_part(tx, book, change, returned_minor, rules)
    if change.payout.state is State.SENT and not change.steps:
        await _explain_wait(tx, change)
    if change.steps:
        await book.write(tx)
        await _save(tx, change, Cause(correlation_id))
    if status in FINAL and change.payout.state not in OPEN_STATES:
        await attempts.close(tx, attempt, is_watched=change.payout.state is State.PAID)


@dataclass(slots=True)
class Change:
    """What becomes of a payout by one answer: the steps it takes, and what others are told."""

    payout: Payout
    attempt: Attempt
    reason: str | None
    steps: list[State] = field(default_factory=list)
    events: list[AttemptEvent] = field(default_factory=list)
    reviews: list[Fact] = field(default_factory=list)

    @property
    def shown_reason(self) -> str | None:
        """A reason explains what went wrong, or what lasts; money that arrived needs none."""
        has_arrived = isinstance(self.events[-1] if self.events else None, PayoutPaid)
        return None if has_arrived else self.reason

    def take(self, step: State) -> AttemptEvent:
        """Take a step to another state, and return the event of it."""
        self.advance(step)
        event = _event(self.payout, self.attempt, reason=self.reason or "unknown")
        self.events.append(event)
        return event

    def advance(self, step: State, *, returned_minor: int | None = None) -> None:
        """Take a step, also one that leaves the payout in its state."""
        if step is State.RETURNED:
            returned_minor = self.payout.amount_minor
        self.payout = replace(
            self.payout,
            state=step,
            version=self.payout.version + 1,
            returned_minor=self.payout.returned_minor if returned_minor is None else returned_minor,
        )
        self.steps.append(step)

    def facts(self, cause: Cause) -> list[Fact]:
        first = self.payout.version - len(self.steps) + 1
        return [Fact(each, at, cause) for at, each in enumerate(self.events, first)]


async def _return_part(
    tx: Transaction, book: Book, change: Change, returned_minor: int, rules: Rules
) -> None:
    """Give the diamonds of a part back that returned; they cover losses first."""
    payout, attempt = change.payout, change.attempt
    if returned_minor < payout.returned_minor:
        await record_contradiction(tx, attempt, payout.state, RETURNED_LESS)
    if returned_minor <= payout.returned_minor:
        return
    accounts, part = book[payout.creator], PART.format(returned_minor)
    diamonds = return_part(
        accounts,
        payout,
        returned_minor,
        rules,
        reference=STEP_REFERENCE.format(payout.id, part),
        request_hash=attempt.id.bytes,
    )
    change.advance(State.PAID, returned_minor=returned_minor)
    event = PayoutPartlyReturned(
        **_about(change.payout, attempt),
        returned_minor=returned_minor,
        returned_diamonds=payout.part(returned_minor).diamonds,
        reason=change.reason or "unknown",
    )
    change.events.append(event)
    accounts.record_result(event.model_dump_json())
    recovery = RECOVERY_REFERENCE.format(payout.id, part)
    await recover_losses(tx, accounts, diamonds, rules, reference=recovery)


async def _explain_wait(tx: Transaction, change: Change) -> None:
    """Show the creator, as a step, why money that was sent has not arrived yet."""
    if change.reason != await payouts.newest_reason(tx, change.payout):
        change.advance(State.SENT)


async def _save(tx: Transaction, change: Change, cause: Cause) -> None:
    """Write the steps that a payout takes, and tell of them."""
    await payouts.save_state(tx, change.payout)
    await payouts.add_steps(tx, change.payout, change.steps, reason=change.shown_reason)
    if facts := [*change.facts(cause), *change.reviews]:
        await publish(tx, facts, archive=True)


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
    step: State,
    event: AttemptEvent,
    attempt: Attempt,
    rules: Rules,
) -> int:
    """
    Post what a step of this payout moves; diamonds that come back cover losses first.

    Returns the diamonds that the creator does not have any more.
    """
    accounts = book[payout.creator]
    if not domain.amounts_of(step, payout.diamonds):
        return 0
    taken = take_step(
        accounts,
        payout,
        step,
        was=payout.state,
        rules=rules,
        reference=STEP_REFERENCE.format(payout.id, step.value),
        request_hash=attempt.id.bytes,
    )
    accounts.record_result(event.model_dump_json())
    if taken.lost_diamonds:
        loss = PayoutLoss(payout.creator, payout.id, taken.lost_diamonds)
        await payouts.save_losses(tx, [loss])
    if taken.returned_diamonds:
        recovery = RECOVERY_REFERENCE.format(payout.id, step.value)
        await recover_losses(tx, accounts, taken.returned_diamonds, rules, reference=recovery)
    return taken.lost_diamonds


def _about(payout: Payout, attempt: Attempt) -> dict[str, Any]:
    return {**about(payout), "attempt": attempt.id, "provider": attempt.provider}


def _event(payout: Payout, attempt: Attempt, *, reason: str) -> AttemptEvent:
    common = _about(payout, attempt)
    match payout.state:
        case State.SENT:
            return PayoutSent(**common)
        case State.PAID:
            return PayoutPaid(**common)
        case State.FAILED:
            return PayoutFailed(**common, reason=reason)
    assert payout.state is State.RETURNED
    return PayoutReturned(**common, reason=reason)
