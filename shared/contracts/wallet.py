"""What the wallet announces: coins that came, coins that went, and gifts it would not pay."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import AwareDatetime, Field

from .base import (
    NAMESPACE,
    BasisPoints,
    BlockEvent,
    Coins,
    Event,
    MinorUnits,
    Name,
    Part,
    UserId,
)

CoinsOrNone = Annotated[int, Field(strict=True, ge=0)]


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

    lot: UUID
    kind: LotKind
    coins: Coins
    # How many diamonds 10,000 of these coins are worth to the creator.
    diamond_rate_bp: BasisPoints


class Lot(Part):
    """Coins that came together, from one purchase."""

    lot: UUID
    kind: LotKind
    coins: Coins


class WalletEvent(Event):
    """
    Something that happened to one viewer's account.

    The sequence is the account's version: the order in which the wallet decided.
    """

    subject_field = "viewer"
    partition_field = "viewer"

    viewer: UserId


class CoinsCredited(WalletEvent):
    """The coins of a purchase are in the wallet."""

    name = "wallet.coins_credited"
    discriminator_fields = ("purchase",)

    purchase: UUID
    coins: Coins
    lots: tuple[Lot, ...]
    balance_coins: CoinsOrNone


class GiftPaid(WalletEvent):
    """The viewer's coins paid a gift; the slices say which coins."""

    name = "wallet.gift_paid"
    discriminator_fields = ("gift",)

    gift: UUID
    coins: Coins
    slices: tuple[Slice, ...]
    balance_coins: CoinsOrNone


class LimitHit(Part):
    """The spending limit that a gift would have exceeded."""

    period: Name
    unit: Name
    limit: MinorUnits
    spent: MinorUnits
    remaining: MinorUnits


class GiftPaymentRefused(WalletEvent):
    """The wallet will never pay this gift; `reason` is a stable code."""

    name = "wallet.gift_refused"
    discriminator_fields = ("gift",)

    gift: UUID
    coins: Coins
    reason: Name
    shortfall_coins: CoinsOrNone = 0
    balance_coins: CoinsOrNone
    limit_hit: LimitHit | None = None


class FreezeEvent(WalletEvent):
    """Something that happened to the unspent coins of a purchase, for one refund or warning."""

    discriminator_fields = ("freeze",)

    purchase: UUID
    # The refund or the warning that the coins are kept for.
    freeze: Annotated[str, Field(min_length=1, max_length=128)]
    coins: CoinsOrNone
    lots: tuple[Lot, ...]
    balance_coins: CoinsOrNone


class CoinsFrozen(FreezeEvent):
    """What was unspent cannot be spent any more; nothing may have been (0 coins)."""

    name = "wallet.coins_frozen"


class CoinsUnfrozen(FreezeEvent):
    """What was frozen can be spent again."""

    name = "wallet.coins_unfrozen"


class CoinsRefunded(FreezeEvent):
    """What was frozen is burnt: its money went back."""

    name = "wallet.coins_refunded"


class CoinsExpired(WalletEvent):
    """Promotional coins that were not spent in time are gone."""

    name = "wallet.coins_expired"
    discriminator_fields = ("lot",)

    lot: UUID
    coins: Coins
    balance_coins: CoinsOrNone


class CoinsAdjusted(WalletEvent):
    """Two operators corrected a balance; `coins` is positive or negative."""

    name = "wallet.coins_adjusted"
    discriminator_fields = ("adjustment",)

    adjustment: UUID
    coins: Annotated[int, Field(strict=True)]
    reason: Name
    balance_coins: CoinsOrNone


class ReversedGift(Part):
    """How many of a gift's coins out of one lot stand reversed now: a total, not a change."""

    gift: UUID
    reversed_coins: CoinsOrNone


class LotEvent(WalletEvent):
    """
    The coins of a lot that had paid for gifts lost their money, or have it again.

    `revision` counts the changes of one lot. A receiver keeps, for each gift, what the highest
    revision says, and acts on the difference; so neither order nor repetition matters. Long
    lists come in parts of at most 1,000 gifts.
    """

    discriminator_fields = ("lot", "revision", "part")

    purchase: UUID
    lot: UUID
    revision: Annotated[int, Field(strict=True, ge=1)]
    part: Annotated[int, Field(strict=True, ge=1)] = 1
    parts: Annotated[int, Field(strict=True, ge=1)] = 1
    gifts: Annotated[tuple[ReversedGift, ...], Field(max_length=1_000)]


class LotReversed(LotEvent):
    """More of what a lot had paid is reversed: its money was taken back."""

    name = "wallet.lot_reversed"


class LotRestored(LotEvent):
    """Less of what a lot had paid is reversed: a dispute was won, or a debt settled."""

    name = "wallet.lot_restored"


class DebtEvent(WalletEvent):
    """A change of what a viewer owes for the spent coins of one lot."""

    discriminator_fields = ("lot", "revision")

    purchase: UUID
    lot: UUID
    revision: Annotated[int, Field(strict=True, ge=1)]
    # What changed, and what the viewer owes in all from now on.
    coins: Coins
    debt_coins: CoinsOrNone


class DebtOpened(DebtEvent):
    """Spent coins lost their money: the viewer owes them, and gives nothing until they are paid."""

    name = "wallet.debt_opened"


class DebtSettled(DebtEvent):
    """Coins of a later purchase paid a debt, or a dispute was won and it is owed no more."""

    name = "wallet.debt_settled"


class LimitEvent(WalletEvent):
    """
    How far a viewer has come within a spending limit; once a window and threshold.

    `unit` is `coins` or a currency; the amounts are coins or its minor units.
    """

    discriminator_fields = ("period", "unit", "starts_on", "percent")

    period: Name
    unit: Name
    starts_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    percent: Annotated[int, Field(strict=True, ge=1, le=100)]
    limit: MinorUnits
    spent: MinorUnits


class LimitReminder(LimitEvent):
    """Half or most of a limit is spent."""

    name = "wallet.limit_reminder"


class LimitReached(LimitEvent):
    """All of a limit is spent."""

    name = "wallet.limit_reached"


class ExclusionEvent(WalletEvent):
    """A viewer's own wish to be kept from spending."""

    discriminator_fields = ("exclusion",)

    exclusion: UUID
    until: AwareDatetime


class ExclusionStarted(ExclusionEvent):
    """Until then the viewer neither buys nor gives."""

    name = "wallet.exclusion_started"


class ExclusionEnded(ExclusionEvent):
    """The viewer may spend again."""

    name = "wallet.exclusion_ended"


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
    CoinsExpired,
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
)
