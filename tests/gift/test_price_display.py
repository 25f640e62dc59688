"""Each gift says what it costs in real money: in the caller's currency, and never too little."""

from datetime import UTC, datetime, timedelta

import pytest

from services.gift.main import build_http
from shared.prices.packages import Channel, Currencies, CustomPackage, Package
from shared.prices.price_book import PriceBook, PriceChange
from tests.clients import a_token, a_verifier, an_operator_token, client_of
from tests.gift.conftest import BASE

DAY = timedelta(days=1)
# A country, its currency, the price of a hundred coins, and by hand that of 1 and of 299 coins.
TWELVE = (
    ("US", "USD", 99, 1, 297),
    ("DE", "EUR", 109, 2, 326),
    ("GB", "GBP", 95, 1, 285),
    ("JP", "JPY", 160, 2, 479),
    ("BR", "BRL", 590, 6, 1_765),
    ("IN", "INR", 123_400, 1_234, 368_966),
    ("KR", "KRW", 1_500, 15, 4_485),
    ("KW", "KWD", 305, 4, 912),
    ("BH", "BHD", 1_375, 14, 4_112),
    ("IS", "ISK", 139, 2, 416),
    ("CL", "CLP", 1_250, 13, 3_738),
    ("HU", "HUF", 39_990, 400, 119_571),
)


def prices_of(now):
    """Packages that get cheaper by the coin, coins one by one, and a change in the app."""
    hundred = Package("coins_100", 100, {currency: minor for _, currency, minor, *_ in TWELVE})
    return PriceBook(
        packages=(hundred, Package("coins_1000", 1_000, {"USD": 900}, bonus_coins=100)),
        custom=CustomPackage("custom", 50, 1_000, {"USD": 980}, {"USD": 999}),
        currencies=Currencies(
            ("USD",),
            {
                **{currency: (country,) for country, currency, *_ in TWELVE if country != "US"},
                "CLP": ("CL", "DE"),
            },
        ),
        price_changes=(
            PriceChange(now - DAY, {"coins_100": {"USD": 130}}, Channel.IOS),
            PriceChange(now + DAY, {"coins_100": {"USD": 1}, "custom": {"USD": 1}}),
        ),
    )


@pytest.fixture
def app(database, catalogue_cache, pending_replies):
    prices = prices_of(datetime.now(UTC))
    return build_http(database, a_verifier(), catalogue_cache, pending_replies, prices=prices)


@pytest.fixture
def shown(app):
    """Read what gifts cost in money, by gift; of the country that the token says."""

    async def read(country, **params):
        async with client_of(app, a_token("mira", country=country)) as client:
            answer = await client.get("/v1/catalogue", params=params)
        if answer.status_code != 200:
            return answer
        return {item["gift_type"]: item["price_display"] for item in answer.json()["items"]}

    return read


@pytest.mark.parametrize(("country", "currency", "_", "pebble", "fox"), TWELVE)
async def test_gifts_cost_what_was_computed_by_hand_in_twelve_currencies(
    shown, country, currency, _, pebble, fox
):
    items = await shown(country)

    assert items["g_pebble"] == {"amount_minor": pebble, "currency": currency}
    assert items["g_fox"] == {"amount_minor": fox, "currency": currency}
    assert len(items) == 33


async def test_the_dearest_offer_of_the_channel_counts(shown):
    """An app's hundred coins are dearer, and the web's change of tomorrow is not there yet."""
    web, ios = await shown("US"), await shown("US", channel="ios")

    assert (web["g_fox"]["amount_minor"], ios["g_fox"]["amount_minor"]) == (297, 389)


async def test_who_may_choose_a_currency_reads_it_and_others_do_not(shown):
    usual, chosen = await shown("DE"), await shown("DE", currency="CLP")
    refused = await shown("GB", currency="CLP")

    assert (usual["g_fox"]["currency"], chosen["g_fox"]["currency"]) == ("EUR", "CLP")
    assert (refused.status_code, refused.json()["code"]) == (422, "currency-not-offered")
    assert refused.json()["currencies"] == ["GBP"]


@pytest.mark.parametrize("params", [{"currency": "usd"}, {"currency": "USDX"}, {"channel": "tv"}])
async def test_nonsense_about_prices_is_refused(shown, params):
    assert (await shown("US", **params)).status_code == 422


async def test_a_new_price_in_coins_is_a_new_price_in_money_and_changes_the_etag(app, shown):
    async with client_of(app, a_token("mira", country="US")) as client:
        before = (await client.get("/v1/catalogue")).headers["ETag"]
    async with client_of(app, an_operator_token("catalogue:write")) as operator:
        change = {"revision": 1, "price_coins": 500, "reason": "season"}
        answer = await operator.patch(f"{BASE}/g_fox", json=change)
        assert answer.status_code == 200
        assert answer.json()["shown"]["price_display"] is None
    async with client_of(app, a_token("mira", country="US")) as client:
        after = (await client.get("/v1/catalogue")).headers["ETag"]

    assert (await shown("US"))["g_fox"]["amount_minor"] == 495
    assert before != after


async def test_prices_in_money_ask_the_database_nothing(shown, database):
    await shown("US")
    await database.close()

    assert (await shown("JP"))["g_fox"] == {"amount_minor": 479, "currency": "JPY"}
