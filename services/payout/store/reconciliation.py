"""What others know too: gifts that earned diamonds."""

from shared.backoffice.reconciliation import Source

EARNED = Source("""
    SELECT min(occurred_at) AS at, gift::text AS id, sum(coins) AS amount FROM earnings
    GROUP BY gift
""")
