"""
What the purchase service does, each transaction in one part or in the schema of reference.

`purchases` records them, `purchase_ids` says in which part, `promotions` takes from budgets.
`webhook_events` stores what providers post, `status_polls` asks the provider what became of them,
`answers` takes its answer through the transactions that this needs, `changes` decides what it
changes, `payments` applies it. `credits` completes what the wallet has credited. `refunds` takes
requests, `refund_decisions` prices them, `refund_attempts` sends them to the provider.
`exclusions` are viewers who buy nothing. `entries` and `books` keep the money in double entry,
`facts` are the events of each step, `republish` publishes them again, `queries` reads.
"""
