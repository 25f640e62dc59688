"""
What is sold, and what a purchase may become. Pure: no database, no broker, no clock.

`prices` says what coins cost, `purchases` what there is to know about a purchase, `settlement`
what the provider's word makes of it, `payment_consequences` what follows for the money that came,
`disputes` who takes it back. `answers` says which word is the newest, `contradictions` what cannot
be. `refunds` says who gets money back and how much, `deadlines` until when, `refund_evidence` what
proves that it went. `money` says where it all is.
"""
