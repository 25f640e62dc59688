"""Who announces what, and which queue hears it: the whole map of messages, as data."""

from collections.abc import Mapping

from . import gift, payout, purchase, wallet
from .base import Event

EVENTS: tuple[type[Event], ...] = (
    *purchase.EVENTS,
    *wallet.EVENTS,
    *gift.EVENTS,
    *payout.EVENTS,
)

BY_TYPE: Mapping[str, type[Event]] = {event.type(): event for event in EVENTS}

# Services that connect to the broker. live announces nothing yet, but it hears.
SERVICES: tuple[str, ...] = ("purchase", "wallet", "gift", "payout", "live")

QUEUES: Mapping[str, tuple[type[Event], ...]] = {
    "purchase.credits": (
        wallet.CoinsCredited,
        wallet.CoinsFrozen,
        wallet.CoinsRefunded,
        wallet.ExclusionStarted,
        wallet.ExclusionEnded,
    ),
    # Money and gifts apart: a burst of gifts must not delay the coins that pay for them.
    "wallet.money": (
        purchase.PurchasePaid,
        purchase.PurchaseDisputed,
        purchase.PurchaseDisputeClosed,
        purchase.PurchaseRefundRequested,
        purchase.PurchaseRefunded,
        purchase.PurchaseRefundDeclined,
        purchase.PurchaseRiskFlagged,
    ),
    "wallet.gifts": (gift.GiftRequested,),
    "gift.outcomes": (wallet.GiftPaid, wallet.GiftPaymentRefused),
    "gift.reversals": (wallet.LotReversed, wallet.LotRestored),
    "payout.gifts": (
        gift.GiftSent,
        gift.GiftReversed,
        gift.GiftRestored,
        purchase.PurchaseRiskFlagged,
    ),
    "live.gifts": (gift.GiftSent, gift.GiftReversed, gift.GiftRestored),
}
