"""
Every statement the gift service sends to PostgreSQL.

`gifts` are the gifts themselves, `combos` taps in a row, `reversals` which coins lost their
money, `catalogue` what is on offer, `standing` what viewers have given and reached.
"""
