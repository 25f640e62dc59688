"""
What is sold, and what a purchase may become. Pure: no database, no broker, no clock.

`prices` says what coins cost, `purchases` what there is to know about a purchase, `settlement`
what the provider's word makes of it, `refunds` who gets money back, `money` where it all is.
"""
