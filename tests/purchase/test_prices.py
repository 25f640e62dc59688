"""What is offered, in which currency, and for how much."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.purchase.domain.prices import (
    CoinsNotOffered,
    PriceChanged,
    UnknownPackage,
    find_offer,
    list_offers,
)
from shared.prices.packages import Currencies, CustomPackage, Package
from shared.prices.price_book import PriceBook
from shared.prices.price_list import CurrencyNotOffered, PriceList

PRICES = PriceList(
    packages=(
        Package("coins_100", 100, {"USD": 99, "JPY": 160}),
        Package("coins_500", 500, {"USD": 499, "JPY": 800}, bonus_coins=25, highlight=True),
        Package("coins_1000", 1_000, {"USD": 999}),
    ),
    custom=CustomPackage(
        "custom", 50, 25_000, minor_per_1000_coins={"USD": 1_000}, amount_minor_min={"USD": 50}
    ),
)


def test_a_package_is_offered_in_each_currency_it_has_a_price_in():
    assert [offer.sku for offer in list_offers(PRICES, "USD")] == [
        "coins_100",
        "coins_500",
        "coins_1000",
    ]
    assert [offer.amount_minor for offer in list_offers(PRICES, "JPY")] == [160, 800]


def test_covering_lists_what_is_enough_cheapest_first():
    skus = [offer.sku for offer in list_offers(PRICES, "USD", covering=101)]
    assert skus == ["custom", "coins_500", "coins_1000"]


def test_bonus_coins_cover_as_well():
    assert list_offers(PRICES, "USD", covering=525)[0].sku == "coins_500"
    assert list_offers(PRICES, "USD", covering=526)[0].sku == "custom"


def test_when_nothing_covers_the_largest_comes_nearest():
    assert [offer.sku for offer in list_offers(PRICES, "JPY", covering=5_000)] == ["coins_500"]


def test_a_currency_without_prices_is_refused_with_those_that_have_some():
    with pytest.raises(CurrencyNotOffered) as refused:
        list_offers(PRICES, "CHF")
    assert refused.value.facts["currencies"] == ["JPY", "USD"]
    with pytest.raises(CurrencyNotOffered):
        find_offer(PRICES, "coins_1000", currency="JPY")


def test_a_country_in_several_lists_may_choose_and_gets_the_first_unasked():
    currencies = Currencies(default=("USD",), countries={"JPY": ("JP", "CH"), "USD": ("CH",)})
    prices = replace(PRICES, currencies=currencies)

    assert prices.for_country("CH").payable() == ["JPY", "USD"]
    assert prices.for_country("CH").usual_currency == "JPY"
    assert find_offer(prices.for_country("CH"), "coins_100", currency="USD").amount_minor == 99
    with pytest.raises(CurrencyNotOffered) as refused:
        find_offer(prices.for_country("CH"), "coins_1000", currency="JPY")
    assert refused.value.facts["currencies"] == ["USD"]


@pytest.mark.parametrize(
    "mistake",
    [
        {"default": (), "countries": {}},
        {"default": ("CHF",), "countries": {}},
        {"default": ("USD",), "countries": {"CHF": ("CH",)}},
        {"default": ("USD",), "countries": {"JPY": ("UK",)}},
    ],
    ids=str,
)
def test_a_mistake_about_who_pays_in_what_stops_the_service(mistake):
    with pytest.raises(AssertionError):
        PriceBook(PRICES.packages, PRICES.custom, Currencies(**mistake))


def test_an_unknown_package_is_refused():
    with pytest.raises(UnknownPackage):
        find_offer(PRICES, "coins_7", currency="USD")


def test_a_package_takes_no_number_of_coins():
    with pytest.raises(CoinsNotOffered):
        find_offer(PRICES, "coins_100", currency="USD", coins=100)


@given(coins=st.integers(min_value=50, max_value=25_000))
def test_custom_coins_cost_a_cent_each_and_at_least_the_card_minimum(coins):
    offer = find_offer(PRICES, "custom", currency="USD", coins=coins)
    assert (offer.coins, offer.amount_minor) == (coins, max(coins, 50))


@given(coins=st.integers(min_value=50, max_value=25_000))
def test_custom_coins_in_a_currency_without_cents_are_rounded_up_to_what_can_be_paid(coins):
    in_yen = replace(PRICES.custom, minor_per_1000_coins={"JPY": 1_600}, amount_minor_min={})
    prices = PriceList(PRICES.packages, in_yen)
    amount = find_offer(prices, "custom", currency="JPY", coins=coins)
    assert 0 <= amount.amount_minor * 1_000 - coins * 1_600 < 1_000
    assert type(amount.amount_minor) is int


@pytest.mark.parametrize(
    ("covering", "skus"),
    [
        (49, ["coins_100", "coins_500", "coins_1000"]),
        (50, ["custom", "coins_100", "coins_500", "coins_1000"]),
        (100, ["coins_100", "custom", "coins_500", "coins_1000"]),
        (137, ["custom", "coins_500", "coins_1000"]),
        (25_000, ["custom"]),
        (25_001, ["coins_1000"]),
    ],
)
def test_what_is_missing_can_be_bought_exactly_within_limits(covering, skus):
    assert [offer.sku for offer in list_offers(PRICES, "USD", covering=covering)] == skus
    assert "custom" not in [offer.sku for offer in list_offers(PRICES, "JPY", covering=covering)]


@pytest.mark.parametrize("coins", [None, 49, 25_001])
def test_custom_coins_have_limits(coins):
    with pytest.raises(CoinsNotOffered):
        find_offer(PRICES, "custom", currency="USD", coins=coins)


def test_custom_coins_have_one_currency():
    with pytest.raises(CurrencyNotOffered):
        find_offer(PRICES, "custom", currency="JPY", coins=100)


@pytest.mark.parametrize(
    "wrong",
    [
        {"coins": 0},
        {"bonus_coins": -1},
        {"prices": {"USD": 0}},
        {"prices": {"usd": 99}},
        {"prices": {"ABC": 99}},
        {"prices": {"USD": 99, "DEM": 180}},
    ],
)
def test_a_package_that_gives_or_costs_nothing_is_a_mistake_in_the_price_list(wrong):
    with pytest.raises(AssertionError):
        replace(PRICES.packages[0], **wrong)


def test_a_disabled_package_is_not_sold():
    withdrawn = replace(PRICES.packages[2], enabled=False)
    assert PRICES.custom is not None
    prices = PriceList((*PRICES.packages[:2], withdrawn), replace(PRICES.custom, enabled=False))
    assert [offer.sku for offer in list_offers(prices, "USD")] == ["coins_100", "coins_500"]
    for sku in ("coins_1000", "custom"):
        with pytest.raises(UnknownPackage):
            find_offer(prices, sku, currency="USD", coins=100)


def test_two_packages_of_one_name_are_a_mistake_in_the_price_list():
    with pytest.raises(AssertionError):
        PriceBook(packages=(PRICES.packages[0], PRICES.packages[0]))


def test_a_reduced_price_is_offered_with_the_one_before():
    before = {"coins_100": {"USD": 119}, "custom": {"USD": 1_200}}
    prices = replace(PRICES, reduced_from=before)

    offered = {offer.sku: offer.reduced_from_minor for offer in list_offers(prices, "USD")}
    assert offered == {"coins_100": 119, "coins_500": None, "coins_1000": None}
    assert list_offers(prices, "JPY")[0].reduced_from_minor is None
    custom = find_offer(prices, "custom", currency="USD", coins=137)
    assert (custom.amount_minor, custom.reduced_from_minor) == (137, 165)


def test_a_reduction_that_the_least_amount_swallows_is_none():
    prices = replace(PRICES, reduced_from={"custom": {"USD": 1_001}})
    prices = replace(prices, custom=replace(PRICES.custom, amount_minor_min={"USD": 99}))

    offer = find_offer(prices, "custom", currency="USD", coins=50)

    assert (offer.amount_minor, offer.reduced_from_minor) == (99, None)


def test_an_order_at_another_price_is_refused_with_the_one_that_holds():
    offer = find_offer(PRICES, "coins_100", currency="USD")

    offer.require_amount(None)
    offer.require_amount(99)
    with pytest.raises(PriceChanged) as refused:
        offer.require_amount(98)
    assert refused.value.facts["amount_minor"] == 99
