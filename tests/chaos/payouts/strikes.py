"""Which calls of a provider meet a fault, and which errors it may answer them with."""

import random

from tests.chaos.vendor_faults import Call
from tests.payout.providers.driver import Action, Driver

STATUSES = (429, 500, 503)


def choose_call(vendor: Driver, dice: random.Random) -> Call:
    action = dice.choice([*Action])
    # Stripe keeps other errors for a day under the key of the transfer, which waits as long.
    is_kept = action is Action.SUBMIT and vendor.name == "stripe"
    return Call(action, STATUSES[:1] if is_kept else STATUSES)
