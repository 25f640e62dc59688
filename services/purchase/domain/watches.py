"""
Watches: a payment that bought coins is read again for months, in case a webhook was lost.

Its bank may dispute it, and the provider may refund it, without anything else arriving here.
"""

from dataclasses import dataclass
from datetime import timedelta

# The job takes this part of what a minute allows, so often.
TURN_SECONDS = 6
# A purchase that got no answer is read again after this.
RETRY_AFTER = timedelta(days=1)
# The first time after about a day: early fraud warnings come first.
FIRST_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """
    How often and how long purchases are read, and how many a minute of one provider.

    One whose dispute is open is read on until its bank has decided.
    """

    every: timedelta = timedelta(days=7)
    lasts: timedelta = timedelta(days=120)
    reads_per_minute: int = 300

    @property
    def reads_per_turn(self) -> int:
        return max(1, self.reads_per_minute * TURN_SECONDS // 60)
