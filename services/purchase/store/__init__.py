"""
Every statement the purchase service sends to PostgreSQL.

`purchases`, `payments`, `disputes`, `refunds`, `exclusions`, `webhook_events` and `answers` are
tables. `known_money` reads all that is known of the money of purchases, `refund_attempts` claims
refunds that are due, `books` sums up everything, `in_flight`, `invariants` and `reconciliation` are
what operations watch.
"""
