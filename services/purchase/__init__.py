"""
The purchase service: real money becomes coins.

Owns:      packages, purchases, payments, refunds, disputes, provider notifications, the money books
Hears:     wallet.coins_credited .coins_frozen .coins_refunded .exclusion_started .exclusion_ended
Announces: purchase.paid .completed .failed .expired .refund_requested .refunded .refund_declined
           .disputed .dispute_closed .risk_flagged
"""
