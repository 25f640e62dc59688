"""What coins cost: which offers a price list makes, and the one that a viewer takes."""

from dataclasses import dataclass

from shared.errors import Kind, Refusal
from shared.prices.packages import CustomPackage, Package
from shared.prices.price_list import CurrencyNotOffered, PriceList


class UnknownPackage(Refusal):
    """There is no such package."""

    kind = Kind.NOT_FOUND


class CoinsNotOffered(Refusal):
    """This package is not sold with that number of coins."""

    kind = Kind.INVALID


class PriceChanged(Refusal):
    """This costs another amount now; look at it and ask again."""

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What exactly can be bought, and for how much.

    `reduced_from_minor` is what a reduction is shown with, if the price is reduced.
    """

    sku: str
    coins: int
    bonus_coins: int
    amount_minor: int
    currency: str
    highlight: bool = False
    reduced_from_minor: int | None = None

    def require_amount(self, expected_amount_minor: int | None) -> None:
        """Refuse an order of somebody who saw another price, with the one that holds now."""
        if expected_amount_minor not in (None, self.amount_minor):
            raise PriceChanged(
                amount_minor=self.amount_minor,
                currency=self.currency,
                expected_amount_minor=expected_amount_minor,
            )


def list_offers(prices: PriceList, currency: str, *, covering: int | None = None) -> list[Offer]:
    """
    Return the packages sold in a currency.

    `covering` keeps those that bring at least so many coins, cheapest first, and offers
    exactly so many, if so many are sold one by one: no buyer has to take more than they need.
    If nothing brings enough, the largest package comes nearest.
    """
    offers = [
        _offer(prices, package, currency)
        for package in prices.packages
        if package.enabled and currency in package.prices
    ]
    if not offers:
        raise CurrencyNotOffered(currency=currency, currencies=prices.payable())
    if covering is None:
        return offers
    enough = [offer for offer in offers if offer.coins + offer.bonus_coins >= covering]
    if (custom := prices.custom_in(currency)) is not None and custom.sells(covering):
        enough.append(_custom_offer(prices, custom, currency, covering))
    if not enough:
        return [max(offers, key=lambda offer: offer.coins + offer.bonus_coins)]
    return sorted(enough, key=lambda offer: offer.amount_minor)


def find_offer(prices: PriceList, sku: str, *, currency: str, coins: int | None = None) -> Offer:
    """Return the one thing asked for; only the custom package takes a number of coins."""
    custom = prices.custom
    if custom is not None and custom.enabled and sku == custom.sku:
        return _custom_offer(prices, custom, currency, coins)
    for package in prices.packages:
        if package.enabled and package.sku == sku:
            if coins is not None:
                raise CoinsNotOffered(package=sku, coins=package.coins)
            return _offer(prices, package, currency)
    raise UnknownPackage(package=sku)


def _offer(prices: PriceList, package: Package, currency: str) -> Offer:
    if currency not in package.prices:
        raise CurrencyNotOffered(currency=currency, currencies=list(package.prices))
    return Offer(
        sku=package.sku,
        coins=package.coins,
        bonus_coins=package.bonus_coins,
        amount_minor=package.prices[currency],
        currency=currency,
        highlight=package.highlight,
        reduced_from_minor=prices.reduced_from.get(package.sku, {}).get(currency),
    )


def _custom_offer(
    prices: PriceList, custom: CustomPackage, currency: str, coins: int | None
) -> Offer:
    if currency not in custom.prices:
        raise CurrencyNotOffered(currency=currency, currencies=list(custom.prices))
    if coins is None or not custom.sells(coins):
        raise CoinsNotOffered(
            package=custom.sku, coins_min=custom.coins_min, coins_max=custom.coins_max
        )
    amount_minor = custom.amount_minor(coins, currency)
    per_1000 = prices.reduced_from.get(custom.sku, {}).get(currency, 0)
    before = custom.amount_at(per_1000, coins, currency)
    return Offer(
        sku=custom.sku,
        coins=coins,
        bonus_coins=0,
        amount_minor=amount_minor,
        currency=currency,
        reduced_from_minor=before if before > amount_minor else None,
    )
