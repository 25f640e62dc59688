"""The liability to viewers: coins by currency and age, and what became of their price."""

from sqlalchemy import text

from shared.postgres.database import Rows, Transaction


async def liability(tx: Transaction) -> Rows:
    """
    Sum up what viewers hold, by currency and by the age of the lots.

    A lot's price is split among its coins in proportion, cumulatively: what is released,
    refunded, disputed and deferred adds up to exactly the price of every lot.
    """
    return await tx.execute(_LIABILITY)


# Cumulative floors: each part is a difference of two, so no cent is lost between them. Coins that
# paid a debt bought the gifts that debt was for; coins adjusted away or expired are forfeit.
_LIABILITY = text("""
    SELECT currency,
           CASE WHEN days <= 30 THEN '0-30' WHEN days <= 90 THEN '31-90'
                WHEN days <= 365 THEN '91-365' ELSE 'over 365' END AS age,
           count(*) AS lots, sum(remaining)::bigint AS unspent_coins,
           sum(price_minor)::bigint AS price_minor,
           sum(price_minor - price_minor * (coins - remaining) / coins)::bigint AS deferred_minor,
           sum(price_minor * gone / coins)::bigint AS released_minor,
           sum(price_minor * (gone + refunded) / coins - price_minor * gone / coins)::bigint
               AS refunded_minor,
           sum(price_minor * (coins - remaining) / coins
               - price_minor * (gone + refunded) / coins)::bigint AS disputed_minor
    FROM (
        SELECT *, spent + paid_debts + adjusted + expired AS gone,
               extract(day FROM now() - funded_at) AS days
        FROM lots WHERE price_minor > 0
    ) AS l
    GROUP BY 1, 2 ORDER BY 1, 2
""")
