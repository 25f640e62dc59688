"""
What the purchase service does, inside its caller's transaction.

`purchases` records them, `webhook_events` stores what providers post, `status_polls` asks the
provider what became of them, `changes` decides what its answer changes, `payments` applies it,
`credits` completes what the wallet has credited. `refunds` takes requests,
`refund_decisions` prices them, `refund_attempts` sends them to the provider. `exclusions` are
viewers who buy nothing. `entries` and `books` keep the money in double entry, `facts` are the
events of each step, `republish` publishes them again, `queries` reads.
"""
