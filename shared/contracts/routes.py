"""Every event, and the queue that receives it: the whole map of messages, as data."""

from collections.abc import Collection, Iterable, Mapping

from . import erasures, gift, live, payout, purchase, shares, spending_controls, wallet, webhooks
from .base import Event

EVENTS: tuple[type[Event], ...] = (
    *purchase.EVENTS,
    *wallet.EVENTS,
    *gift.EVENTS,
    *payout.EVENTS,
    *live.EVENTS,
    *webhooks.EVENTS,
)

BY_TYPE: Mapping[str, type[Event]] = {event.type(): event for event in EVENTS}

# Services that connect to the broker.
SERVICES: tuple[str, ...] = ("purchase", "wallet", "gift", "payout", "live", "webhooks")

QUEUES: Mapping[str, tuple[type[Event], ...]] = {
    "purchase.credits": (
        wallet.CoinsCredited,
        wallet.CoinsFrozen,
        wallet.CoinsRefunded,
        wallet.UsageReported,
        spending_controls.ExclusionStarted,
        spending_controls.ExclusionEnded,
        gift.ErasureRequested,
        gift.UserErased,
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
        purchase.PurchaseUsageRequested,
        gift.ErasureRequested,
        gift.UserErased,
    ),
    "wallet.gifts": (gift.GiftRequested,),
    "gift.outcomes": (wallet.GiftPaid, wallet.GiftPaymentRefused),
    "gift.reversals": (wallet.LotReversed, wallet.LotRestored),
    # Some gifts are for viewers of a certain level.
    "gift.levels": (live.LevelReached,),
    # A gift in a room goes to its creator or to one of its guests.
    "gift.rooms": (live.RoomOpened, live.RoomClosed, live.GuestJoined, live.GuestLeft),
    # What the others say of a person who wants to be erased.
    "gift.erasures": (
        erasures.PurchaseErasureChecked,
        erasures.WalletErasureChecked,
        erasures.PayoutErasureChecked,
        erasures.PurchaseDataErased,
        erasures.WalletDataErased,
        erasures.PayoutDataErased,
        erasures.LiveDataErased,
        erasures.WebhooksDataErased,
    ),
    "payout.gifts": (
        gift.GiftSent,
        gift.GiftReversed,
        gift.GiftRestored,
        # From one part of its users to another.
        shares.GiftShared,
        shares.ShareReversed,
        shares.ShareRestored,
        # In which stream a gift was earned.
        live.RoomOpened,
        live.RoomClosed,
        purchase.PurchasePaid,
        purchase.PurchaseRiskFlagged,
        gift.ErasureRequested,
        gift.UserErased,
    ),
    "live.gifts": (
        gift.GiftSent,
        gift.ComboEnded,
        gift.GiftReversed,
        gift.GiftRestored,
        gift.MessageShown,
        gift.MessageRemoved,
        gift.UserErased,
    ),
    # All that a team can be granted; see `BOUND_BY_GRANTS`.
    "webhooks.events": EVENTS,
    # Apart: it has to be handled also where no team was granted anything.
    "webhooks.erasures": (gift.UserErased,),
}
# Which events come to these queues is what teams were granted: an operator's command binds them. An
# installation without such teams does not pay for copies of its events.
BOUND_BY_GRANTS = frozenset({"webhooks.events"})
ALWAYS_BOUND: Mapping[str, tuple[type[Event], ...]] = {
    queue: () if queue in BOUND_BY_GRANTS else events for queue, events in QUEUES.items()
}


class RoutesDiffer(Exception):
    """A service handles other events, or reads other queues, than `QUEUES` says."""


def require_handlers(queue: str, handled: Collection[type[Event]]) -> None:
    """Raise `RoutesDiffer` unless a consumer handles exactly what is bound to its queue."""
    bound = QUEUES.get(queue, ())
    _require_equal(queue, {each.type() for each in bound}, {each.type() for each in handled})


def require_queues(service: str, consumed: Iterable[str]) -> None:
    """Raise `RoutesDiffer` unless a service consumes exactly its queues."""
    own = {queue for queue in QUEUES if queue.startswith(f"{service}.")}
    _require_equal(f"service {service}", own, set(consumed))


def _require_equal(where: str, bound: set[str], handled: set[str]) -> None:
    if bound != handled:
        raise RoutesDiffer(
            f"{where}: in QUEUES and not handled: {sorted(bound - handled)}; handled and not in"
            f" QUEUES: {sorted(handled - bound)}. Change shared/contracts/routes.py or consumers.py"
        )
