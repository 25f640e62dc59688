"""
What may be given. Pure: no database, no broker, no clock.

`gifts` says what becomes of a gift, `catalogue` what is on offer and to whom, `combos` how taps
in a row add up.
"""
