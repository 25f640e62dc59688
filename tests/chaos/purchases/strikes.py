"""Which calls of a provider meet a fault, and which errors it may answer them with."""

import random

from tests.chaos.vendor_faults import Call
from tests.purchase.providers.driver import Action, Driver

STATUSES = (429, 500, 503)


def choose_call(vendor: Driver, dice: random.Random) -> Call:
    """Choose what goes wrong: a store is read, and told that the coins are there."""
    if vendor.is_store:
        return Call(dice.choice((Action.READ, Action.ACCEPT)), STATUSES)
    choices = (Action.CREATE, Action.READ, Action.REFUND, Action.CANCEL)
    # PayPal has no call that cancels.
    action = dice.choice(choices if vendor.moves_money_alone else choices[:3])
    # Stripe keeps other errors for a day under the key of the refund, which waits as long.
    return Call(action, STATUSES if action is not Action.REFUND else STATUSES[:1])
