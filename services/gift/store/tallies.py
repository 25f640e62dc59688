"""What others know too: gifts that were paid, sent, and reversed."""

from shared.backoffice.reconciliation import Source

PAID = Source("""
    SELECT paid_at AS at, id::text AS id, coins AS amount FROM gifts WHERE state = 'sent'
""")
SENT = Source("""
    SELECT settled_at AS at, id::text AS id, coins AS amount FROM gifts WHERE state = 'sent'
""")
REVERSED = Source("""
    SELECT to_timestamp(0) AS at, lot::text AS id, sum(announced_coins) AS amount
    FROM reversals GROUP BY lot HAVING sum(announced_coins) > 0
""")
