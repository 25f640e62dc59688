"""
Every statement the purchase service sends to PostgreSQL.

`purchases` reads and writes the rows themselves, `money` what came for them and is disputed,
`refunds` what went back,
`notifications` what providers told us, `books` sums it all up.
"""
