"""
The gift service: what viewers send.

Owns:      the catalogue, gifts, which of their coins lost their money
Hears:     wallet.gift_paid .gift_refused .lot_reversed .lot_restored
Announces: gift.requested .sent .refused .reversed .restored
"""
