"""
What the live service does.

`counting` follows gifts, `consequences` is what they lead to, `showing` hands rooms to those who
watch; `staging`, `goals`, `perks`, `thanking` and `standing` are what people ask for.
"""
