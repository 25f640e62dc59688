"""
What the live service does: one file an object.

`gift_totals` counts gifts, `rewards` is what they lead to, `feed` is what rooms show; `queries`
reads for the API.
"""
