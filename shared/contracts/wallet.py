"""Events of the wallet: coins that came, coins that went, and gifts it would not pay."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import Field

from .base import (
    NAMESPACE,
    AdjustmentId,
    BasisPoints,
    BlockEvent,
    Coins,
    CoinsOrNone,
    ErasureId,
    Event,
    ForeignId,
    GiftId,
    LotId,
    Name,
    Part,
    PurchaseId,
    QuestionId,
    Revision,
    WalletEvent,
    like,
    number,
)
from .erasures import WalletDataErased, WalletErasureChecked
from .spending_controls import (
    ExclusionEnded,
    ExclusionStarted,
    LimitHit,
    LimitReached,
    LimitReminder,
)


class LotKind(StrEnum):
    """Where the coins of a lot came from."""

    PAID = "paid"
    BONUS = "bonus"
    PROMO = "promo"


def lot_id(purchase: UUID, kind: LotKind) -> UUID:
    """Return the id of the lot that a purchase opened: others may derive it as we do."""
    return uuid5(NAMESPACE, f"lot|{purchase}|{kind.value}")


class Slice(Part):
    """The part of a gift that one lot paid: provenance from the card to the creator."""

    lot: LotId
    """The lot that these coins came from."""
    kind: Annotated[LotKind, like("paid", "bonus", "promo")]
    """Where the coins of that lot came from."""
    coins: Coins
    """How many coins of the gift this lot paid, in coins."""
    diamond_rate_bp: BasisPoints
    """How many diamonds 10,000 of these coins are worth to the creator."""


class Lot(Part):
    """Coins that came together, from one purchase."""

    lot: LotId
    """The lot; it keeps this id for ever."""
    kind: Annotated[LotKind, like("paid", "bonus", "promo")]
    """Where its coins came from."""
    coins: Coins
    """How many of its coins are meant, in coins."""


class CoinsCredited(WalletEvent):
    """The coins of a purchase are in the wallet."""

    name = "wallet.coins_credited"
    discriminator_fields = ("purchase",)

    purchase: PurchaseId
    """The purchase that paid for the coins."""
    coins: Coins
    """How many coins arrived, in coins."""
    lots: tuple[Lot, ...]
    """The lots that were opened; their coins add up to `coins`."""
    balance_coins: CoinsOrNone
    """What the viewer can spend afterwards, in coins."""


class GiftPaid(WalletEvent):
    """The viewer's coins paid a gift; the slices say which coins."""

    name = "wallet.gift_paid"
    discriminator_fields = ("gift",)

    gift: GiftId
    """The gift that is paid."""
    coins: Coins
    """What the gift cost, in coins."""
    slices: tuple[Slice, ...]
    """Which coins paid it, by lot; their coins add up to `coins`."""
    balance_coins: CoinsOrNone
    """What the viewer can spend afterwards, in coins."""


class GiftPaymentRefused(WalletEvent):
    """The wallet will never pay this gift; `reason` is a stable code."""

    name = "wallet.gift_refused"
    discriminator_fields = ("gift",)

    gift: GiftId
    """The gift that is not paid."""
    coins: Coins
    """What the gift would have cost, in coins."""
    reason: Annotated[Name, like("limit-exceeded", "insufficient-coins", "too-late")]
    """Why, as a stable code."""
    shortfall_coins: Annotated[CoinsOrNone, like(0, 380)] = 0
    """How many coins are missing, in coins; 0 where coins are not the reason."""
    balance_coins: CoinsOrNone
    """What the viewer can spend, in coins; the refusal did not change it."""
    limit_hit: LimitHit | None = None
    """The limit, where a limit is the reason; else null."""


