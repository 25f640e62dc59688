"""Who announces what, and which queue hears it: the whole map of messages, as data."""

from collections.abc import Mapping

from . import gift, live, payout, purchase, wallet
from .base import Event

EVENTS: tuple[type[Event], ...] = (
    *purchase.EVENTS,
    *wallet.EVENTS,
    *gift.EVENTS,
    *payout.EVENTS,
    *live.EVENTS,
)

BY_TYPE: Mapping[str, type[Event]] = {event.type(): event for event in EVENTS}

# Services that connect to the broker.
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
    # Some gifts are for viewers of a certain level.
    "gift.levels": (live.LevelReached,),
    # Only who is in an open room can be given to there.
    "gift.rooms": (live.RoomOpened, live.RoomClosed, live.GuestJoined, live.GuestLeft),
    "payout.gifts": (
        gift.GiftSent,
        gift.GiftReversed,
        gift.GiftRestored,
        purchase.PurchaseRiskFlagged,
    ),
    "live.gifts": (
        gift.GiftSent,
        gift.ComboEnded,
        gift.GiftReversed,
        gift.GiftRestored,
        gift.MessageShown,
        gift.MessageRemoved,
    ),
}
