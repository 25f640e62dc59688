"""Payouts on request: a quote's diamonds are reserved, and the payout approved or reviewed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from services.payout.commands.facts import about, held
from services.payout.commands.fraud import find_fraud
from services.payout.commands.valuations import open_books
from services.payout.domain import payouts as domain
from services.payout.domain.fraud_rules import FactsOfOthers, Finding
from services.payout.domain.limits import limits_of
from services.payout.domain.money import rate_of
from services.payout.domain.payees import Payee
from services.payout.domain.payouts import Payout, State
from services.payout.domain.quotes import Quote, require_payable
from services.payout.domain.rates import Rules
from services.payout.domain.reviews import open_review, reasons_for
from services.payout.domain.transfers import take_step
from services.payout.store import payouts, quotes, reviews
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.payout import (
    PayoutApproved,
    PayoutEvent,
    PayoutRequested,
    PayoutRiskFound,
)
from shared.idempotency import KeyReused, record_key
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


async def request_payout(
    tx: Transaction, order: PayoutOrder, *, rules: Rules, others: FactsOfOthers | None = None
) -> Payout:
    """
    Reserve the diamonds of a quote and add the payout, in one transaction.

    A payout is approved by rule, or a person reviews it for the reasons that are found here.
    `others` is what `read_facts_of_others` returned, where there are fraud rules.
    """
    reference = RESERVE_REFERENCE.format(order.payout)
    book = await open_books(tx, [(order.creator, reference)], rules)
    if known := await _find_repeated(tx, order):
        return known
    rules.ages.require(order.age_years, order.country)
    rules = rules.at(rate_of(book[order.creator], rules))
    now = datetime.now(UTC)
    context = await payouts.read_request_context(
        tx, order.creator, order.quote, currency=rules.currency, at=now, zone=rules.time_zone
    )
    payee, quote = require_payable(
        context.payee,
        context.quote,
        limits=limits_of(context.usage, now=now, rules=rules),
        now=now,
        rules=rules,
    )
    findings = await find_fraud(tx, order.creator, order.payout, rules.fraud, others, now=now)
    reasons = await _reasons(tx, payee, quote, findings, now, rules)
    payout = _new_payout(order, quote, payee, now, State.HELD if reasons else State.APPROVED)
    requested = _reserve(book[order.creator], payout, rules, reference, order.request_hash)
    await book.write(tx)
    await payouts.add_payout(
        tx,
        payout,
        idempotency_key=order.idempotency_key,
        request_hash=order.request_hash,
        correlation_id=order.correlation_id,
        country=order.country,
    )
    steps = (State.REQUESTED, payout.state)
    await payouts.add_steps(tx, payout, steps, reason=reasons[0] if reasons else None)
    await quotes.use(tx, payout)
    decided = await _decide(tx, payout, reasons, rules)
    tx.after_commit(lambda: record_key(ROUTE, is_new=True))
    first = Fact(requested, 1, Cause(order.correlation_id))
    cause = Cause(order.correlation_id, str(requested.id))
    risks = [Fact(_risk(payout, each), 1, cause) for each in findings]
    second = Fact(decided, payout.version, cause)
    await publish(tx, [first, *risks, second], archive=True)
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
    tx.after_commit(lambda: record_key(ROUTE, is_new=False))
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
    requested = PayoutRequested(
        **about(payout),
        rate_version=payout.rate_version,
        value_minor=payout.value_minor,
        value_currency=payout.value_currency,
    )
    accounts.record_result(requested.model_dump_json())
    return requested


def _risk(payout: Payout, finding: Finding) -> PayoutRiskFound:
    return PayoutRiskFound(
        **about(payout),
        rule=finding.rule.value,
        rule_version=finding.version,
        mode=finding.mode.value,
        score_bp=finding.score_bp,
        accounts=finding.accounts,
    )


async def _reasons(
    tx: Transaction,
    payee: Payee,
    quote: Quote,
    findings: Sequence[Finding],
    now: datetime,
    rules: Rules,
) -> tuple[str, ...]:
    """Return why a person has to look at the payout; the creator is locked."""
    risks = await reviews.read_risks(
        tx,
        quote.creator,
        now=now,
        warning_days=rules.reviews.warning_days,
        reversed_days=rules.reviews.reversed_days,
    )
    return reasons_for(payee, quote.offer.value_minor, risks, findings=findings, rules=rules)


async def _decide(
    tx: Transaction, payout: Payout, reasons: Sequence[str], rules: Rules
) -> PayoutEvent:
    """Open the review that the payout needs, or approve it by rule; return the fact of it."""
    if not reasons:
        return PayoutApproved(
            **about(payout), approved_by=APPROVED_BY_RULE, revision=payout.version
        )
    review = open_review(payout, reasons, payout.requested_at, rules)
    await reviews.add(tx, review)
    return held(payout, review)


def _new_payout(
    order: PayoutOrder, quote: Quote, payee: Payee, now: datetime, state: State
) -> Payout:
    return Payout(
        creator=order.creator,
        id=order.payout,
        quote=quote.id,
        diamonds=quote.offer.diamonds,
        value_minor=quote.offer.value_minor,
        value_currency=quote.offer.value_currency,
        amount_minor=quote.offer.amount_minor,
        fee_minor=quote.offer.fee_minor,
        currency=quote.offer.currency,
        rate_version=quote.rate_version,
        provider=payee.provider,
        destination=payee.destination,
        state=state,
        version=2,
        requested_at=now,
    )
