"""Offers of money for diamonds."""

from services.payout import tables
from services.payout.domain.payouts import Offer, Payout, Quote
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows

offer_of = RowMapper(Offer, tables.Quote)


def quote_of(row: Row) -> Quote:
    """Read a quote from a row that has the columns of `quotes`."""
    return Quote(
        id=row.id,
        creator=row.creator,
        offer=offer_of(row),
        currency=row.currency,
        rate_version=row.rate_version,
        expires_at=row.expires_at,
        payout=row.payout,
    )


async def add(tx: Transaction, quote: Quote) -> None:
    about = arrays([quote], *_OF_QUOTE, **{name: f"offer.{name}" for name in _OF_OFFER})
    await tx.execute(_ADD, about)


_OF_QUOTE = ("creator", "id", "currency", "rate_version", "expires_at")
_OF_OFFER = ("diamonds", "amount_minor", "fee_minor")
_ADD = insert_rows(tables.Quote, *_OF_QUOTE, *_OF_OFFER)


async def use(tx: Transaction, payout: Payout) -> None:
    """Remember which payout used up its quote."""
    await tx.execute(_USE, arrays([payout], "creator", id="quote", payout="id"))


_USE = update_rows(tables.Quote, ("creator", "id"), ("payout",))
