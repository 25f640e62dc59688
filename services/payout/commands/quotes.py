"""Quotes: what diamonds would bring."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.payout.commands.payees import read_payee
from services.payout.domain import payouts as domain
from services.payout.domain.payouts import Quote
from services.payout.domain.rates import Rules
from services.payout.store import payouts, queries, quotes
from shared.ledger.entries import MAIN
from shared.postgres.database import Transaction
from shared.quotas import store as quotas


async def make_quote(tx: Transaction, creator: str, wanted: int | None, rules: Rules) -> Quote:
    """
    Offer money for diamonds, at a rate and a fee that hold until the quote expires.

    It reserves nothing, so everything is checked again when the quote is used.
    """
    now = datetime.now(UTC)
    payee = await read_payee(tx, creator)
    payee.require_usable(now)
    await quotas.use(tx, creator, rules.quotes)
    offer = domain.offer(
        available=(await queries.balances(tx, creator)).get(MAIN, 0),
        wanted=wanted,
        paid_today_minor=await payouts.paid_today_minor(tx, creator, now, rules.time_zone),
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
