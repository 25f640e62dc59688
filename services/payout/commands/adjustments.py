"""Corrections of a creator's diamonds, decided by two operators (maker-checker)."""

from uuid import UUID

from services.payout.commands.valuations import open_books
from services.payout.domain.earnings import ADJUSTED, post
from services.payout.domain.payouts import NotEnoughDiamonds
from services.payout.domain.rates import DIAMONDS, Rules
from shared.backoffice.adjustments import (
    Adjustment,
    decide_adjustment,
    find_adjustment,
)
from shared.contracts.envelope import Cause
from shared.contracts.payout import DiamondsAdjusted
from shared.ledger.entries import MAIN
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

REFERENCE = "adjustment:{}"
APPLIED, REJECTED = "applied", "rejected"


async def decide_payout_adjustment(
    tx: Transaction,
    identifier: UUID,
    operator: str,
    approved: bool,
    correlation_id: str,
    *,
    rules: Rules,
) -> Adjustment:
    """Approve a colleague's correction and post it, or reject it."""
    asked = await find_adjustment(tx, identifier)
    reference = REFERENCE.format(identifier)
    book = await open_books(tx, [(asked.user, reference)], rules)
    # Read again under the creator's lock: a colleague may have been faster.
    asked = await find_adjustment(tx, identifier)
    state = APPLIED if approved else REJECTED
    if not await decide_adjustment(tx, asked, operator=operator, state=state) or not approved:
        return await find_adjustment(tx, identifier)
    accounts = book[asked.user]
    available = accounts.balance(MAIN, DIAMONDS)
    if available + asked.amount < 0:
        raise NotEnoughDiamonds(available_diamonds=available, diamonds=-asked.amount)
    amounts = {MAIN: asked.amount, ADJUSTED: -asked.amount}
    post(
        accounts,
        amounts,
        rules,
        kind="adjustment",
        reference=reference,
        request_hash=asked.id.bytes,
    )
    event = DiamondsAdjusted(
        creator=asked.user,
        adjustment=asked.id,
        diamonds=asked.amount,
        reason=asked.reason,
        balance_diamonds=accounts.balance(MAIN, DIAMONDS),
    )
    version = accounts.record_result(event.model_dump_json()).number
    await book.write(tx)
    await publish(tx, [Fact(event, version, Cause(correlation_id), book.recorded_at)])
    return await find_adjustment(tx, identifier)
