"""
What the purchase service does, inside its caller's transaction.

`purchases` records and reads them, `inquiries` asks the provider and settles what it says,
`credits` completes what the wallet has credited, `refunds` gives money back, `books` keeps it all
in double entry, `exclusions` heeds who wants to buy nothing, `facts` puts each step into words.
"""
