"""The days of a run: all that happens between them is waiting, so that nobody has to."""

# Thieves and honest people buy and give.
OPENING = 0
# The first try to cash out, before any hold is over; card networks warn.
EARLY = 1
# Cardholders notice most of what was stolen.
NOTICED = 10
# The hold of new creators is over: the second try.
RIPE = 16
# Who was told that their money goes elsewhere has changed it back.
OWNER_WAKES = 18
# Held payouts are decided, and a payee that was changed back has rested.
RESTED = 23
# The last cardholders notice, and friends ask their banks for what they gave; the third try.
LATE = 41
# The end: all reviews are decided, all that was approved is paid.
END = 48

DAYS = (OPENING, EARLY, 5, NOTICED, RIPE, OWNER_WAKES, RESTED, LATE, END)
CASHING_OUT = (EARLY, RIPE, LATE)
# Reviews are decided within five working days, with what is known by then.
REVIEW_DAYS = (NOTICED, RESTED, END)
# From one run to the next on the same system, and before the first.
BETWEEN = 40
