"""
What the wallet does, a whole batch at a time, inside its caller's transaction.

`giving` pays for gifts, `money` follows purchases and what becomes of their money, `limiting` is
what viewers set for themselves, `operating` what operators do, `reading` what can be looked at,
`proving` the proof that all of it adds up.
"""
