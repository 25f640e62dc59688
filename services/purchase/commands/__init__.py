"""
What the purchase service does, inside its caller's transaction.

`purchases` records and reads them, `inquiries` asks the provider and settles what it says,
`credits` completes what the wallet has credited, `facts` puts each step into words.
"""
