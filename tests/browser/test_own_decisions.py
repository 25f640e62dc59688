"""What viewers decide about their own money, by clicking: pay, take a break, have it back."""

from playwright.sync_api import expect

from services.sandbox.provider import DECLINED_CARD, SUCCESS_CARD
from tests.browser.conftest import VIEWER
from tests.browser.test_journeys import open_room
from tests.browser.test_paying import buy, pay
from tests.journeys.people import eventually

GERMAN = {**VIEWER, "country": "DE"}


def coins_of(viewer):
    return viewer.get("/v1/wallets/me")["coins"]


def test_a_declined_card_is_followed_by_a_good_one_and_unused_coins_are_refunded(visitor, stage):
    mira = stage.person("mira", **GERMAN)
    shopper = visitor(mira.user, claims=GERMAN)
    page = shopper.open("/wallet")
    pay(buy(page), DECLINED_CARD)
    page.get_by_text("did not go through").first.wait_for()

    page = shopper.open("/wallet")
    pay(buy(page), SUCCESS_CARD)
    eventually(lambda: coins_of(mira))

    page = shopper.open("/wallet")
    page.get_by_role("tab", name="Money").click()
    page.get_by_role("button", name="Refund unused coins").first.click()
    dialog = page.locator("dialog")
    shopper.keep("viewer-6-refund")
    dialog.get_by_role("button", name="Ask for the refund").click()
    dialog.wait_for(state="detached")
    eventually(lambda: coins_of(mira) == 0)
    page = shopper.open("/wallet")
    page.get_by_role("tab", name="Money").click()
    page.locator("li .tag", has_text="Refunded").first.wait_for()


def test_a_break_that_a_viewer_takes_stops_gifts_and_purchases_at_once(visitor, stage):
    mira = stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_500")
    before = coins_of(mira)
    viewer = visitor(mira.user)
    page = viewer.open("/wallet")
    page.get_by_role("button", name="7 days").click()
    dialog = page.locator("dialog")
    assert "Nobody can end it early" in dialog.inner_text()
    dialog.locator("button.danger").click()
    page.locator(".tag", has_text="taking a break until").wait_for()
    viewer.keep("viewer-7-break")
    expect(page.get_by_role("button", name="7 days")).to_have_count(0)

    page = viewer.open(f"/rooms/{open_room(stage)}")
    page.locator("#send").click()
    page.get_by_text("break").first.wait_for()
    assert coins_of(mira) == before
    refused = mira.post("/v1/purchases", {"package": "coins_100"})
    assert refused.json()["code"] == "self-excluded"
