"""Payouts on request: a quote's diamonds are reserved, and the payout approved or reviewed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from services.payout.commands.facts import about
from services.payout.commands.valuations import open_books
from services.payout.domain import payouts as domain
from services.payout.domain.payouts import Payee, Payout, Quote, State
from services.payout.domain.rates import Rules
from services.payout.domain.transfers import take_step
from services.payout.store import payouts, quotes
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.payout import PayoutApproved, PayoutEvent, PayoutHeld, PayoutRequested
from shared.idempotency import Key, KeyReused, count_key
from shared.ledger.entries import LockedAccounts
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

RESERVE_REFERENCE = "payout:{}:reserve"
APPROVED_BY_RULE = "rule"
ROUTE = "/v1/payouts"


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """A creator's request for a payout, under a key that makes it repeatable."""

    creator: str
    quote: UUID
    idempotency_key: str
    request_hash: bytes
    correlation_id: str
    age_years: int | None
    country: str | None

    @property
    def payout(self) -> UUID:
        """The payout's id; it does not tell others who its creator is."""
        return uuid5(NAMESPACE, f"payout\n{self.creator}\n{self.idempotency_key}")


async def request_payout(tx: Transaction, order: PayoutOrder, *, rules: Rules) -> Payout:
    """
    Reserve the diamonds of a quote and add the payout, in one transaction.

    A payout is approved by rule, or under review where the money goes somewhere new.
    """
    reference = RESERVE_REFERENCE.format(order.payout)
    book = await open_books(tx, [(order.creator, reference)], rules)
    if known := await _find_repeated(tx, order):
        return known
    rules.ages.require(order.age_years, order.country)
    now = datetime.now(UTC)
    context = await payouts.read_request_context(
        tx, order.creator, order.quote, at=now, zone=rules.time_zone
    )
    payee, quote = domain.require_payable(
        context.payee,
        context.quote,
        open_payout=context.open_payout,
        paid_today_minor=context.paid_today_minor,
        now=now,
        rules=rules,
    )
    payout = _new_payout(order, quote, payee, now)
    requested = _reserve(book[order.creator], payout, rules, reference, order.request_hash)
    await book.write(tx)
    await payouts.add_payout(
        tx,
        payout,
        idempotency_key=order.idempotency_key,
        request_hash=order.request_hash,
        correlation_id=order.correlation_id,
    )
    reason = payee.review_reason
    await payouts.add_steps(tx, payout, (State.REQUESTED, payout.state), reason=reason)
    await quotes.use(tx, payout)
    tx.after_commit(lambda: count_key(ROUTE, Key.NEW))
    first = Fact(requested, 1, Cause(order.correlation_id))
    cause = Cause(order.correlation_id, str(requested.id))
    second = Fact(_decision(payout, reason), payout.version, cause)
    await publish(tx, [first, second], archive=True)
    return payout


async def _find_repeated(tx: Transaction, order: PayoutOrder) -> Payout | None:
    """
    Return the payout that was requested under this key before.

    Read under the creator's lock: of two requests at once, one finds what the other wrote.
    """
    known = await payouts.find_by_key(tx, order.creator, order.idempotency_key)
    if known is None:
        return None
    payout, request_hash = known
    if request_hash != order.request_hash:
        raise KeyReused(payout=payout.id)
    tx.after_commit(lambda: count_key(ROUTE, Key.REPEATED))
    return payout


def _reserve(
    accounts: LockedAccounts, payout: Payout, rules: Rules, reference: str, request_hash: bytes
) -> PayoutRequested:
    """Set diamonds aside for a payout, so that nothing else can use them."""
    domain.require_available(accounts, payout.diamonds)
    take_step(
        accounts,
        payout,
        State.REQUESTED,
        was=None,
        rules=rules,
        reference=reference,
        request_hash=request_hash,
    )
    requested = PayoutRequested(**about(payout), rate_version=payout.rate_version)
    accounts.record_result(requested.model_dump_json())
    return requested


def _decision(payout: Payout, reason: str | None) -> PayoutEvent:
    if reason is not None:
        return PayoutHeld(**about(payout), reason=reason, revision=payout.version)
    return PayoutApproved(**about(payout), approved_by=APPROVED_BY_RULE, revision=payout.version)


def _new_payout(order: PayoutOrder, quote: Quote, payee: Payee, now: datetime) -> Payout:
    return Payout(
        creator=order.creator,
        id=order.payout,
        quote=quote.id,
        diamonds=quote.offer.diamonds,
        amount_minor=quote.offer.amount_minor,
        fee_minor=quote.offer.fee_minor,
        currency=quote.currency,
        rate_version=quote.rate_version,
        provider=payee.provider,
        destination=payee.destination,
        state=State.HELD if payee.unreviewed else State.APPROVED,
        version=2,
        requested_at=now,
    )
