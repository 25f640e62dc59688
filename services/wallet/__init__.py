"""
The wallet service: who holds how many coins, and why.

Owns:      accounts, movements, postings, outcomes, lots, slices
Hears:     purchase.paid, gift.requested
Announces: wallet.coins_credited, wallet.gift_paid, wallet.gift_refused
"""
