"""What is offered, in which currency, and for how much."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.purchase.domain.prices import (
    CoinsNotOffered,
    Currencies,
    CurrencyNotOffered,
    CustomPackage,
    Package,
    PriceList,
    UnknownPackage,
)

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
    assert [offer.sku for offer in PRICES.offers("USD")] == ["coins_100", "coins_500", "coins_1000"]
    assert [offer.amount_minor for offer in PRICES.offers("JPY")] == [160, 800]


def test_covering_lists_what_is_enough_cheapest_first():
    skus = [offer.sku for offer in PRICES.offers("USD", covering=101)]
    assert skus == ["custom", "coins_500", "coins_1000"]


def test_bonus_coins_cover_as_well():
    assert PRICES.offers("USD", covering=525)[0].sku == "coins_500"
    assert PRICES.offers("USD", covering=526)[0].sku == "custom"


def test_when_nothing_covers_the_largest_comes_nearest():
    assert [offer.sku for offer in PRICES.offers("JPY", covering=5_000)] == ["coins_500"]


def test_a_currency_without_prices_is_refused_with_those_that_have_some():
    with pytest.raises(CurrencyNotOffered) as refused:
        PRICES.offers("CHF")
    assert refused.value.facts["currencies"] == ["JPY", "USD"]
    with pytest.raises(CurrencyNotOffered):
        PRICES.offer("coins_1000", currency="JPY")


def test_a_country_in_several_lists_may_choose_and_gets_the_first_unasked():
    currencies = Currencies(default=("USD",), countries={"JPY": ("JP", "CH"), "USD": ("CH",)})
    prices = replace(PRICES, currencies=currencies)

    assert prices.for_country("CH").payable() == ["JPY", "USD"]
    assert prices.for_country("CH").usual_currency == "JPY"
    assert prices.for_country("CH").offer("coins_100", currency="USD").amount_minor == 99
    with pytest.raises(CurrencyNotOffered) as refused:
        prices.for_country("CH").offer("coins_1000", currency="JPY")
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
        replace(PRICES, currencies=Currencies(**mistake))


def test_an_unknown_package_is_refused():
    with pytest.raises(UnknownPackage):
        PRICES.offer("coins_7", currency="USD")


def test_a_package_takes_no_number_of_coins():
    with pytest.raises(CoinsNotOffered):
        PRICES.offer("coins_100", currency="USD", coins=100)


@given(coins=st.integers(min_value=50, max_value=25_000))
def test_custom_coins_cost_a_cent_each_and_at_least_the_card_minimum(coins):
    offer = PRICES.offer("custom", currency="USD", coins=coins)
    assert (offer.coins, offer.amount_minor) == (coins, max(coins, 50))


@given(coins=st.integers(min_value=50, max_value=25_000))
def test_custom_coins_in_a_currency_without_cents_are_rounded_up_to_what_can_be_paid(coins):
    in_yen = replace(PRICES.custom, minor_per_1000_coins={"JPY": 1_600}, amount_minor_min={})
    amount = PriceList(PRICES.packages, in_yen).offer("custom", currency="JPY", coins=coins)
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
    assert [offer.sku for offer in PRICES.offers("USD", covering=covering)] == skus
    assert "custom" not in [offer.sku for offer in PRICES.offers("JPY", covering=covering)]


@pytest.mark.parametrize("coins", [None, 49, 25_001])
def test_custom_coins_have_limits(coins):
    with pytest.raises(CoinsNotOffered):
        PRICES.offer("custom", currency="USD", coins=coins)


def test_custom_coins_have_one_currency():
    with pytest.raises(CurrencyNotOffered):
        PRICES.offer("custom", currency="JPY", coins=100)


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
    assert [offer.sku for offer in prices.offers("USD")] == ["coins_100", "coins_500"]
    for sku in ("coins_1000", "custom"):
        with pytest.raises(UnknownPackage):
            prices.offer(sku, currency="USD", coins=100)


def test_two_packages_of_one_name_are_a_mistake_in_the_price_list():
    with pytest.raises(AssertionError):
        PriceList(packages=(PRICES.packages[0], PRICES.packages[0]))
