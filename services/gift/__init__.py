"""
The gift service: what viewers send.

Owns:      gifts (the catalogue is read from seeds/)
Hears:     wallet.gift_paid, wallet.gift_refused
Announces: gift.requested, gift.sent, gift.refused
"""
