"""
The live service: what a room sees. An ordinary listener, as any other team would be.

Owns:      rooms' totals, scores and feeds, all of them rebuilt from events
Hears:     gift.sent .reversed .restored
Announces: nothing yet
"""
