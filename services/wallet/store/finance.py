"""What coins are worth to the operator's books: owed to viewers, earned by gifts, lost."""

from dataclasses import dataclass

from sqlalchemy import text

from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class LiabilityLine:
    """Coins of one currency and age: what they cost, and what became of that money."""

    currency: str
    age: str
    lots: int
    unspent_coins: int
    price_minor: int
    deferred_minor: int
    released_minor: int
    refunded_minor: int
    disputed_minor: int


async def liability(tx: Transaction) -> list[LiabilityLine]:
    """
    Sum up what viewers hold, by currency and by the age of the lots.

    A lot's price is split among its coins in proportion, cumulatively: what is released,
    refunded, disputed and deferred adds up to exactly the price of every lot.
    """
    return [LiabilityLine(*row) for row in await tx.execute(_LIABILITY)]


# Cumulative floors: each part is a difference of two, so no cent is lost between them. Coins that
# paid a debt bought the gifts that debt was for; coins adjusted away or expired are forfeit.
_LIABILITY = text("""
    SELECT currency,
           CASE WHEN days <= 30 THEN '0-30' WHEN days <= 90 THEN '31-90'
                WHEN days <= 365 THEN '91-365' ELSE 'over 365' END AS age,
           count(*), sum(remaining)::bigint, sum(price_minor)::bigint,
           sum(price_minor - price_minor * (coins - remaining) / coins)::bigint,
           sum(price_minor * gone / coins)::bigint,
           sum(price_minor * (gone + refunded) / coins - price_minor * gone / coins)::bigint,
           sum(price_minor * (coins - remaining) / coins
               - price_minor * (gone + refunded) / coins)::bigint
    FROM (
        SELECT *, spent + paid_debts + adjusted + expired AS gone,
               extract(day FROM now() - funded_at) AS days
        FROM lots WHERE price_minor > 0
    ) AS l
    GROUP BY 1, 2 ORDER BY 1, 2
""")