class HeldCoinsEvent(WalletEvent):
    """Something that happened to the unspent coins of a purchase, for one refund or warning."""

    discriminator_fields = ("freeze",)

    purchase: PurchaseId
    """The purchase whose coins these are."""
    freeze: Annotated[ForeignId, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d104", "efw_2d81b3")]
    """The refund (our id) or the warning (the provider's) that the coins are kept for."""
    coins: Annotated[CoinsOrNone, like(500, 100, 0)]
    """How many coins are meant, in coins; 0 if nothing was left to freeze."""
    lots: tuple[Lot, ...]
    """The lots they belong to; their coins add up to `coins`."""
    balance_coins: CoinsOrNone
    """What the viewer can spend afterwards, in coins."""


class CoinsFrozen(HeldCoinsEvent):
    """What was unspent cannot be spent any more; nothing may have been (0 coins)."""

    name = "wallet.coins_frozen"


class CoinsUnfrozen(HeldCoinsEvent):
    """What was frozen can be spent again."""

    name = "wallet.coins_unfrozen"


class CoinsRefunded(HeldCoinsEvent):
    """What was frozen is burnt: its money went back."""

    name = "wallet.coins_refunded"


class UsageReported(WalletEvent):
    """How many coins of a purchase are used, when a store asked for it."""

    name = "wallet.usage_reported"
    discriminator_fields = ("question",)

    purchase: PurchaseId
    """The purchase whose coins are meant."""
    question: QuestionId
    """The question, as `purchase.usage_requested` called it."""
    coins: Coins
    """How many coins the purchase brought, in coins, the bonus included."""
    used_coins: Annotated[CoinsOrNone, like(120, 500, 0)]
    """How many of them were given away or paid a debt, in coins."""


class CoinsExpired(WalletEvent):
    """Promotional coins that were not spent in time are gone."""

    name = "wallet.coins_expired"
    discriminator_fields = ("lot",)

    lot: LotId
    """The lot whose time is over."""
    coins: Coins
    """How many coins are gone, in coins."""
    balance_coins: CoinsOrNone
    """What the viewer can spend afterwards, in coins."""


class CoinsForfeited(WalletEvent):
    """
    A viewer who is erased gave up the coins that were left.

    Coins that come back to them later, for example because a dispute is won, are gone at once.
    """

    name = "wallet.coins_forfeited"
    discriminator_fields = ("erasure",)

    erasure: ErasureId
    """The erasure with which they were given up."""
    coins: Coins
    """How many coins are gone, in coins."""
    balance_coins: CoinsOrNone
    """What the viewer can spend afterwards, in coins."""


class CoinsAdjusted(WalletEvent):
    """Two operators corrected a balance; `coins` is positive or negative."""

    name = "wallet.coins_adjusted"
    discriminator_fields = ("adjustment",)

    adjustment: AdjustmentId
    """The correction, as the operators' routes know it."""
    coins: Annotated[int, number("coins", 500, -500)]
    """What was added, in coins; less than 0 if it was taken."""
    reason: Annotated[Name, like("goodwill", "booked twice")]
    """Why, in the operator's words."""
    balance_coins: CoinsOrNone
    """What the viewer can spend afterwards, in coins."""


class ReversedGift(Part):
    """How many of a gift's coins out of one lot stand reversed now: a total, not a change."""

    gift: GiftId
    """The gift that coins of the lot had paid."""
    reversed_coins: Annotated[CoinsOrNone, like(500, 100, 0)]
    """How many of them stand reversed now, in coins: a total, not a change."""


class LotEvent(WalletEvent):
    """
    The coins of a lot that had paid for gifts lost their money, or have it again.

    A receiver keeps, for each gift, what the highest `revision` says, and acts on the difference:
    neither order nor repetition matters. Long lists come in parts of at most 1,000 gifts.
    """

    discriminator_fields = ("lot", "revision", "part")

    purchase: PurchaseId
    """The purchase that opened the lot."""
    lot: LotId
    """The lot whose money was taken back or returned."""
    revision: Revision
    """Counts the changes of the lot: of two events the higher one is right, in any order."""
    part: Annotated[int, number("parts", 1, ge=1)] = 1
    """Which part of the list this is, counted from 1."""
    parts: Annotated[int, number("parts", 1, ge=1)] = 1
    """In how many parts the list comes."""
    gifts: Annotated[tuple[ReversedGift, ...], Field(max_length=1_000)]
    """The gifts that the lot had paid, with what stands reversed of each."""


class LotReversed(LotEvent):
    """More of what a lot had paid is reversed: its money was taken back."""

    name = "wallet.lot_reversed"


class LotRestored(LotEvent):
    """Less of what a lot had paid is reversed: a dispute was won, or a debt paid."""

    name = "wallet.lot_restored"


class DebtEvent(WalletEvent):
    """A change of what a viewer owes for the spent coins of one lot."""

    discriminator_fields = ("lot", "revision")

    purchase: PurchaseId
    """The purchase that opened the lot."""
    lot: LotId
    """The lot whose spent coins are owed."""
    revision: Revision
    """Counts the changes of this debt: of two events the higher one is later."""
    coins: Coins
    """By how much the debt changed, in coins."""
    debt_coins: Annotated[CoinsOrNone, like(500, 2_000, 0)]
    """What the viewer owes in all from now on, in coins."""


class DebtOpened(DebtEvent):
    """Spent coins lost their money: the viewer owes them, and gives nothing until they are paid."""

    name = "wallet.debt_opened"


class DebtSettled(DebtEvent):
    """Coins of a later purchase paid a debt, or a dispute was won and it is owed no more."""

    name = "wallet.debt_settled"


class BlockSealed(BlockEvent):
    """A block of the coin ledger's movements was sealed."""

    name = "wallet.block_sealed"


EVENTS: tuple[type[Event], ...] = (
    CoinsCredited,
    GiftPaid,
    GiftPaymentRefused,
    CoinsFrozen,
    CoinsUnfrozen,
    CoinsRefunded,
    UsageReported,
    CoinsExpired,
    CoinsForfeited,
    CoinsAdjusted,
    LotReversed,
    LotRestored,
    DebtOpened,
    DebtSettled,
    LimitReminder,
    LimitReached,
    ExclusionStarted,
    ExclusionEnded,
    BlockSealed,
    WalletErasureChecked,
    WalletDataErased,
)
