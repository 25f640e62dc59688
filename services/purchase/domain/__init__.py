"""
What is sold, and what a purchase may become. Pure: no database, no broker, no clock.

`prices` says what coins cost, `purchases` what a purchase is, `transitions` what a provider status
makes of it, `payment_consequences` what follows for the money that came, `disputes` who takes it
back. `answers` says which status is the newest, `contradictions` what cannot be. `refunds` says
what is refunded, `deadlines` until when, `refund_evidence` what proves that the money went.
`books` says where it all is, `rules` has all that an operator sets.
"""
