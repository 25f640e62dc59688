"""Bonuses: one operator asks for diamonds of a funder, a colleague grants them."""

from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from services.payout.commands.valuations import open_known_books
from services.payout.domain.bonuses import (
    Bonus,
    BonusDecided,
    BonusState,
    NoSuchBonus,
    OwnBonus,
    grant,
)
from services.payout.domain.rates import DIAMONDS, Rules
from services.payout.store import bonuses as store
from shared.backoffice.adjustments import audit
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.rates import BonusEarned
from shared.idempotency import KeyReused, record_key
from shared.identity.people import require_other_person, same_person
from shared.ledger.entries import MAIN
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

REFERENCE = "bonus:{}"
ROUTE = "/v1/operator/creators/{creator}/bonuses"


@dataclass(frozen=True, slots=True)
class BonusRequest:
    """A bonus that an operator asks for; a repeat has the same key."""

    creator: str
    funder: str
    diamonds: int
    reason: str
    operator: str
    key: str
    request_hash: bytes

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE, f"bonus\n{self.creator}\n{self.operator}\n{self.key}")


async def request_bonus(tx: Transaction, asked: BonusRequest) -> Bonus:
    """Record a bonus that an operator asks for; a repeat finds the recorded one."""
    require_other_person(operator=asked.operator, user=asked.creator)
    is_new = await store.request(
        tx,
        asked.creator,
        asked.id,
        request_hash=asked.request_hash,
        funder=asked.funder,
        diamonds=asked.diamonds,
        reason=asked.reason,
        operator=asked.operator,
    )
    known = await store.find(tx, asked.creator, asked.id)
    assert known is not None
    bonus, request_hash = known
    if request_hash != asked.request_hash:
        raise KeyReused(bonus=bonus.id)
    tx.after_commit(lambda: record_key(ROUTE, is_new=is_new))
    if is_new:
        await _audit(tx, bonus, asked.operator)
    return bonus


async def decide_bonus(
    tx: Transaction,
    creator: str,
    bonus_id: UUID,
    *,
    is_granted: bool,
    operator: str,
    correlation_id: str,
    rules: Rules,
) -> Bonus:
    """Grant a colleague's bonus, or reject it; its author may only take it back."""
    require_other_person(operator=operator, user=creator)
    if await store.find(tx, creator, bonus_id) is None:
        raise NoSuchBonus
    reference = REFERENCE.format(bonus_id)
    book, creators = await open_known_books(tx, [(creator, reference)], rules)
    # Read again under the creator's lock: a colleague may have been faster.
    known = await store.find(tx, creator, bonus_id)
    assert known is not None
    bonus, _ = known
    state = BonusState.GRANTED if is_granted else BonusState.REJECTED
    if bonus.state is state:
        return bonus
    if bonus.state is not BonusState.REQUESTED:
        raise BonusDecided(state=bonus.state.value)
    if is_granted and same_person(bonus.requested_by, operator):
        raise OwnBonus
    bonus = replace(bonus, state=state, decided_by=operator, decided_at=book.recorded_at)
    if is_granted:
        of_creator, accounts = creators[creator], book[creator]
        matures_at, reason = rules.maturity.matures_at(
            book.recorded_at,
            first_earned_at=of_creator.first_earned_at,
            lifetime_minor=of_creator.rate.value_minor(of_creator.lifetime_diamonds),
        )
        waits = matures_at > book.recorded_at
        bonus = replace(bonus, matures_at=matures_at, hold_reason=reason, matured=not waits)
        grant(accounts, bonus, rules, waits=waits, reference=reference)
        event = BonusEarned(
            creator=creator,
            bonus=bonus.id,
            funder=bonus.funder,
            reason=bonus.reason,
            diamonds=bonus.diamonds,
            matures_at=matures_at,
            balance_diamonds=accounts.balance(MAIN, DIAMONDS),
        )
        version = accounts.record_result(event.model_dump_json()).number
        await book.write(tx)
        await publish(tx, [Fact(event, version, Cause(correlation_id), book.recorded_at)])
    await store.save_decision(tx, bonus)
    await _audit(tx, bonus, operator)
    return bonus


async def _audit(tx: Transaction, bonus: Bonus, operator: str) -> None:
    await audit(
        tx,
        operator=operator,
        action=f"bonus.{bonus.state.value}",
        user=bonus.creator,
        reason=bonus.reason,
        bonus=bonus.id,
        funder=bonus.funder,
        diamonds=bonus.diamonds,
    )
