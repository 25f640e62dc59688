"""
Double entry, once: accounts, entries, postings, outcomes, and the one path that writes them.

Used by wallet for coins and by payout for diamonds, each in its own database. An entry
touches one user's accounts and system accounts (`@spent`, `@earned`); system accounts have no
balance row, so nothing is hot: their balance is the sum of their postings.
"""
