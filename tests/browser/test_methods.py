"""An installation with several ways to pay, and prices in twelve currencies, in a real browser."""

import asyncio
import re
import tomllib
from uuid import UUID

import asyncpg
import pytest
from playwright.sync_api import expect

from deploy.config.databases import in_own_thread
from deploy.config.environment import ROOT
from deploy.harness.system import System
from services.sandbox.provider import SUCCESS_CARD
from tests.browser.conftest import TIMEOUT_MILLISECONDS
from tests.browser.test_access import faults, finished
from tests.browser.test_paying import pay

PROVIDERS = """
[[providers]]
name = "sandbox"
kind = "sandbox"
url = "${PURCHASE_PROVIDER_URL}"

[[providers]]
name = "second"
kind = "tests.browser.second_sandbox:build"
url = "${PURCHASE_PROVIDER_URL}"

[[methods]]
name = "card"
provider = "sandbox"

[[methods]]
name = "paypal"
provider = "second"
countries = ["US"]

[[methods]]
name = "moon_pay-2"
provider = "second"
countries = ["US"]
"""
# Country, currency, price of a hundred coins in minor units, as people read it, and half of it.
CURRENCIES = (
    ("US", "USD", 99, "$0.99", "$0.50"),
    ("DE", "EUR", 109, "€1.09", "€0.55"),
    ("GB", "GBP", 95, "£0.95", "£0.48"),
    ("JP", "JPY", 160, "¥160", "¥80"),
    ("BR", "BRL", 590, "R$5.90", "R$2.95"),
    ("IN", "INR", 123400, "₹1,234.00", "₹617.00"),
    ("KR", "KRW", 1500, "₩1,500", "₩750"),
    ("KW", "KWD", 305, "KWD 0.305", "KWD 0.153"),
    ("BH", "BHD", 1375, "BHD 1.375", "BHD 0.688"),
    ("IS", "ISK", 139, "ISK 139", "ISK 70"),
    ("CL", "CLP", 1250, "CLP 1,250", "CLP 625"),
    ("HU", "HUF", 39990, "HUF 399.90", "HUF 199.95"),
)
PRICES = ", ".join(f"{currency} = {minor}" for _, currency, minor, _, _ in CURRENCIES)
PER_1000 = ", ".join(f"{currency} = {minor * 10}" for _, currency, minor, _, _ in CURRENCIES)
PACKAGES = f"""
[[packages]]
sku = "coins_100"
coins = 100
prices = {{ {PRICES} }}

[custom]
sku = "custom"
coins_min = 50
coins_max = 25000
amount_minor_min = {{}}
minor_per_1000_coins = {{ {PER_1000} }}

[currencies]
default = ["USD"]

[currencies.countries]
""" + "\n".join(f'{code} = ["{country}"]' for country, code, *_ in CURRENCIES if code != "USD")

# What amounts count as in the rules for purchases, which the seeds have not in all currencies.
COUNTED = "[purchase_rules.equal_minor]\n" + "".join(
    f"{currency} = 1_000_000\n" for currency in ("BHD", "CLP", "HUF", "ISK", "KRW", "KWD")
)


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """An installation of its own, with servers of its own."""
    folder = tmp_path_factory.mktemp("installation")
    (folder / "providers.toml").write_text(PROVIDERS)
    (folder / "packages.toml").write_text(PACKAGES)
    rules = (ROOT / "seeds" / "rules.toml").read_text()
    rules = rules.replace("[purchase_rules.equal_minor]\n", COUNTED)
    (folder / "rules.toml").write_text(rules)
    files = {
        "PURCHASE_RULES_FILE": str(folder / "rules.toml"),
        "PURCHASE_PROVIDERS_FILE": str(folder / "providers.toml"),
        "PURCHASE_PACKAGES_FILE": str(folder / "packages.toml"),
        "GIFT_PACKAGES_FILE": str(folder / "packages.toml"),
    }
    with System(fast=True, settings=files) as running:
        yield running


@pytest.fixture
def american(stage):
    return stage.person("mira", roles=["viewer"], country="US", age_verified=30)


def open_shop(page):
    page.get_by_role("button", name="Get coins").first.click()
    page.locator(".offer").first.wait_for()


def provider_of(system, purchase):
    async def read():
        connection = await asyncpg.connect(system.postgres.dsn("purchase"))
        try:
            query = "SELECT provider FROM purchases WHERE id = $1"
            return await connection.fetchval(query, UUID(purchase))
        finally:
            await connection.close()

    return in_own_thread(lambda: asyncio.run(read()))


def buy(page):
    """Press the first offer; return what was asked for, what it became, and the payment page."""
    with (
        page.expect_response(re.compile("/v1/purchases$")) as answered,
        page.context.expect_page() as opened,
    ):
        page.locator(".offer").first.click()
    response = answered.value
    return response.request.post_data_json, response.json(), opened.value


