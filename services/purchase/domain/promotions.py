"""
More coins than were paid for: with a package, with a first purchase, with a promo code.

They are promised when a purchase is recorded, and kept with it. A purchase that is given up loses
them: then a campaign's budget, and a viewer's first purchase, are free for another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.purchase.domain.purchases import Purchase
from shared.errors import Kind, Refusal
from shared.prices.packages import Channel

COINS_MAX = 1_000_000_000
DAYS_MAX = 3_650


class UnknownPromoCode(Refusal):
    """There is no such promo code."""

    kind = Kind.NOT_FOUND


class PromoCodeEnded(Refusal):
    """This promo code is over: its time, or all coins that it had to give."""

    kind = Kind.CONFLICT


class PromoCodeUsed(Refusal):
    """You have used this promo code; it counts once."""

    kind = Kind.CONFLICT


class PromoCodeNotValid(Refusal):
    """This promo code is not for this purchase."""

    kind = Kind.INVALID


class CampaignDiffers(Refusal):
    """This campaign exists: only its `budget_coins` and `valid_until` can be changed."""

    kind = Kind.CONFLICT


class CodeTaken(Refusal):
    """Another campaign has this code."""

    kind = Kind.CONFLICT


class BudgetPromised(Refusal):
    """The budget cannot be below the coins that purchases were promised (`promised_coins`)."""

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class Promotions:
    """
    The numbers of `[promotions]` in `seeds/rules.toml`; nothing counts unless it is enabled.

    `bonus_coins` has what comes with a package, by its sku, instead of what its price list says.
    """

    enabled: bool = False
    first_purchase_percent: int = 0
    bonus_coins: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert 0 <= self.first_purchase_percent <= 100, "first_purchase_percent is of 100"
        for sku, coins in self.bonus_coins.items():
            assert coins >= 0, f"a bonus of {coins} coins for {sku} is none"

    def require_packages(self, skus: set[str]) -> None:
        """Stop a service that would give a bonus with what is not sold."""
        unknown = sorted(self.bonus_coins.keys() - skus) if self.enabled else []
        assert not unknown, f"[promotions.bonus_coins] has {', '.join(unknown)}: no such package"

    def bonus_of(self, sku: str, listed_coins: int) -> int:
        """Return what comes with a package that lists so many bonus coins."""
        return self.bonus_coins.get(sku, listed_coins) if self.enabled else listed_coins

    @property
    def first_percent(self) -> int:
        """How many coins of 100 come on top of a viewer's first purchase."""
        return self.first_purchase_percent if self.enabled else 0

    def first_coins(self, coins: int) -> int:
        """Return what comes on top if these are a viewer's first coins, rounded down."""
        return coins * self.first_percent // 100


@dataclass(frozen=True, slots=True)
class Campaign:
    """
    A promo code, and the coins it gives: so many with each purchase, up to a budget of coins.

    It counts once a viewer, from `valid_from` and before `valid_until`, in some `countries` or in
    all, with a purchase of at least `coins_min`. The coins expire so many days after the payment.
    `promised_coins` is what purchases have of the budget that are open or paid.
    """

    name: str
    code: str
    coins: int
    coins_min: int
    budget_coins: int
    coins_days: int
    valid_from: datetime
    valid_until: datetime
    countries: tuple[str, ...] = ()
    promised_coins: int = 0

    def require_for(self, purchase: Purchase, *, now: datetime, is_used: bool) -> None:
        """Refuse a purchase that the code is not for; the budget is looked at when it is taken."""
        if now < self.valid_from:
            raise UnknownPromoCode
        if now >= self.valid_until:
            raise PromoCodeEnded(valid_until=self.valid_until)
        if is_used:
            raise PromoCodeUsed
        # App stores forbid codes of one's own.
        if purchase.channel != Channel.WEB.value:
            raise PromoCodeNotValid(channels=[Channel.WEB.value])
        if self.countries and purchase.country not in self.countries:
            raise PromoCodeNotValid(country=purchase.country)
        if purchase.coins < self.coins_min:
            raise PromoCodeNotValid(coins_min=self.coins_min)

    def is_same_offer(self, other: "Campaign") -> bool:
        """Whether two differ at most in what may be changed: the budget, and the end."""
        return (
            (self.name, self.code, self.coins, self.coins_min, self.coins_days)
            == (other.name, other.code, other.coins, other.coins_min, other.coins_days)
            and self.valid_from == other.valid_from
            and self.countries == other.countries
        )


def normal_code(code: str) -> str:
    """Return a code as it is kept: people write it in any case."""
    return code.upper()
