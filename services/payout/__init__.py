"""
The payout service: diamonds become money.

Owns:      the diamond ledger, earnings, holds, clawbacks, payees, quotes, payouts, attempts
Consumes:  gift.sent .reversed .restored, purchase.risk_flagged
Publishes: payout.diamonds_earned .diamonds_matured .diamonds_clawed_back .diamonds_restored
           .diamonds_adjusted .requested .held .approved .rejected .sent .paid .failed .returned
           .payee_changed .block_sealed
"""
