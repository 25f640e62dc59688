"""Offers of money for diamonds."""

from services.payout import columns as tables
from services.payout.domain.payouts import Payout
from services.payout.domain.quotes import Offer, Quote
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows

offer_of = RowMapper(Offer, tables.Quote)


def quote_of(row: Row) -> Quote:
    """Read a quote from a row that has the columns of `quotes`."""
    return Quote(
        id=row.id,
        creator=row.creator,
        offer=offer_of(row),
        rate_version=row.rate_version,
        expires_at=row.expires_at,
        payout=row.payout,
    )


async def add(tx: Transaction, quote: Quote) -> None:
    about = arrays([quote], *_OF_QUOTE, **{name: f"offer.{name}" for name in Offer.__slots__})
    await tx.execute(_ADD, about)


_OF_QUOTE = ("creator", "id", "rate_version", "expires_at")
_ADD = insert_rows(tables.Quote, *_OF_QUOTE, *Offer.__slots__)


async def use(tx: Transaction, payout: Payout) -> None:
    """Remember which payout used up its quote."""
    await tx.execute(_USE, arrays([payout], "creator", id="quote", payout="id"))


_USE = update_rows(tables.Quote, ("creator", "id"), ("payout",))
