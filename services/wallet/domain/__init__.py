"""
What coins may do. Pure: no database, no broker, no clock.

`coins` is the lot every coin belongs to, `spending` how lots pay for gifts, `claims` how coins
follow money that is taken back, `limits` what people may spend.
"""
