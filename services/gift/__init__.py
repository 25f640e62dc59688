"""
The gift service: what viewers send.

Owns:      the catalogue and its prices, gifts, combos, which coins of gifts lost their money; what
           creators allow: gifts, viewers, messages; requests of people to be erased
Consumes:  wallet.gift_paid .gift_refused .lot_reversed .lot_restored, live.level_reached
           .room_opened .room_closed .guest_joined .guest_left; of purchase, wallet and payout
           .erasure_checked .data_erased, live.data_erased
Publishes: gift.requested .sent .refused .combo_ended .reversed .restored .catalogue_changed
           .message_held .message_shown .message_removed .erasure_requested .user_erased
"""
