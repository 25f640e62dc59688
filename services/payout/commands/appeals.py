"""Appeals: a creator does not agree with a rejection, and another person looks at it again."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from services.payout.commands.facts import about
from services.payout.domain import reviews as domain
from services.payout.domain.payouts import NoSuchPayout, Payout
from services.payout.domain.rates import Rules
from services.payout.domain.reviews import (
    Appeal,
    AppealDecided,
    AppealedAlready,
    Decision,
    NoSuchAppeal,
    Verdict,
)
from services.payout.store import appeals, payees, payouts, reviews
from shared.backoffice.adjustments import audit
from shared.contracts.envelope import Cause
from shared.contracts.payout import PayoutAppealDecided, PayoutAppealed
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

# Why a rejected payout has a new version.
APPEALED = "appealed"


async def appeal_payout(
    tx: Transaction, creator: str, payout_id: UUID, text: str, rules: Rules
) -> Payout:
    """Ask for another look at a rejected payout, once; a repeat with the same words is none."""
    payout, correlation_id = await _lock(tx, creator, payout_id)
    known = await appeals.find(tx, creator, payout_id)
    if known is not None and known.text == text:
        return payout
    if known is not None:
        raise AppealedAlready
    now = datetime.now(UTC)
    rejection = domain.rejection_in(await reviews.decisions_of(tx, creator, payout_id))
    domain.require_appealable(payout, rejection, now=now, rules=rules)
    decide_by = rules.reviews.decide_by(now, rules.time_zone)
    await appeals.add(tx, Appeal(creator, payout_id, text, now, decide_by, None, None))
    payout = await _add_version(tx, payout, reason=APPEALED)
    event = PayoutAppealed(**about(payout), decide_by=decide_by)
    await publish(tx, [Fact(event, payout.version, Cause(correlation_id))], archive=True)
    return payout


async def decide_appeal(
    tx: Transaction,
    creator: str,
    payout_id: UUID,
    *,
    overturned: bool,
    operator: str,
    reason: str,
) -> Payout:
    """
    Uphold or overturn a rejection; whoever decided before may not.

    The diamonds are the creator's again since the rejection. After an overturned one the same money
    can be requested at once, and its account is known.
    """
    payout, correlation_id = await _lock(tx, creator, payout_id)
    appeal = await appeals.find(tx, creator, payout_id)
    if appeal is None:
        raise NoSuchAppeal
    verdict = Verdict.OVERTURNED if overturned else Verdict.UPHELD
    decisions = await reviews.decisions_of(tx, creator, payout_id)
    if appeal.decision is verdict and any(each.operator == operator for each in decisions):
        return payout
    domain.require_reviewer(operator, creator, decisions)
    if appeal.decision is not None:
        raise AppealDecided(decision=appeal.decision.value)
    now = datetime.now(UTC)
    decision = Decision(operator, payout.version, verdict, reason, None, None, None, now)
    await reviews.add_decision(tx, payout, decision)
    await appeals.decide(tx, payout, verdict, now)
    if overturned:
        await payees.mark_reviewed(
            tx, creator, payout.currency, payout.provider, payout.destination
        )
    payout = await _add_version(tx, payout, reason=f"appeal-{verdict.value}")
    await audit(
        tx,
        operator=operator,
        action=f"payout.appeal_{verdict.value}",
        user=creator,
        reason=reason,
        payout=payout_id,
    )
    event = PayoutAppealDecided(**about(payout), overturned=overturned, reason=reason)
    await publish(tx, [Fact(event, payout.version, Cause(correlation_id))], archive=True)
    return payout


async def _lock(tx: Transaction, creator: str, payout_id: UUID) -> tuple[Payout, str]:
    if await payouts.find(tx, creator, payout_id) is None:
        raise NoSuchPayout
    return await payouts.lock(tx, creator, payout_id)


async def _add_version(tx: Transaction, payout: Payout, *, reason: str) -> Payout:
    """Write one more step of a payout that stays as it is; its timeline says why."""
    payout = replace(payout, version=payout.version + 1)
    await payouts.save_state(tx, payout)
    await payouts.add_steps(tx, payout, (payout.state,), reason=reason)
    return payout
