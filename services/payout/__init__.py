"""
The payout service: diamonds become money.

Owns:      the diamond ledger, earnings, holds, clawbacks, rates, splits, bonuses, payees, quotes,
           payouts, reviews, appeals, schedules, attempts, bank accounts, bank files, what paid for
           lots, findings of fraud rules
Consumes:  gift.sent .reversed .restored, live.room_opened .room_closed, purchase.paid
           .risk_flagged, gift.erasure_requested .user_erased
Publishes: payout.diamonds_earned .diamonds_matured .diamonds_clawed_back .diamonds_restored
           .diamonds_adjusted .bonus_earned .rate_announced .creator_rate_announced .requested
           .risk_found .held .approved .rejected .appealed .appeal_decided .sent .paid .failed
           .returned .partly_returned .payee_changed .block_sealed .erasure_checked .data_erased
"""
