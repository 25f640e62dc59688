"""
What diamonds would bring, and whether a quote still holds.

Diamonds are never lost to rounding: a quote takes only those that make whole cents of the currency
in which they arrive.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.payout.domain.exchange import ExchangeRate
from services.payout.domain.fees import PayoutFee
from services.payout.domain.limits import BelowMinimum, PayoutLimits
from services.payout.domain.payees import Payee, PayeeMissing
from services.payout.domain.payouts import NotEnoughDiamonds
from services.payout.domain.rates import Rules
from shared.errors import Kind, Refusal
from shared.money import PAYABLE_STEPS, Rounding


class UnknownQuote(Refusal):
    """There is no such quote of yours."""

    kind = Kind.NOT_FOUND


class QuoteExpired(Refusal):
    """The quote is no longer valid; ask for a new one."""

    kind = Kind.CONFLICT


class QuoteUsed(Refusal):
    """This quote has been paid out already."""

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class Offer:
    """
    Diamonds, what they are worth in the books, and the money that they become.

    The amount and the fee are in `currency`. The rate is of the day `exchanged_as_of`, None if
    nothing is exchanged.
    """

    diamonds: int
    value_minor: int
    value_currency: str
    amount_minor: int
    fee_minor: int
    currency: str
    exchange_ppm: int | None
    exchanged_as_of: date | None


@dataclass(frozen=True, slots=True)
class Quote:
    """An offer that holds for a while."""

    id: UUID
    creator: str
    offer: Offer
    rate_version: int
    expires_at: datetime
    payout: UUID | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """At what price money leaves: the provider's fee, and the exchange if there is one."""

    fee: PayoutFee
    exchange: ExchangeRate | None


def offer(
    *, available: int, wanted: int | None, limits: PayoutLimits, terms: Terms, rules: Rules
) -> Offer:
    """Offer money for diamonds: for those wanted, or for as many as can be had now."""
    if wanted is None:
        if not limits.left_minor:
            raise limits.used_up()
        wanted = rules.diamonds_for(min(rules.value_minor(available), limits.left_minor))
        if wanted < rules.minimum_diamonds <= available:
            raise limits.used_up()
    require_minimum(wanted, rules)
    if wanted > available:
        raise NotEnoughDiamonds(available_diamonds=available, diamonds=wanted)
    value_minor = rules.value_minor(wanted)
    limits.require_amount(value_minor)
    return _priced(value_minor, terms, rules)


def require_minimum(diamonds: int, rules: Rules) -> None:
    if diamonds < rules.minimum_diamonds:
        raise BelowMinimum(minimum_diamonds=rules.minimum_diamonds, diamonds=diamonds)


def find_obstacles(
    payee: Payee | None, *, available: int, limits: PayoutLimits, now: datetime, rules: Rules
) -> list[Refusal]:
    """Return each refusal that a request for all that is available would meet now."""
    checks: list[Callable[[], object]] = [
        lambda: require_minimum(available, rules),
        limits.require_request,
        lambda: limits.require_amount(rules.value_minor(rules.minimum_diamonds)),
    ]
    found: list[Refusal] = [PayeeMissing()]
    if payee is not None:
        found = list(payee.obstacles(now, rules.payees))
    for check in checks:
        try:
            check()
        except Refusal as refusal:
            found.append(refusal)
    return found


def require_payable(
    payee: Payee | None, quote: Quote | None, *, limits: PayoutLimits, now: datetime, rules: Rules
) -> tuple[Payee, Quote]:
    """
    Refuse a payout unless its quote still holds; the creator is locked.

    Time has passed since the quote was made, so everything it depends on is checked again.
    """
    payee = _require_payee(payee, now, rules)
    if quote is None:
        raise UnknownQuote
    if quote.payout is not None:
        raise QuoteUsed(payout=quote.payout)
    # The operator may keep the books in another currency by now.
    if quote.expires_at < now or quote.offer.value_currency != rules.currency:
        raise QuoteExpired(expires_at=quote.expires_at)
    limits.require_request()
    require_offered(quote.offer, limits=limits, rules=rules)
    return payee, quote


def _require_payee(payee: Payee | None, now: datetime, rules: Rules) -> Payee:
    if payee is None:
        raise PayeeMissing
    payee.require_payable(now, rules.payees)
    return payee


def require_offered(offered: Offer, *, limits: PayoutLimits, rules: Rules) -> None:
    """Refuse an offer that could not be made any more."""
    require_minimum(offered.diamonds, rules)
    limits.require_amount(offered.value_minor)


def _priced(value_minor: int, terms: Terms, rules: Rules) -> Offer:
    """
    Return what becomes of an amount of the books: fewer diamonds where less of it can be paid.

    What arrives is rounded down and the fee up, so a payout never costs more than its diamonds.
    """
    fee_minor, exchange = terms.fee.of(value_minor), terms.exchange
    gross_minor, currency = value_minor, rules.currency
    if exchange is not None:
        gross_minor, currency = exchange.convert(value_minor, Rounding.DOWN), exchange.currency
        fee_minor = exchange.convert(fee_minor, Rounding.UP)
    amount_minor = gross_minor - fee_minor
    amount_minor -= amount_minor % PAYABLE_STEPS.get(currency, 1)
    if amount_minor <= 0:
        raise BelowMinimum(minimum_diamonds=rules.minimum_diamonds, fee_minor=fee_minor)
    value_minor = amount_minor + fee_minor
    if exchange is not None:
        value_minor = exchange.cost_minor(value_minor)
    return Offer(
        diamonds=rules.diamonds_for(value_minor),
        value_minor=value_minor,
        value_currency=rules.currency,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        currency=currency,
        exchange_ppm=exchange.parts_per_million if exchange else None,
        exchanged_as_of=exchange.as_of if exchange else None,
    )
