"""
The purchase service: real money becomes coins.

Owns:      packages, purchases, payments, disputes, provider notifications
Hears:     wallet.coins_credited
Announces: purchase.paid .completed .failed .expired .disputed .dispute_closed
"""
