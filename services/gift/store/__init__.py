"""
Every statement the gift service sends to PostgreSQL.

`gifts` are the gifts themselves, `reversals` which of their coins lost their money.
"""
