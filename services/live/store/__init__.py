"""
Every statement the live service sends to PostgreSQL.

`counting` adds gifts up, `feed` is what rooms show, `standing` who gave most; `rules` is what a
batch has to know beside its facts; `stages`, `goals`, `perks` are what people set up.
"""
