"""Payouts under review: an operator approves, rejects or resolves them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from services.payout.commands.facts import about
from services.payout.commands.losses import recover_losses
from services.payout.commands.transfers import apply_status
from services.payout.commands.valuations import open_books
from services.payout.domain import reviews as domain
from services.payout.domain.payouts import (
    NoSuchPayout,
    NotUnresolved,
    Payout,
    PayoutSubmitted,
    ProviderStatus,
    State,
)
from services.payout.domain.rates import Rules
from services.payout.domain.reviews import Decision, Ground, NotHeld, Verdict
from services.payout.domain.transfers import take_step
from services.payout.store import attempts, payees, payouts, reviews
from shared.backoffice.adjustments import audit
from shared.contracts.envelope import Cause
from shared.contracts.payout import PayoutApproved, PayoutRejected
from shared.identity.people import require_other_person
from shared.ledger.book import Book
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

OPERATOR = "operator"
REJECT_REFERENCE = "payout:{}:rejected"
RECOVERY_REFERENCE = "recovery:{}"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a rejection rests on; without facts it is the operator's reason."""

    ground: Ground = Ground.TERMS
    clause: str | None = None
    facts: str | None = None


async def review_payout(
    tx: Transaction,
    creator: str,
    payout_id: UUID,
    *,
    approved: bool,
    operator: str,
    reason: str,
    rules: Rules,
    grounds: Grounds = Grounds(),
) -> Payout:
    """
    Approve or reject a payout that is under review.

    A large one stays under review until a second person approves it; one person is enough to reject
    it, as the diamonds come back.
    """
    require_other_person(operator=operator, user=creator)
    references = [
        REJECT_REFERENCE.format(payout_id),
        RECOVERY_REFERENCE.format(f"{payout_id}:rejected"),
    ]
    book = await open_books(tx, [(creator, reference) for reference in references], rules)
    if await payouts.find(tx, creator, payout_id) is None:
        raise NoSuchPayout
    payout, correlation_id = await payouts.lock(tx, creator, payout_id)
    decided = State.APPROVED if approved else State.REJECTED
    verdict = Verdict(decided.value)
    if payout.state is decided:
        return payout
    if payout.state is not State.HELD:
        raise NotHeld(state=payout.state.value)
    decisions = await reviews.decisions_of(tx, creator, payout_id)
    if domain.has_decided(operator, payout.version, verdict, decisions):
        return payout
    domain.require_reviewer(operator, creator, decisions)
    if not approved and await attempts.is_under_way(tx, payout):
        raise PayoutSubmitted
    decision = _decision(payout, verdict, operator, reason, grounds)
    await reviews.add_decision(tx, payout, decision)
    await _audit(tx, payout, f"payout.{decided.value}", operator, reason)
    if approved and not domain.is_agreed(payout, [*decisions, decision], rules):
        return payout
    payout = replace(payout, state=decided, version=payout.version + 1)
    event: PayoutApproved | PayoutRejected
    if approved:
        event = PayoutApproved(**about(payout), approved_by=operator, revision=payout.version)
        await payees.mark_reviewed(
            tx, creator, payout.currency, payout.provider, payout.destination
        )
    else:
        event = _rejected(payout, decision, rules)
        await _give_back(tx, book, payout, event, rules, references)
    await payouts.save_state(tx, payout)
    await payouts.add_steps(tx, payout, (decided,), reason=reason)
    await publish(tx, [Fact(event, payout.version, Cause(correlation_id))], archive=True)
    return payout


async def resolve_payout(
    tx: Transaction,
    creator: str,
    payout_id: UUID,
    status: ProviderStatus,
    *,
    operator: str,
    reason: str,
    rules: Rules,
) -> None:
    """Apply what the bank says of a payout that the provider cannot be asked about any more."""
    require_other_person(operator=operator, user=creator)
    payout = await payouts.find(tx, creator, payout_id)
    if payout is None:
        raise NoSuchPayout
    attempt = await attempts.find_unresolved(tx, creator, payout_id)
    if attempt is None:
        raise NotUnresolved
    await apply_status(tx, attempt, status, reason=OPERATOR, rules=rules)
    await _audit(tx, payout, f"payout.resolved_as_{status.value}", operator, reason)


def _decision(
    payout: Payout, verdict: Verdict, operator: str, reason: str, grounds: Grounds
) -> Decision:
    is_rejection = verdict is Verdict.REJECTED
    return Decision(
        operator=operator,
        revision=payout.version,
        decision=verdict,
        reason=reason,
        ground=grounds.ground if is_rejection else None,
        clause=grounds.clause if is_rejection else None,
        facts=(grounds.facts or reason) if is_rejection else None,
        at=datetime.now(UTC),
    )


def _rejected(payout: Payout, decision: Decision, rules: Rules) -> PayoutRejected:
    assert decision.ground is not None
    return PayoutRejected(
        **about(payout),
        reason=decision.reason,
        ground=decision.ground.value,
        clause=decision.clause,
        facts=decision.facts,
        is_automated=False,
        appeal_until=rules.reviews.appeal_until(decision.at),
    )


async def _give_back(
    tx: Transaction,
    book: Book,
    payout: Payout,
    event: PayoutRejected,
    rules: Rules,
    references: Sequence[str],
) -> None:
    """Give the diamonds of a rejected payout back to the creator."""
    accounts = book[payout.creator]
    take_step(
        accounts,
        payout,
        State.REJECTED,
        was=State.HELD,
        rules=rules,
        reference=references[0],
        request_hash=payout.id.bytes,
    )
    accounts.record_result(event.model_dump_json())
    await recover_losses(tx, accounts, payout.diamonds, rules, reference=references[1])
    await book.write(tx)


async def _audit(tx: Transaction, payout: Payout, action: str, operator: str, reason: str) -> None:
    await audit(
        tx,
        operator=operator,
        action=action,
        user=payout.creator,
        reason=reason,
        payout=payout.id,
    )
