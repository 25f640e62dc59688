"""Quotes: what diamonds would bring, and how much a creator may ask for."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.payout.commands.payees import read_payee
from services.payout.commands.rate_plans import read_rate
from services.payout.domain import quotes as domain
from services.payout.domain.limits import PayoutLimits, limits_of
from services.payout.domain.quotes import Quote, Terms
from services.payout.domain.rates import Rules
from services.payout.store import limits, queries, quotes
from shared.ledger.entries import MAIN
from shared.postgres.database import Transaction
from shared.quotas import store as quotas


async def make_quote(
    tx: Transaction, creator: str, wanted: int | None, rules: Rules, *, currency: str | None = None
) -> Quote:
    """
    Offer money for diamonds, at a rate and a fee that hold until the quote expires.

    It reserves nothing, so everything is checked again when the quote is used. Without a currency
    the money arrives in that of the books.
    """
    await quotas.use(tx, creator, rules.quotes)
    return await offer_quote(tx, creator, wanted, rules, currency=currency)


async def offer_quote(
    tx: Transaction, creator: str, wanted: int | None, rules: Rules, *, currency: str | None = None
) -> Quote:
    """Do the same without counting it: nobody asked."""
    now = datetime.now(UTC)
    rules = rules.at(await read_rate(tx, creator, rules, now))
    currency = currency or rules.currency
    exchange = rules.exchange.rate(rules.currency, currency, now.date())
    payee = await read_payee(tx, creator, currency)
    payee.require_payable(now, rules.payees)
    offer = domain.offer(
        available=(await queries.balances(tx, creator)).get(MAIN, 0),
        wanted=wanted,
        limits=await read_limits(tx, creator, now, rules),
        terms=Terms(rules.fees.of(payee.provider), exchange),
        rules=rules,
    )
    quote = Quote(
        id=uuid4(),
        creator=creator,
        offer=offer,
        rate_version=rules.rate_version,
        expires_at=now + timedelta(seconds=rules.quote_seconds),
    )
    await quotes.add(tx, quote)
    return quote


async def read_own_limits(tx: Transaction, creator: str, rules: Rules) -> PayoutLimits:
    """Return what a creator may ask for, in the currency of their rate."""
    now = datetime.now(UTC)
    return await read_limits(tx, creator, now, rules.at(await read_rate(tx, creator, rules, now)))


async def read_limits(tx: Transaction, creator: str, now: datetime, rules: Rules) -> PayoutLimits:
    """Return what a creator may ask for; nothing is decided by it without the creator's lock."""
    usage = await limits.read_usage(tx, creator, at=now, zone=rules.time_zone)
    return limits_of(usage, now=now, rules=rules)
