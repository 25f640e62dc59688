"""
What the purchase service does, inside its caller's transaction.

`purchases` records and reads them, `inquiries` asks the provider, `payments` applies what it says,
`credits` completes what the wallet has credited. `refunds` takes requests to give money back,
`refund_decisions` weighs them, `refund_attempts` asks the provider for them. `books` keeps it all
in double entry, `entries` says what, `proving` proves it. `exclusions` heeds who wants to buy
nothing, `facts` puts each step into words.
"""
