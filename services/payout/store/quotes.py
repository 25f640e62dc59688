"""Offers of money for diamonds."""

from uuid import UUID

from sqlalchemy import text

from services.payout.domain.payouts import Offer, Payout, Quote
from shared.postgres.database import Transaction


async def add(tx: Transaction, quote: Quote) -> None:
    await tx.execute(
        _ADD,
        {
            "creator": quote.creator,
            "id": quote.id,
            "diamonds": quote.offer.diamonds,
            "amount": quote.offer.amount_minor,
            "fee": quote.offer.fee_minor,
            "currency": quote.currency,
            "rate_version": quote.rate_version,
            "expires_at": quote.expires_at,
        },
    )


async def find(tx: Transaction, creator: str, quote_id: UUID) -> Quote | None:
    row = (await tx.execute(_FIND, {"creator": creator, "id": quote_id})).first()
    if row is None:
        return None
    return Quote(
        id=row.id,
        creator=row.creator,
        offer=Offer(row.diamonds, row.amount_minor, row.fee_minor),
        currency=row.currency,
        rate_version=row.rate_version,
        expires_at=row.expires_at,
        payout=row.payout,
    )


async def use(tx: Transaction, payout: Payout) -> None:
    await tx.execute(_USE, {"creator": payout.creator, "id": payout.quote, "payout": payout.id})


_ADD = text("""
    INSERT INTO quotes (
        creator, id, diamonds, amount_minor, fee_minor, currency, rate_version, expires_at
    )
    VALUES (:creator, :id, :diamonds, :amount, :fee, :currency, :rate_version, :expires_at)
""")
_FIND = text("SELECT * FROM quotes WHERE creator = :creator AND id = :id")
_USE = text("UPDATE quotes SET payout = :payout WHERE creator = :creator AND id = :id")
