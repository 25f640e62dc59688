"""
The gift service: what viewers send.

Owns:      the catalogue and its prices, gifts, combos, which coins of gifts lost their money
Hears:     wallet.gift_paid .gift_refused .lot_reversed .lot_restored, live.level_reached
Announces: gift.requested .sent .refused .combo_ended .reversed .restored .catalogue_changed
"""
