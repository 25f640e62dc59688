"""Payouts that wait for a person: held when something is wrong, approved or rejected by one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.payout.commands.facts import about
from services.payout.commands.losses import settle_losses
from services.payout.domain import earnings as domain
from services.payout.domain.payouts import NoSuchPayout, NotHeld, Payout, State, amounts_of
from services.payout.domain.rates import DIAMONDS, Rules
from services.payout.store import payouts
from shared.contracts.envelope import Cause
from shared.contracts.payout import PayoutApproved, PayoutHeld, PayoutRejected
from shared.database import Transaction
from shared.ledger.book import open_book
from shared.ledger.operators import audit
from shared.messaging.chronicle import announce
from shared.messaging.outbox import Fact

CLAWBACK = "clawback"
REJECT_CAUSE = "payout:{}:rejected"
SETTLE_CAUSE = "settle:{}"


async def hold(tx: Transaction, creators: Sequence[str], now: datetime) -> list[Fact]:
    """Hold what these creators wait for and nobody has sent yet; their accounts are locked."""
    facts = []
    for payout, correlation_id in await payouts.unsent(tx, creators):
        held = replace(payout, state=State.HELD, version=payout.version + 1)
        await payouts.move(tx, held)
        await payouts.add_steps(tx, held, (State.HELD,), reason=CLAWBACK)
        event = PayoutHeld(**about(held), reason=CLAWBACK, revision=held.version)
        facts.append(Fact(event, held.version, Cause(correlation_id), now))
    return facts


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
    causes = [REJECT_CAUSE.format(payout_id), SETTLE_CAUSE.format(f"{payout_id}:rejected")]
    book = await open_book(tx, DIAMONDS, [(creator, cause) for cause in causes])
    if await payouts.find(tx, creator, payout_id) is None:
        raise NoSuchPayout
    payout, correlation_id = await payouts.lock(tx, creator, payout_id)
    decided = State.APPROVED if approved else State.REJECTED
    if payout.state is decided:
        return payout
    if payout.state is not State.HELD:
        raise NotHeld(state=payout.state.value)
    payout = replace(payout, state=decided, version=payout.version + 1)
    event: PayoutApproved | PayoutRejected
    if approved:
        event = PayoutApproved(**about(payout), approved_by=operator, revision=payout.version)
    else:
        event = PayoutRejected(**about(payout), reason=reason)
        holder = book[creator]
        amounts = amounts_of(State.REJECTED, payout.diamonds)
        domain.post(
            holder,
            amounts,
            rules,
            kind="rejected",
            cause=causes[0],
            request_hash=payout.id.bytes,
        )
        holder.conclude(event.model_dump_json())
        await settle_losses(tx, holder, payout.diamonds, rules, cause=causes[1])
        await book.write(tx)
    await payouts.move(tx, payout)
    await payouts.add_steps(tx, payout, (decided,), reason=reason)
    await audit(
        tx,
        operator=operator,
        action=f"payout.{decided.value}",
        user=creator,
        reason=reason,
        payout=payout.id,
    )
    await announce(tx, [Fact(event, payout.version, Cause(correlation_id))])
    return payout