def test_the_usual_way_to_pay_is_chosen_and_others_can_be(visitor, american, system):
    page = visitor(american.user).open("/wallet")
    open_shop(page)
    group = page.get_by_role("group", name="Pay with")
    expect(group.get_by_role("radio")).to_have_count(3)
    expect(group.get_by_label("Card")).to_be_checked()
    expect(group.get_by_label("moon_pay-2", exact=True)).to_be_visible()

    group.get_by_text("PayPal").click()
    asked, purchase, tab = buy(page)
    pay(tab, SUCCESS_CARD)
    page.get_by_text("Your coins are here").wait_for()

    assert asked["method"] == "paypal"
    assert provider_of(system, purchase["purchase"]) == "second"
    assert american.get("/v1/wallets/me")["coins"] == 100


def test_who_chooses_nothing_pays_the_usual_way(visitor, american, system):
    page = visitor(american.user).open("/wallet")
    open_shop(page)

    asked, purchase, _ = buy(page)

    assert asked["method"] == "card"
    assert provider_of(system, purchase["purchase"]) == "sandbox"


def test_a_way_to_pay_is_chosen_by_keyboard_and_kept(visitor, american):
    page = visitor(american.user).open("/wallet")
    open_shop(page)
    expect(page.get_by_label("Card")).to_be_focused()

    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.locator(".offer").first).to_be_focused()
    with page.expect_response(re.compile("/v1/purchases$")) as answered:
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Choose something else").click()

    assert answered.value.request.post_data_json["method"] == "paypal"
    expect(page.get_by_label("PayPal")).to_be_checked()


def test_axe_finds_nothing_in_the_choice_and_a_phone_has_room_for_it(visitor, american, axe):
    person = visitor(american.user, width=320, height=640)
    page = person.open("/wallet")
    open_shop(page)
    finished(page)
    person.keep("methods-phone")

    assert faults(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_with_one_way_to_pay_nothing_is_asked(visitor, stage):
    claims = {"roles": ["viewer"], "country": "DE", "age_verified": 30}
    greta = stage.person("greta", **claims)
    page = visitor(greta.user, claims=claims).open("/wallet")
    open_shop(page)

    asked, _, _ = buy(page)

    expect(page.get_by_role("radio")).to_have_count(0)
    assert "method" not in asked


@pytest.mark.parametrize(("country", "currency", "minor", "text", "half"), CURRENCIES)
def test_prices_are_right_in_twelve_currencies(
    visitor, stage, country, currency, minor, text, half
):
    """The list, an amount of one's own, the order, and the list of purchases."""
    claims = {"roles": ["viewer"], "country": country, "age_verified": 30}
    viewer = stage.person("ada", **claims)
    page = visitor(viewer.user, claims=claims).open("/wallet")
    open_shop(page)
    expect(page.locator(".offer .price").first).to_have_text(text)
    page.get_by_label("Another amount").fill("50")
    expect(page.locator(".own-amount .price")).to_have_text(half, timeout=TIMEOUT_MILLISECONDS)
    expect(page.get_by_text(f"Prices in {currency}")).to_be_visible()

    _, purchase, _ = buy(page)

    assert (purchase["amount_minor"], purchase["currency"]) == (minor, currency)
    expect(page.locator(".paying")).to_contain_text(f"for {text}")
    history = visitor(viewer.user, claims=claims).open("/wallet")
    history.get_by_role("tab", name="Money").click()
    expect(history.locator(".price").first).to_have_text(text)


def test_gifts_say_what_they_cost_in_twelve_currencies(visitor, stage):
    """On the page and in the API; rounded up, so that no gift looks cheaper than it is."""
    gifts = tomllib.loads((ROOT / "seeds" / "gifts.toml").read_text())["gifts"]
    (fox,) = [gift for gift in gifts if gift["id"] == "g_fox"]
    assert fox["price_coins"] == 299
    by_hand = {
        "USD": "$2.97",
        "EUR": "€3.26",
        "GBP": "£2.85",
        "JPY": "¥479",
        "BRL": "R$17.65",
        "INR": "₹3,689.66",
        "KRW": "₩4,485",
        "KWD": "KWD 0.912",
        "BHD": "BHD 4.112",
        "ISK": "ISK 416",
        "CLP": "CLP 3,738",
        "HUF": "HUF 1,195.71",
    }
    lea = stage.person("lea", roles=["creator"], country="FR", age_verified=28)
    lea.put("/v1/rooms/twelve/stream", {"title": "Prices"})
    found, told = {}, {}
    for country, currency, *_ in CURRENCIES:
        claims = {"roles": ["viewer"], "country": country, "age_verified": 30}
        items = stage.person("ada", **claims).get("/v1/catalogue")["items"]
        (shown,) = [item["price_display"] for item in items if item["gift_type"] == "g_fox"]
        assert shown["currency"] == currency
        told[currency] = shown["amount_minor"]
        page = visitor("ada", claims=claims).open("/rooms/twelve")
        shown = page.locator("[data-gift=g_fox] .gift-money")
        expect(shown).to_have_text(re.compile(r"\d"))
        found[currency] = " ".join(shown.inner_text().split())
        page.context.close()

    assert found == by_hand
    assert told == {currency: int(re.sub(r"\D", "", text)) for currency, text in by_hand.items()}
