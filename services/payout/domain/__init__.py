"""
What diamonds are worth, and how a payout may go. Pure: no database, no broker, no clock.

`payouts` turns diamonds into money, `earnings` says when a gift's diamonds may be used and how
they follow its coins, `money` keeps what creators are owed in the books.
"""
