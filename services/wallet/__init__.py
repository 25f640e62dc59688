"""
The wallet service: who holds how many coins, and why.

Owns:      the coin ledger, lots, holds, debts, spending limits, exclusions
Consumes:  purchase.paid .disputed .dispute_closed .refund_requested .refunded .refund_declined
           .risk_flagged .usage_requested, gift.requested .erasure_requested
           .user_erased
Publishes: wallet.coins_credited .gift_paid .gift_refused .coins_frozen .coins_unfrozen
           .coins_refunded .usage_reported .coins_expired .coins_forfeited .coins_adjusted
           .lot_reversed .lot_restored .debt_opened .debt_settled .limit_reminder
           .limit_reached .exclusion_started .exclusion_ended .block_sealed
           .erasure_checked .data_erased
"""
