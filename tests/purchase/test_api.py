"""A viewer buys coins: once, twice, at the same time, and with a provider that does not answer."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import ValidationError

from services.purchase.domain.prices import find_offer
from services.purchase.main import build_http
from shared.http import encode_cursor
from shared.prices.files import read_price_book
from tests.clients import a_token, a_verifier, an_operator_token, client_of, is_replayed
from tests.deliveries import announced
from tests.purchase.conftest import RULES


@pytest.fixture
def get(app):
    async def get_one(path, *, token=None, **params):
        async with client_of(app, token or a_token("mira")) as client:
            return await client.get(path, params=params)

    return get_one


@pytest.mark.parametrize(
    ("age", "why"), [(17, "too-young"), (0, "too-young"), (None, "age-unknown")]
)
async def test_coins_are_for_adults_and_an_unknown_age_is_none(buy, database, pretend, age, why):
    refused = await buy(claims={"age_verified": age})

    assert (refused.status_code, refused.json()["code"]) == (403, why)
    assert [each["name"] for each in await announced(database)] == ["purchase.refused"]
    assert pretend.payments == {}
    assert (await buy(claims={"age_verified": 18})).status_code == 201


async def test_a_purchase_that_was_recorded_is_found_again_whatever_the_token_says_now(buy):
    first = await buy()

    again = await buy(claims={"age_verified": None})

    assert (again.status_code, again.json()["purchase"]) == (201, first.json()["purchase"])


async def test_packages_are_listed_with_their_prices(get):
    answer = (await get("/v1/packages")).json()

    assert answer["currency"] == "USD"
    assert answer["items"][1] == {
        "sku": "coins_500",
        "coins": 500,
        "bonus_coins": 25,
        "amount_minor": 499,
        "currency": "USD",
        "highlight": True,
        "reduced_from_minor": None,
    }


def test_what_a_new_installation_sells_can_be_read():
    book = read_price_book(Path(__file__).parents[2] / "seeds" / "packages.toml")
    prices = book.at(datetime.now(UTC))

    assert find_offer(prices, "coins_100", currency="USD").amount_minor == 99
    assert find_offer(prices, "custom", currency="USD", coins=50).amount_minor == 50


@pytest.mark.parametrize(
    "mistake", ["coins = 0", "coins = 'many'", "prices = { usd = 99 }", "sku = 'coins_500'"]
)
def test_a_mistake_in_the_price_list_is_not_sold(tmp_path, mistake):
    lines = (Path(__file__).parent / "packages.toml").read_text().splitlines()
    name = mistake.partition(" ")[0]
    line = next(number for number, line in enumerate(lines) if line.startswith(f"{name} "))
    lines[line] = mistake
    path = tmp_path / "packages.toml"
    path.write_text("\n".join(lines))

    with pytest.raises(ValidationError):
        read_price_book(path)


async def test_packages_that_cover_a_shortfall_come_cheapest_first(get):
    answer = (await get("/v1/packages", covering=101)).json()

    assert [item["sku"] for item in answer["items"]] == ["custom", "coins_500", "coins_1000"]
    assert (answer["items"][0]["coins"], answer["items"][0]["amount_minor"]) == (101, 101)


async def test_how_coins_are_sold_one_by_one_is_told_where_they_are(get):
    dollars, yen = [(await get("/v1/packages", currency=each)).json() for each in ("USD", "JPY")]

    assert dollars["custom"] == {
        "sku": "custom",
        "coins_min": 50,
        "coins_max": 25_000,
        "minor_per_1000_coins": 1_000,
        "amount_minor_min": 50,
        "reduced_from_minor_per_1000": None,
    }
    assert yen["custom"] is None


@pytest.mark.parametrize("params", [{"covering": 0}, {"covering": "many"}, {"currency": "usd"}])
async def test_nonsense_about_packages_is_refused(get, params):
    assert (await get("/v1/packages", **params)).status_code == 422


@pytest.fixture
def shop(database, provider):
    """What a new installation sells, to whom, in what."""
    seeds = replace(RULES, prices=read_price_book(Path("seeds/packages.toml")))
    return build_http(database, a_verifier(), {"sandbox": provider}, seeds)


@pytest.fixture
def ask_shop(shop):
    async def request_refund(country, *, key="k", **order):
        token = a_token("mira", country=country)
        async with client_of(shop, token) as client:
            currency = {key: order[key] for key in order if key == "currency"}
            listed = await client.get("/v1/packages", params=currency)
            bought = await client.post(
                "/v1/purchases",
                json={"package": "coins_100", **order},
                headers={"Idempotency-Key": key},
            )
        return listed, bought

    return request_refund


@pytest.mark.parametrize(
    ("country", "currency", "amount_minor"),
    [
        ("GB", "GBP", 99),
        ("gb", "GBP", 99),
        ("DE", "EUR", 99),
        ("SE", "EUR", 99),
        ("JP", "JPY", 160),
        ("US", "USD", 99),
        ("CH", "USD", 99),
        (None, "USD", 99),
    ],
)
async def test_buyers_pay_in_the_currency_of_their_country(
    ask_shop, country, currency, amount_minor
):
    listed, bought = await ask_shop(country)

    assert (listed.json()["currency"], listed.json()["currencies"]) == (currency, [currency])
    assert bought.status_code == 201
    assert (bought.json()["currency"], bought.json()["amount_minor"]) == (currency, amount_minor)


@pytest.mark.parametrize("country", ["GB", "JP", "US", "CH", None])
@pytest.mark.parametrize("currency", ["USD", "EUR", "GBP", "JPY", "BRL", "INR"])
async def test_no_buyer_chooses_a_weaker_currency_of_another_country(ask_shop, country, currency):
    own = {"GB": "GBP", "JP": "JPY"}.get(country, "USD")
    listed, bought = await ask_shop(country, currency=currency)

    if currency == own:
        assert (listed.status_code, bought.status_code) == (200, 201)
        return
    for answer in (listed, bought):
        assert (answer.status_code, answer.json()["code"]) == (422, "currency-not-offered")
        assert answer.json()["currencies"] == [own]


async def test_an_amount_of_ones_own_is_paid_in_the_currency_of_ones_country_as_well(ask_shop):
    _, refused = await ask_shop("GB", package="custom", coins=100, currency="USD")
    _, bought = await ask_shop("GB", package="custom", coins=100)

    assert (refused.status_code, refused.json()["currencies"]) == (422, ["GBP"])
    assert (bought.json()["currency"], bought.json()["amount_minor"]) == ("GBP", 100)


async def test_a_purchase_of_before_is_found_again_although_its_currency_is_no_longer_offered(
    buy, ask_shop
):
    """Without a currency a order once was one in US dollars, from wherever it came."""
    before = (await buy(key="k", claims={"country": "GB"})).json()

    _, again = await ask_shop("GB", key="k")

    assert (again.status_code, again.json()["purchase"]) == (201, before["purchase"])
    assert is_replayed(again)
    assert again.json()["currency"] == "USD"


async def test_a_currency_we_do_not_sell_in_is_refused_with_those_we_do(get):
    answer = await get("/v1/packages", currency="CHF")

    assert (answer.status_code, answer.json()["code"]) == (422, "currency-not-offered")
    assert answer.json()["currencies"] == ["JPY", "USD"]


async def test_a_purchase_answers_with_where_to_pay(buy, pretend):
    answer = await buy("coins_500")

    purchase = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/purchases/{purchase['purchase']}"
    payment = pretend.payment_of(purchase["purchase"])
    assert (payment["amount_minor"], payment["currency"]) == (499, "USD")
    assert purchase.pop("created_at")
    assert purchase == {
        "purchase": payment["reference"],
        "state": "pending",
        "package": "coins_500",
        "coins": 500,
        "bonus_coins": 25,
        "promo_coins": 0,
        "promo_expires_at": None,
        "amount_minor": 499,
        "currency": "USD",
        "next_action": {"type": "redirect", "url": payment["pay_url"]},
        "paid_at": None,
        "completed_at": None,
        "withdrawable_until": None,
        "withdrawn_at": None,
    }


async def test_nothing_is_announced_before_anybody_paid(buy, database):
    await buy()

    assert await announced(database) == []


async def test_custom_coins_are_bought_by_the_coin(buy):
    purchase = (await buy("custom", coins=77)).json()

    assert (purchase["coins"], purchase["amount_minor"]) == (77, 77)


REFUSED: list[tuple[dict[str, object], int, str]] = [
    ({"package": "coins_7"}, 404, "unknown-package"),
    ({"package": "coins_500", "currency": "JPY"}, 422, "currency-not-offered"),
    ({"package": "coins_100", "coins": 100}, 422, "coins-not-offered"),
    ({"package": "custom"}, 422, "coins-not-offered"),
    ({"package": "custom", "coins": 25_001}, 422, "coins-not-offered"),
    ({"package": "custom", "coins": 100, "currency": "JPY"}, 422, "currency-not-offered"),
    ({"package": "custom", "coins": "100"}, 422, "invalid-request"),
    ({"package": "custom", "coins": 1.0}, 422, "invalid-request"),
    ({"package": "coins_100", "amount_minor": 1}, 422, "invalid-request"),
    ({"package": "coins\x00100"}, 422, "invalid-request"),
]


async def test_what_cannot_be_bought_is_refused_and_not_recorded(buy, rows, subtests):
    for order, status, code in REFUSED:
        with subtests.test(**order):
            answer = await buy(**order)
            assert (answer.status_code, answer.json()["code"]) == (status, code)

    assert await rows("SELECT 1 FROM purchases") == []


async def test_a_purchase_needs_a_key_and_a_token(app):
    async with client_of(app, a_token("mira")) as client:
        keyless = await client.post("/v1/purchases", json={"package": "coins_100"})
    async with client_of(app) as client:
        nameless = await client.post(
            "/v1/purchases", json={"package": "coins_100"}, headers={"Idempotency-Key": "k"}
        )

    assert keyless.json()["code"] == "idempotency-key-missing"
    assert nameless.json()["code"] == "unauthenticated"


async def test_the_country_comes_from_the_token_however_it_is_written(bought, pay, database):
    """In small letters it would be unknown, and the refund that the law gives refused."""
    for key, country in (("a", "DE"), ("b", "de"), ("c", None)):
        await pay(await bought(key=key, claims={"country": country}))

    facts = await announced(database, "purchase.paid")
    assert [fact["country"] for fact in facts] == ["DE", "DE", None]


async def test_somebody_elses_purchase_is_not_there(get, bought):
    purchase = await bought()

    answer = await get(f"/v1/purchases/{purchase}", token=a_token("otto"))

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-purchase")
    assert (await get(f"/v1/purchases/{uuid4()}")).status_code == 404
    assert (await get("/v1/purchases/nonsense")).status_code == 422


async def test_purchases_are_read_newest_first_page_by_page_without_gaps(get, bought):
    made = [await bought(key=f"key-{number}") for number in range(7)]
    await bought(viewer="otto")

    seen: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = (await get("/v1/purchases", limit=3, **more)).json()
        seen += [item["purchase"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        more = {"cursor": page["next_cursor"]}

    assert seen == made[::-1]


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "W10",
        encode_cursor(["a", "b"]),
        encode_cursor(["2026-11-23T12:00:00", "4ad80a52-7a42-4e25-9d1c-56f1b3f5d9a3"]),
        encode_cursor([1, 2, 3]),
    ],
)
async def test_an_invented_cursor_is_refused(get, cursor):
    """One of them has a time without a zone, which is no point in time."""
    answer = await get("/v1/purchases", cursor=cursor)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad-cursor")


async def test_the_books_show_what_was_sold_and_what_is_credited(get, bought, pay, credit):
    for key, package in (("a", "coins_100"), ("b", "coins_500"), ("c", "coins_1000")):
        purchase = await bought(package, key=key)
        if key != "c":
            await pay(purchase)
        if key == "a":
            await credit(purchase)
    await pay(await bought(key="d", currency="JPY"))

    answer = await get("/v1/operator/purchase/books", token=an_operator_token("books:read"))

    assert answer.json() == {
        "purchases_by_state": {
            "created": 0,
            "pending": 1,
            "paid": 2,
            "completed": 1,
            "failed": 0,
            "expired": 0,
            "mismatched": 0,
        },
        "paid_amounts": [
            {"currency": "JPY", "amount_minor": 160},
            {"currency": "USD", "amount_minor": 598},
        ],
        "coins_sold": 700,
        "bonus_coins_sold": 25,
        "promo_coins_given": 0,
        "coins_credited": 100,
        "disputes_open": 0,
        "postings_sum": 0,
        "accounts": [
            {"account": "@coin_sales", "currency": "JPY", "amount_minor": -160},
            {"account": "@coin_sales", "currency": "USD", "amount_minor": -598},
            {"account": "@provider_clearing", "currency": "JPY", "amount_minor": 160},
            {"account": "@provider_clearing", "currency": "USD", "amount_minor": 598},
        ],
    }


async def test_empty_books_are_all_zero(get):
    answer = await get("/v1/operator/purchase/books", token=an_operator_token("books:read"))

    assert answer.json()["paid_amounts"] == []
    assert set(answer.json()["purchases_by_state"].values()) == {0}


async def test_the_books_are_for_operators_with_the_scope(get):
    for token in (a_token("mira"), an_operator_token("gifts:write"), a_token(scope="books:read")):
        assert (await get("/v1/operator/purchase/books", token=token)).status_code == 403
