"""What the wallet knows too: purchases whose coins are owed."""

from shared.backoffice.reconciliation import Source

PAID = Source("""
    SELECT paid_at AS at, id::text AS id,
           coins + bonus_coins + first_purchase_coins + promo_coins AS amount
    FROM purchases WHERE paid_at IS NOT NULL
""")
