"""
The live service: what a room sees. An ordinary consumer, as any other team would be.

Owns:      rooms, streams, feeds, goals, perks, thanks, names of people; and, rebuilt from events,
           totals, scores, levels and supporters
Consumes:  gift.sent .combo_ended .reversed .restored .message_shown .message_removed
           .user_erased
Publishes: live.room_opened .room_closed .guest_joined .guest_left .goal_reached .level_reached
           .first_gift .perk_unlocked .perk_withdrawn .gifter_thanked .data_erased
"""
