"""Prices change: what is listed then, and what a viewer pays who saw another price."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.purchase.domain.methods import Method, Methods
from services.purchase.main import build_http
from shared.prices.packages import Channel
from shared.prices.price_book import PriceChange
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.purchase.conftest import RULES
from tests.purchase.pretend_store import METHODS, PretendStore

DAY = timedelta(days=1)


def a_change(after, prices, **about):
    return PriceChange(datetime.now(UTC) + after, prices, **about)


@pytest.fixture
def methods():
    """By card on the web, and in the App Store."""
    return Methods((Method("card", "sandbox"), *METHODS.listed))


@pytest.fixture
def providers(provider):
    return {provider.name: provider, "store": PretendStore()}


@pytest.fixture
def rules(methods):
    changes = (
        a_change(-DAY, {"coins_100": {"USD": 89}, "custom": {"USD": 900}}),
        a_change(DAY, {"coins_100": {"USD": 119}}),
        a_change(-2 * DAY, {"coins_100": {"USD": 129}}, channel=Channel.IOS),
        a_change(-2 * DAY, {"coins_100": {"USD": 79}}, countries=("MX",)),
    )
    prices = replace(RULES.prices, price_changes=changes)
    return replace(RULES, prices=prices, methods=methods)


@pytest.fixture
def listed(app):
    """List what is for sale, by package."""

    async def list_all(country="US", **params):
        async with client_of(app, a_token("mira", country=country)) as client:
            answer = (await client.get("/v1/packages", params=params)).json()
        return answer, {item["sku"]: item for item in answer["items"]}

    return list_all


async def test_a_price_that_fell_is_listed_with_the_one_before(listed):
    answer, items = await listed()

    assert (items["coins_100"]["amount_minor"], items["coins_100"]["reduced_from_minor"]) == (
        89,
        99,
    )
    assert items["coins_500"]["reduced_from_minor"] is None
    assert answer["custom"]["minor_per_1000_coins"] == 900
    assert answer["custom"]["reduced_from_minor_per_1000"] == 1_000
    _, exact = await listed(covering=100)
    assert (exact["custom"]["amount_minor"], exact["custom"]["reduced_from_minor"]) == (90, 100)


async def test_a_viewer_pays_the_price_in_force(buy):
    assert (await buy()).json()["amount_minor"] == 89
    bought = await buy(key="key-2", claims={"country": "MX"})
    assert bought.json()["amount_minor"] == 79


async def test_who_saw_another_price_is_told_the_one_that_holds_and_asked_again(
    buy, database, pretend
):
    refused = await buy(expected_amount_minor=99)

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "price-changed")
    assert (problem["amount_minor"], problem["currency"]) == (89, "USD")
    assert (await announced(database), pretend.payments) == ([], {})
    again = await buy(expected_amount_minor=89)
    assert (again.status_code, again.json()["amount_minor"]) == (201, 89)


async def test_a_repeat_finds_its_purchase_whatever_the_price_is_by_now(
    buy, rules, database, providers
):
    first = await buy(expected_amount_minor=89)
    dearer = replace(rules, prices=replace(rules.prices, price_changes=()))
    later = build_http(database, a_verifier(), providers, dearer)

    async with client_of(later, a_token("mira")) as client:
        again = await client.post(
            "/v1/purchases",
            json={"package": "coins_100", "expected_amount_minor": 89},
            headers={"Idempotency-Key": "key-1"},
        )

    assert (again.status_code, again.json()["purchase"]) == (201, first.json()["purchase"])
    assert again.json()["amount_minor"] == 89


@pytest.mark.parametrize("amount", [0, -1, "89", 89.0, 2**53, True, [89]])
async def test_an_expected_amount_that_is_none_is_refused(buy, amount):
    assert (await buy(expected_amount_minor=amount)).status_code == 422


async def test_an_app_lists_what_its_store_knows_at_its_own_prices(listed, buy):
    answer, items = await listed(channel="ios")

    assert list(items) == ["coins_100", "coins_500"]
    assert items["coins_100"]["amount_minor"] == 129
    # The app's price is 129 for less than 30 days, and it rose.
    assert items["coins_100"]["reduced_from_minor"] is None
    assert answer["custom"] is None
    assert answer["methods"] == ["store"]
    bought = await buy(channel="ios", expected_amount_minor=129)
    assert (bought.status_code, bought.json()["amount_minor"]) == (201, 129)


async def test_nobody_pays_the_price_of_an_app_by_card(buy):
    refused = await buy(channel="ios", method="card")

    assert (refused.status_code, refused.json()["code"]) == (422, "method-not-offered")


async def test_in_an_app_without_a_store_nothing_is_for_sale(listed, buy):
    answer, items = await listed(channel="android")

    assert (items, answer["methods"], answer["custom"]) == ({}, [], None)
    assert (await buy(channel="android")).json()["code"] == "method-not-offered"
