"""A creator asks for money: a quote, a payout."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from services.payout.commands.facts import about
from services.payout.commands.payees import read_payee
from services.payout.commands.valuations import open_books
from services.payout.domain import payouts as domain
from services.payout.domain.payouts import (
    Payee,
    PayeeMissing,
    Payout,
    PayoutOpen,
    Quote,
    QuoteExpired,
    QuoteUsed,
    State,
    UnknownQuote,
)
from services.payout.domain.rates import Rules
from services.payout.domain.transfers import take_step
from services.payout.store import books, payees, payouts, quotes
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.payout import PayoutApproved, PayoutEvent, PayoutHeld, PayoutRequested
from shared.idempotency import Key, KeyReused, count_key
from shared.ledger.book import Book
from shared.ledger.entries import MAIN
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

RESERVE_REFERENCE = "payout:{}:reserve"
APPROVED_BY_RULE = "rule"
PAYEE_CHANGED = "payee-changed"
FIRST_PAYOUT = "first-payout"
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
        """Only its creator and operators see it: it names no creator to others."""
        return uuid5(NAMESPACE, f"payout\n{self.creator}\n{self.idempotency_key}")


async def make_quote(tx: Transaction, creator: str, wanted: int | None, rules: Rules) -> Quote:
    """
    Offer money for diamonds, at a rate and a fee that hold for ten minutes.

    Nothing is reserved by it, so everything is looked at again when the quote is used.
    """
    now = datetime.now(UTC)
    payee = await read_payee(tx, creator)
    payee.require_usable(now)
    await quotas.use(tx, creator, rules.quotes)
    offer = domain.offer(
        available=(await books.balances(tx, creator)).get(MAIN, 0),
        wanted=wanted,
        paid_today_minor=await payouts.paid_today_minor(tx, creator, now, rules.time_zone),
        has_payee=True,
        rules=rules,
    )
    quote = Quote(
        id=uuid4(),
        creator=creator,
        offer=offer,
        currency=rules.currency,
        rate_version=rules.rate_version,
        expires_at=now + timedelta(seconds=rules.quote_seconds),
    )
    await quotes.add(tx, quote)
    return quote


async def request_payout(
    tx: Transaction, request: PayoutRequest, *, provider: str, rules: Rules
) -> Payout:
    """
    Reserve the diamonds of a quote and remember the payout, in one transaction.

    A payout is approved by rule, or held for a person where the money goes somewhere new.
    """
    reference = RESERVE_REFERENCE.format(request.payout)
    book = await open_books(tx, [(request.creator, reference)], rules)
    if known := await _known(tx, request):
        return known
    rules.ages.require(request.age_years, request.country)
    now = datetime.now(UTC)
    payee = await payees.find(tx, request.creator, lock=True)
    if payee is None:
        raise PayeeMissing
    payee.require_usable(now)
    quote = await _usable_quote(tx, request, rules, now)
    payout = _new_payout(request, quote, payee, now)
    requested = await _reserve(tx, book, payout, rules, reference, request.request_hash)
    await payouts.add_payout(
        tx,
        payout,
        idempotency_key=request.idempotency_key,
        request_hash=request.request_hash,
        provider=provider,
        correlation_id=request.correlation_id,
    )
    reason = _reason_to_look(payee)
    await payouts.add_steps(tx, payout, (State.REQUESTED, payout.state), reason=reason)
    await quotes.use(tx, payout)
    tx.after_commit(lambda: count_key(ROUTE, Key.NEW))
    step = Cause(request.correlation_id, str(requested.id))
    await publish(
        tx,
        [
            Fact(requested, 1, Cause(request.correlation_id)),
            Fact(_decided(payout, reason), payout.version, step),
        ],
        archive=True,
    )
    return payout


async def _known(tx: Transaction, request: PayoutRequest) -> Payout | None:
    """
    Return what was asked for under this key before.

    Read under the creator's lock: of two requests at once, one finds what the other wrote.
    """
    known = await payouts.remembered(tx, request.creator, request.idempotency_key)
    if known is None:
        return None
    payout, request_hash = known
    if request_hash != request.request_hash:
        raise KeyReused(payout=payout.id)
    tx.after_commit(lambda: count_key(ROUTE, Key.REPEATED))
    return payout


async def _usable_quote(
    tx: Transaction, request: PayoutRequest, rules: Rules, now: datetime
) -> Quote:
    """Return the quote if it still holds; everything it was made by is looked at again."""
    quote = await quotes.find(tx, request.creator, request.quote)
    if quote is None:
        raise UnknownQuote
    if quote.payout is not None:
        raise QuoteUsed(payout=quote.payout)
    # The operator may pay in another currency by now.
    if quote.expires_at < now or quote.currency != rules.currency:
        raise QuoteExpired(expires_at=quote.expires_at)
    under_way = await payouts.open_payout(tx, request.creator)
    if under_way is not None:
        raise PayoutOpen(payout=under_way)
    paid_minor = await payouts.paid_today_minor(tx, request.creator, now, rules.time_zone)
    domain.require_offered(quote.offer, paid_today_minor=paid_minor, rules=rules)
    return quote


async def _reserve(
    tx: Transaction, book: Book, payout: Payout, rules: Rules, reference: str, request_hash: bytes
) -> PayoutRequested:
    """Set diamonds aside for a payout, so that nothing else can use them."""
    accounts = book[payout.creator]
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
    await book.write(tx)
    return requested


def _reason_to_look(payee: Payee) -> str | None:
    """Why a person has to look at a payout to this payee before it goes on, if one has to."""
    if not payee.unreviewed:
        return None
    return PAYEE_CHANGED if payee.revision > 1 else FIRST_PAYOUT


def _decided(payout: Payout, reason: str | None) -> PayoutEvent:
    if reason is not None:
        return PayoutHeld(**about(payout), reason=reason, revision=payout.version)
    return PayoutApproved(**about(payout), approved_by=APPROVED_BY_RULE, revision=payout.version)


def _new_payout(request: PayoutRequest, quote: Quote, payee: Payee, now: datetime) -> Payout:
    return Payout(
        creator=request.creator,
        id=request.payout,
        quote=quote.id,
        diamonds=quote.offer.diamonds,
        amount_minor=quote.offer.amount_minor,
        fee_minor=quote.offer.fee_minor,
        currency=quote.currency,
        rate_version=quote.rate_version,
        destination=payee.destination,
        state=State.HELD if payee.unreviewed else State.APPROVED,
        version=2,
        requested_at=now,
    )
