"""
The purchase service: real money becomes coins.

Owns:      packages, purchases, payments, refunds, withdrawals, disputes, webhook events,
           the money books
Consumes:  wallet.coins_credited .coins_frozen .coins_refunded .usage_reported .exclusion_started
           .exclusion_ended, gift.erasure_requested .user_erased
Publishes: purchase.paid .completed .failed .expired .refund_requested .refunded .refund_declined
           .withdrawal_received .disputed .dispute_closed .risk_flagged .usage_requested
           .refused .erasure_checked .data_erased
"""
