"""
The wallet service: who holds how many coins, and why.

Owns:      the coin ledger, lots, holds, debts, spending limits, exclusions
Consumes:  purchase.paid .disputed .dispute_closed .refund_requested .refunded .refund_declined
           .risk_flagged, gift.requested
Publishes: wallet.coins_credited .gift_paid .gift_refused .coins_frozen .coins_unfrozen
           .coins_refunded .coins_expired .coins_adjusted .lot_reversed .lot_restored .debt_opened
           .debt_settled .limit_reminder .limit_reached .exclusion_started .exclusion_ended
           .block_sealed
"""
