"""What the wallet announces: coins that came, coins that went, and gifts it would not pay."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.contracts.base import BasisPoints, Coins, Event, Name, Part, UserId

CoinsOrNone = Annotated[int, Field(strict=True, ge=0)]


class LotKind(StrEnum):
    """Where the coins of a lot came from."""

    PAID = "paid"
    BONUS = "bonus"
    PROMO = "promo"


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


class GiftPaymentRefused(WalletEvent):
    """The wallet will never pay this gift; `reason` is a stable code."""

    name = "wallet.gift_refused"
    discriminator_fields = ("gift",)

    gift: UUID
    coins: Coins
    reason: Name
    shortfall_coins: CoinsOrNone = 0
    balance_coins: CoinsOrNone


EVENTS: tuple[type[Event], ...] = (CoinsCredited, GiftPaid, GiftPaymentRefused)
