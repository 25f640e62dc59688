"""Whoever comes back from the payment page reads there what became of the payment."""

import pytest
from playwright.sync_api import Error, expect

from services.sandbox.provider import DECLINED_CARD, SLOW_CARD, SUCCESS_CARD
from tests.browser.conftest import VIEWER

DECLINED = "The payment was declined"
THANKS = "Thank you"
NEUTRAL = "Welcome back"


def buy(page):
    """Choose the smallest package on a page that is open; return the payment page's tab."""
    page.get_by_role("button", name="Get coins").first.click()
    with page.context.expect_page() as opened:
        page.locator(".offer").first.click()
    return opened.value


def pay(tab, card):
    tab.get_by_label("Card number").fill(card)
    tab.get_by_role("button", name="Pay").click()
    tab.wait_for_url("**/paid?purchase=*")


def ask_for(viewer):
    """Ask for coins as an application of its own would; return the payment page's address."""
    wish = {"package": "coins_100", "currency": "USD"}
    return viewer.post("/v1/purchases", wish).json()["next_action"]["url"]


def test_a_declined_card_never_ends_on_a_green_tick(visitor, stage):
    mira = stage.person("mira", **VIEWER)
    shopper = visitor(mira.user)
    page = shopper.open("/wallet")
    tab = buy(page)

    pay(tab, DECLINED_CARD)

    tab.get_by_role("heading", name=DECLINED).wait_for()
    expect(tab.locator(".badge.bad")).to_be_visible()
    expect(tab.locator(".badge.good")).to_have_count(0)
    assert THANKS not in tab.locator("main").inner_text()
    page.get_by_text("The payment did not go through").wait_for()


def test_a_card_that_takes_its_time_is_waited_for_and_then_thanked(visitor, stage):
    mira = stage.person("mira", **VIEWER)
    tab = visitor(mira.user).open("/wallet")
    tab.goto(ask_for(mira))

    pay(tab, SLOW_CARD)

    tab.get_by_role("heading", name="Your payment is not confirmed yet").wait_for()
    expect(tab.locator(".badge.good")).to_have_count(0)
    tab.get_by_role("heading", name=THANKS).wait_for()
    assert mira.get("/v1/wallets/me")["coins"] == 100


@pytest.mark.parametrize("card", [SUCCESS_CARD, DECLINED_CARD])
def test_a_browser_in_which_nobody_is_signed_in_is_sent_to_the_wallet(visitor, stage, card):
    mira = stage.person("mira", **VIEWER)
    tab = visitor().page
    tab.goto(ask_for(mira))

    pay(tab, card)

    tab.get_by_role("heading", name=NEUTRAL).wait_for()
    expect(tab.get_by_role("link", name="To the wallet")).to_have_attribute("href", "/wallet")
    expect(tab.locator(".badge.good")).to_have_count(0)


def test_somebody_elses_purchase_is_nobodys_to_see(visitor, stage):
    mira = stage.person("mira", **VIEWER)
    tab = visitor("yuki").open("/wallet")
    tab.goto(ask_for(mira))

    pay(tab, SUCCESS_CARD)

    tab.get_by_role("heading", name=NEUTRAL).wait_for()


@pytest.mark.parametrize(
    "address",
    ["/paid", "/paid?purchase=", "/paid?purchase=../me", "/paid?purchase=x&state=completed"],
)
def test_an_address_alone_is_believed_nothing(visitor, address):
    tab = visitor("mira").open(address)

    tab.get_by_role("heading", name=NEUTRAL).wait_for()


@pytest.mark.parametrize(("card", "said"), [(SUCCESS_CARD, THANKS), (DECLINED_CARD, DECLINED)])
def test_the_tab_that_waits_tells_a_tab_in_which_nobody_is_signed_in(visitor, stage, card, said):
    """A browser may open the payment page in a tab that knows nothing of the first."""
    mira = stage.person("mira", **VIEWER)
    # Signed in in this tab alone, and not in every page of the browser.
    shopper = visitor()
    page = shopper.open("/wallet")
    page.evaluate("token => sessionStorage.setItem('ovation.token', token)", token_of(mira))
    page.reload()
    page.get_by_role("button", name="Get coins").first.wait_for()
    first = buy(page)
    address = first.url
    try:
        first.close()
    except Error:
        assert first.is_closed()
    tab = shopper.context.new_page()
    tab.goto(address)

    pay(tab, card)

    tab.get_by_role("heading", name=said).wait_for()


def token_of(person):
    return person.headers["Authorization"].removeprefix("Bearer ")
