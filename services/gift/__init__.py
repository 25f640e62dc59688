"""
The gift service: what viewers send.

Owns:      the catalogue and its prices, gifts, combos, which coins of gifts lost their money; what
           creators allow: gifts, viewers, messages
Consumes:  wallet.gift_paid .gift_refused .lot_reversed .lot_restored, live.level_reached
           .room_opened .room_closed .guest_joined .guest_left
Publishes: gift.requested .sent .refused .combo_ended .reversed .restored .catalogue_changed
           .message_held .message_shown .message_removed
"""
