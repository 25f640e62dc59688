"""
The payout service: diamonds become money.

Owns:      the diamond ledger, earnings, payees, quotes, payouts, attempts
Hears:     gift.sent
Announces: payout.diamonds_earned, .requested, .approved, .sent, .paid, .failed, .returned
"""
