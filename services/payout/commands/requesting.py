"""A creator asks for money: a payee, a quote, a payout."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from services.payout.commands.facts import about
from services.payout.domain import payouts as domain
from services.payout.domain.payouts import (
    PayeeMissing,
    Payout,
    PayoutOpen,
    Quote,
    QuoteExpired,
    QuoteUsed,
    State,
    UnknownQuote,
)
from services.payout.domain.rates import DIAMONDS, Rules
from services.payout.store import books, payouts
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.payout import PayoutApproved, PayoutRequested
from shared.database import Transaction
from shared.http import Key, KeyReused, count_key
from shared.ledger.book import open_book
from shared.ledger.rules import MAIN
from shared.messaging.chronicle import announce
from shared.messaging.outbox import Fact

RESERVE_CAUSE = "payout:{}:reserve"
APPROVED_BY_RULE = "rule"
ROUTE = "/v1/payouts"


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """What a creator asks for, under a key that makes it repeatable."""

    creator: str
    quote: UUID
    idempotency_key: str
    request_hash: bytes
    correlation_id: str
    age_years: int | None
    country: str | None

    @property
    def payout(self) -> UUID:
        return uuid5(NAMESPACE, f"payout\n{self.creator}\n{self.idempotency_key}")


async def set_payee(tx: Transaction, creator: str, provider: str, destination: str) -> None:
    await payouts.set_payee(tx, creator, provider, destination)


async def read_payee(tx: Transaction, creator: str) -> str:
    destination = await payouts.payee(tx, creator)
    if destination is None:
        raise PayeeMissing
    return destination


async def make_quote(tx: Transaction, creator: str, wanted: int | None, rules: Rules) -> Quote:
    """Offer money for diamonds, at a rate and a fee that hold for ten minutes."""
    available = (await books.balances(tx, creator)).get(MAIN, 0)
    offer = domain.offer(
        available=available,
        wanted=wanted,
        paid_today_minor=await payouts.paid_today_minor(tx, creator),
        has_payee=await payouts.payee(tx, creator) is not None,
        rules=rules,
    )
    quote = Quote(
        id=uuid4(),
        creator=creator,
        offer=offer,
        currency=rules.currency,
        rate_version=rules.rate_version,
        expires_at=datetime.now(UTC) + timedelta(seconds=rules.quote_seconds),
    )
    await payouts.add_quote(tx, quote)
    return quote


async def request_payout(
    tx: Transaction, request: PayoutRequest, *, provider: str, rules: Rules
) -> Payout:
    """
    Reserve the diamonds of a quote and remember the payout, in one transaction.

    Every payout is approved by rule; a review by people comes between the two facts one day.
    """
    cause = RESERVE_CAUSE.format(request.payout)
    book = await open_book(tx, DIAMONDS, [(request.creator, cause)])
    # Read under the creator's lock: of two requests at once, one finds what the other wrote.
    if known := await payouts.remembered(tx, request.creator, request.idempotency_key):
        payout, request_hash = known
        if request_hash != request.request_hash:
            raise KeyReused(payout=payout.id)
        tx.after_commit(lambda: count_key(ROUTE, Key.REPEATED))
        return payout
    rules.ages.require(request.age_years, request.country)
    quote = await _usable_quote(tx, request)
    destination = await read_payee(tx, request.creator)
    holder = book[request.creator]
    domain.reserve(
        holder, cause=cause, diamonds=quote.offer.diamonds, request_hash=request.request_hash
    )
    payout = _new_payout(request, quote, destination)
    requested = PayoutRequested(**about(payout), rate_version=payout.rate_version)
    holder.conclude(requested.model_dump_json())
    await book.write(tx)
    await payouts.add_payout(
        tx,
        payout,
        idempotency_key=request.idempotency_key,
        request_hash=request.request_hash,
        provider=provider,
        correlation_id=request.correlation_id,
    )
    await payouts.add_steps(tx, payout, (State.REQUESTED, State.APPROVED))
    await payouts.use_quote(tx, payout)
    approved = PayoutApproved(
        **about(payout), approved_by=APPROVED_BY_RULE, revision=payout.version
    )
    story = Cause(request.correlation_id)
    step = Cause(request.correlation_id, str(requested.id))
    tx.after_commit(lambda: count_key(ROUTE, Key.NEW))
    await announce(tx, [Fact(requested, 1, story), Fact(approved, 2, step)])
    return payout


async def _usable_quote(tx: Transaction, request: PayoutRequest) -> Quote:
    quote = await payouts.quote(tx, request.creator, request.quote)
    if quote is None:
        raise UnknownQuote
    if quote.payout is not None:
        raise QuoteUsed(payout=quote.payout)
    if quote.expires_at < datetime.now(UTC):
        raise QuoteExpired(expires_at=quote.expires_at)
    under_way = await payouts.open_payout(tx, request.creator)
    if under_way is not None:
        raise PayoutOpen(payout=under_way)
    return quote


def _new_payout(request: PayoutRequest, quote: Quote, destination: str) -> Payout:
    return Payout(
        creator=request.creator,
        id=request.payout,
        quote=quote.id,
        diamonds=quote.offer.diamonds,
        amount_minor=quote.offer.amount_minor,
        fee_minor=quote.offer.fee_minor,
        currency=quote.currency,
        rate_version=quote.rate_version,
        destination=destination,
        state=State.APPROVED,
        version=2,
        requested_at=datetime.now(UTC),
    )
