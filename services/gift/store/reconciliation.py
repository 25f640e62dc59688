"""What others know too: gifts that were paid, sent, and reversed."""

from shared.backoffice.reconciliation import Source

PAID = Source("""
    SELECT paid_at AS at, id::text AS id, coins AS amount FROM gifts WHERE state = 'sent'
""")
SENT = Source("""
    SELECT decided_at AS at, id::text AS id, coins AS amount FROM gifts WHERE state = 'sent'
""")
REVERSED = Source("""
    SELECT to_timestamp(0) AS at, lot::text AS id, sum(published_coins) AS amount
    FROM reversals GROUP BY lot HAVING sum(published_coins) > 0
""")
