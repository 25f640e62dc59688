"""
The purchase service: real money becomes coins.

Owns:      packages, purchases, payments, refunds, disputes, webhook events, the money books
Consumes:  wallet.coins_credited .coins_frozen .coins_refunded .exclusion_started .exclusion_ended
Publishes: purchase.paid .completed .failed .expired .refund_requested .refunded .refund_declined
           .disputed .dispute_closed .risk_flagged
"""
