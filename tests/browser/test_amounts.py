"""Amounts on the pages: each currency has its own decimals, to be read and to be typed."""

import re

from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from deploy.harness.ports import free_port
from services.web.main import build
from services.web.settings import Settings
from tests.browser.test_frames import SAID
from tests.browser.test_signing_in import serving

WEEK = "/v1/wallets/me/limits/week"
KUWAIT = {"roles": ["viewer"], "country": "KW", "age_verified": 30}
JAPAN = {"roles": ["viewer"], "country": "JP", "age_verified": 30}


def week_of(viewer):
    found = viewer.get("/v1/wallets/me/limits")["limits"]
    ((unit, amount),) = [
        (one["unit"], one["amount"])
        for one in found
        if one["period"] == "week" and one["set_by"] != "operator"
    ]
    return unit, amount


def test_a_limit_in_yen_is_the_same_after_it_was_opened_and_saved(visitor, stage):
    viewer = stage.person("yuki", **JAPAN)
    viewer.put(WEEK, {"unit": "JPY", "amount": 8_000})
    page = visitor(viewer.user, claims=JAPAN).open("/wallet")
    tile = page.locator(".limit", has_text="A week")
    tile.get_by_text("¥8,000").wait_for()

    tile.get_by_role("button").click()
    expect(page.get_by_label("At most")).to_have_value("8000")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Your limit is noted").wait_for()

    assert week_of(viewer) == ("JPY", 8_000)


def test_a_limit_keeps_its_currency_wherever_its_owner_is_by_now(visitor, stage):
    viewer = stage.person("amal", **KUWAIT)
    viewer.put(WEEK, {"unit": "KWD", "amount": 30_500})
    page = visitor(viewer.user, claims=JAPAN).open("/wallet")
    tile = page.locator(".limit", has_text="A week")
    expect(tile).to_contain_text(re.compile(r"KWD\s30\.500"))

    tile.get_by_role("button").click()
    expect(page.locator("select[name=unit]")).to_have_value("KWD")
    expect(page.get_by_label("At most")).to_have_value("30.500")
    page.get_by_label("At most").fill("20.305")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Your limit is noted").wait_for()

    assert week_of(viewer) == ("KWD", 20_305)


def test_more_decimals_than_the_currency_has_are_not_taken(visitor, stage):
    viewer = stage.person("yuki", **JAPAN)
    viewer.put(WEEK, {"unit": "JPY", "amount": 8_000})
    page = visitor(viewer.user, claims=JAPAN).open("/wallet")
    page.get_by_role("button", name="Change the limit: A week").click()

    page.get_by_label("At most").fill("80.5")
    page.get_by_role("button", name="Save").click()

    assert page.get_by_label("At most").evaluate("field => field.validity.stepMismatch")
    assert week_of(viewer) == ("JPY", 8_000)


def test_no_dialog_shows_a_fault_before_there_is_one(visitor, stage):
    viewer = stage.person("yuki", **JAPAN)
    page = visitor(viewer.user, claims=JAPAN).open("/wallet")
    page.get_by_role("button", name="Set the limit: A week").click()
    page.get_by_label("At most").wait_for()

    expect(page.locator("dialog .fault")).to_be_hidden()


def stand_in(port):
    """An installation that sells in yen alone, at a reduced price that changes again at once."""
    prices = [160, 170]

    def packages(_):
        sold = {"sku": "coins_100", "coins": 100, "bonus_coins": 0, "highlight": False}
        sold |= {"amount_minor": prices[0], "currency": "JPY", "reduced_from_minor": 200}
        return JSONResponse({"items": [sold], "currency": "JPY", "methods": ["card"]})

    async def buy(request):
        asked.append(await request.json())
        prices.pop(0)
        return JSONResponse({"code": "price-changed", "title": "Another price."}, 409)

    asked = []
    gifts = [
        {**gift, "price_display": {"amount_minor": 479, "currency": "JPY"}}
        for gift in SAID["catalogue"]["items"]
    ]

    room = {"creator": "lea", "live": True, "stream": None}
    nothing = {"items": [], "goals": [], "top_gifters": [], "me": {}, "coins": 0}
    app = Starlette(
        routes=[
            Route("/v1/packages", packages),
            Route("/v1/purchases", buy, methods=["POST"]),
            Route("/v1/catalogue", lambda _: JSONResponse({"items": gifts})),
            Route("/v1/rooms/{room}", lambda _: JSONResponse(room)),
            Route("/v1/{path:path}", lambda _: JSONResponse(nothing)),
            Mount("/", build(Settings(port=port))),
        ]
    )
    return app, asked


def test_prices_are_shown_in_the_currency_that_the_services_say(browser, system):
    """Of the gifts, of the packages with what they are reduced from, and after they changed."""
    port = free_port()
    token = system.token("greta", roles=["viewer"], country="DE")
    app, asked = stand_in(port)
    with serving(app, port), browser.new_context() as context:
        context.add_init_script(f"sessionStorage.setItem('ovation.token', '{token}')")
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/rooms/room-1")
        expect(page.locator("[data-gift=g_fox] .gift-money")).to_have_text("¥479")
        page.get_by_role("button", name="Get coins").click()
        expect(page.locator(".offer .price").first).to_have_text("¥160")
        expect(page.locator(".offer").first).to_contain_text("30-day low before: ¥200")

        page.locator(".offer").first.click()
        page.get_by_text("The price has changed").wait_for()
        expect(page.locator(".offer .price").first).to_have_text("¥170")

    order = {"package": "coins_100", "currency": "JPY", "expected_amount_minor": 160}
    assert asked == [order]


def test_every_currency_is_written_with_its_decimals(visitor):
    page = visitor("mira").open("/wallet")

    written = page.evaluate(
        """async () => {
            const { money } = await import("/static/words.js");
            return [[950, "CLP"], [25000, "VND"], [140, "ISK"], [600, "XOF"], [305, "KWD"],
                    [499, "USD"], [1234, "ZZZ"]].map(([minor, code]) => money(minor, code));
        }"""
    )

    plain = [" ".join(text.split()) for text in written]
    assert plain == [
        *("CLP 950", "₫25,000", "ISK 140", "F CFA 600", "KWD 0.305", "$4.99"),
        "1,234 minor units of ZZZ",
    ]
