"""Payouts that wait for a person: approved, rejected or resolved by one."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.payout.commands.facts import about
from services.payout.commands.losses import settle_losses
from services.payout.commands.transfers import settle
from services.payout.commands.valuations import open_books
from services.payout.domain.payouts import (
    NoSuchPayout,
    NotHeld,
    NotUnresolved,
    Payout,
    PayoutSubmitted,
    State,
    Truth,
)
from services.payout.domain.rates import Rules
from services.payout.domain.transfers import take_step
from services.payout.store import attempts, payees, payouts
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
SETTLE_REFERENCE = "settle:{}"


async def review(
    tx: Transaction,
    creator: str,
    payout_id: UUID,
    *,
    approved: bool,
    operator: str,
    reason: str,
    rules: Rules,
) -> Payout:
    """Let an operator decide about a payout that is held."""
    require_other_person(operator=operator, user=creator)
    references = [
        REJECT_REFERENCE.format(payout_id),
        SETTLE_REFERENCE.format(f"{payout_id}:rejected"),
    ]
    book = await open_books(tx, [(creator, reference) for reference in references], rules)
    if await payouts.find(tx, creator, payout_id) is None:
        raise NoSuchPayout
    payout, correlation_id = await payouts.lock(tx, creator, payout_id)
    decided = State.APPROVED if approved else State.REJECTED
    if payout.state is decided:
        return payout
    if payout.state is not State.HELD:
        raise NotHeld(state=payout.state.value)
    if not approved and await attempts.is_under_way(tx, payout):
        raise PayoutSubmitted
    payout = replace(payout, state=decided, version=payout.version + 1)
    event: PayoutApproved | PayoutRejected
    if approved:
        event = PayoutApproved(**about(payout), approved_by=operator, revision=payout.version)
        await payees.reviewed(tx, creator, payout.destination)
    else:
        event = PayoutRejected(**about(payout), reason=reason)
        await _give_back(tx, book, payout, event, rules, references)
    await payouts.move(tx, payout)
    await payouts.add_steps(tx, payout, (decided,), reason=reason)
    await _write_down(tx, payout, f"payout.{decided.value}", operator, reason)
    await publish(tx, [Fact(event, payout.version, Cause(correlation_id))], archive=True)
    return payout


async def resolve(
    tx: Transaction,
    creator: str,
    payout_id: UUID,
    truth: Truth,
    *,
    provider: str,
    operator: str,
    reason: str,
    rules: Rules,
) -> None:
    """Let an operator say what became of a payout that the provider does not speak of any more."""
    require_other_person(operator=operator, user=creator)
    payout = await payouts.find(tx, creator, payout_id)
    if payout is None:
        raise NoSuchPayout
    attempt = await attempts.unresolved(tx, creator, payout_id)
    if attempt is None:
        raise NotUnresolved
    await settle(tx, attempt, truth, reason=OPERATOR, provider=provider, rules=rules)
    await _write_down(tx, payout, f"payout.resolved_as_{truth.value}", operator, reason)


async def _give_back(
    tx: Transaction,
    book: Book,
    payout: Payout,
    event: PayoutRejected,
    rules: Rules,
    references: Sequence[str],
) -> None:
    """Let the diamonds of a payout that was held be the creator's again."""
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
    await settle_losses(tx, accounts, payout.diamonds, rules, reference=references[1])
    await book.write(tx)


async def _write_down(
    tx: Transaction, payout: Payout, action: str, operator: str, reason: str
) -> None:
    await audit(
        tx,
        operator=operator,
        action=action,
        user=payout.creator,
        reason=reason,
        payout=payout.id,
    )
