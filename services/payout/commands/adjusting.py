"""Correcting a creator's diamonds, with four eyes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from services.payout.domain.earnings import ADJUSTED, post
from services.payout.domain.payouts import NotEnoughDiamonds
from services.payout.domain.rates import DIAMONDS, Rules
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.payout import DiamondsAdjusted
from shared.database import Transaction
from shared.ledger.book import open_book
from shared.ledger.operators import (
    Adjustment,
    decide_adjustment,
    find_adjustment,
    request_adjustment,
)
from shared.ledger.rules import MAIN
from shared.messaging.outbox import Fact, announce

CAUSE = "adjustment:{}"
APPLIED, REJECTED = "applied", "rejected"


@dataclass(frozen=True, slots=True)
class AdjustmentWish:
    """A correction an operator asks for; a colleague has to agree."""

    user: str
    diamonds: int
    reason: str
    operator: str
    key: str
    request_hash: bytes

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE, f"diamond-adjustment\n{self.operator}\n{self.key}")


async def ask_adjustment(tx: Transaction, wish: AdjustmentWish, *, now: datetime) -> Adjustment:
    """Remember a correction that waits for a colleague."""
    wanted = Adjustment(
        user=wish.user,
        id=wish.id,
        amount=wish.diamonds,
        reason=wish.reason,
        requested_by=wish.operator,
        requested_at=now,
        state="requested",
        decided_by=None,
        decided_at=None,
    )
    return await request_adjustment(tx, wanted, key=wish.key, request_hash=wish.request_hash)


async def decide(
    tx: Transaction,
    identifier: UUID,
    rules: Rules,
    *,
    operator: str,
    approved: bool,
    correlation_id: str,
) -> Adjustment:
    """Let a colleague agree, and the diamonds move in the same transaction; or not agree."""
    asked = await find_adjustment(tx, identifier)
    cause = CAUSE.format(identifier)
    book = await open_book(tx, DIAMONDS, [(asked.user, cause)])
    # Read again under the creator's lock: a colleague may have been faster.
    asked = await find_adjustment(tx, identifier)
    state = APPLIED if approved else REJECTED
    if not await decide_adjustment(tx, asked, operator=operator, state=state) or not approved:
        return await find_adjustment(tx, identifier)
    holder = book[asked.user]
    available = holder.balance(MAIN, DIAMONDS)
    if available + asked.amount < 0:
        raise NotEnoughDiamonds(available_diamonds=available, diamonds=-asked.amount)
    amounts = {MAIN: asked.amount, ADJUSTED: -asked.amount}
    post(holder, amounts, rules, kind="adjustment", cause=cause, request_hash=asked.id.bytes)
    event = DiamondsAdjusted(
        creator=asked.user,
        adjustment=asked.id,
        diamonds=asked.amount,
        reason=asked.reason,
        balance_diamonds=holder.balance(MAIN, DIAMONDS),
    )
    version = holder.conclude(event.model_dump_json()).version
    await book.write(tx)
    await announce(tx, [Fact(event, version, Cause(correlation_id), book.recorded_at)])
    return await find_adjustment(tx, identifier)
