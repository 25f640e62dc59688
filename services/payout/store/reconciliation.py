"""What others know too: gifts that earned diamonds."""

from shared.backoffice.reconciliation import Source

# Of a gift that is shared, the row of the creator who received it has all its coins too.
EARNED = Source("""
    SELECT min(occurred_at) AS at, gift::text AS id, sum(coins) AS amount FROM earnings
    WHERE shared_by IS NULL
    GROUP BY gift
""")
