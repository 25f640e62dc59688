"""What others know too: purchases that were credited, gifts that were paid, coins reversed."""

from shared.backoffice.reconciliation import Source

CREDITED = Source("""
    SELECT min(funded_at) AS at, purchase::text AS id, sum(coins) AS amount FROM lots
    WHERE channel <> 'adjustment' GROUP BY purchase
""")
PAID = Source("""
    SELECT recorded_at AS at, gift::text AS id, -amounts[1] AS amount
    FROM {entries} WHERE kind = 'gift'
""")
REVERSED = Source("""
    SELECT to_timestamp(0) AS at, id::text AS id, least(owed - repaid, spent) AS amount
    FROM lots WHERE owed > repaid AND spent > 0
""")
