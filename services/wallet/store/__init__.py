"""
Every statement the wallet sends to PostgreSQL, beside the ledger's own.

`lots` are the coins, `claims` what is known of money taken back, `restraints` what people may
spend and have spent, `books` sums it all up.
"""
