"""A viewer pays by each method that leads to a vendor's page: paid, declined, or not paid."""

import pytest
from playwright.sync_api import expect

from deploy.harness.system import System
from tests.browser.conftest import VIEWER
from tests.browser.test_methods import buy, open_shop

DECLINED_CARD, AUTHENTICATED_CARD = "4000 0000 0000 0002", "4000 0025 0000 3155"


@pytest.fixture(scope="module")
def system():
    """An installation as `make up` starts it, with servers of its own."""
    with System(fast=True, providers=("sandbox", "stripe", "paypal")) as running:
        yield running


@pytest.fixture
def mira(stage):
    return stage.person("mira", **VIEWER)


@pytest.fixture
def shopping(visitor, mira):
    """Choose a method and an offer; return the shop's page, and the tab where one pays."""

    def choose(method):
        page = visitor(mira.user).open("/wallet")
        open_shop(page)
        page.get_by_role("group", name="Pay with").get_by_label(method, exact=True).check()
        _, purchase, tab = buy(page)
        tab.get_by_text("Practice: this page stands for").wait_for()
        return page, tab, purchase["purchase"]

    return choose


def is_unpaid(person, purchase):
    return person.get(f"/v1/purchases/{purchase}")["state"] == "pending"


def is_thanked(page, tab, person):
    """The tab that paid says thank you, the tab that waited has the coins."""
    tab.get_by_role("heading", name="Thank you").wait_for()
    page.get_by_text("Your coins are here").wait_for()
    assert person.get("/v1/wallets/me")["coins"] == 100


def goes_back_and_pays(page, tab, person, purchase, button):
    """Who came back without having paid finds the payment page again."""
    tab.get_by_role("heading", name="Your payment is not confirmed yet").wait_for()
    expect(tab.locator(".badge.good")).to_have_count(0)
    assert is_unpaid(person, purchase)
    tab.get_by_role("link", name="Back to the payment page").click()
    tab.get_by_role("button", name=button, exact=True).click()
    is_thanked(page, tab, person)


def test_a_viewer_pays_at_stripe_with_a_card_that_asks_its_owner(shopping, mira):
    page, tab, purchase = shopping("Stripe")

    tab.get_by_label("Card number").fill(AUTHENTICATED_CARD)
    tab.get_by_role("button", name="Pay").click()
    tab.get_by_role("button", name="Complete authentication").click()

    tab.wait_for_url(f"**/paid?purchase={purchase}")
    is_thanked(page, tab, mira)


def test_a_card_that_stripe_declines_can_be_replaced_by_another(shopping, mira):
    page, tab, purchase = shopping("Stripe")
    tab.get_by_label("Card number").fill(DECLINED_CARD)
    tab.get_by_role("button", name="Pay").click()

    expect(tab.get_by_role("alert")).to_contain_text("Your card was declined")
    assert is_unpaid(mira, purchase)
    tab.get_by_role("button", name="Pay").click()

    is_thanked(page, tab, mira)


def test_who_comes_back_from_stripe_without_paying_may_pay_later(shopping, mira):
    page, tab, purchase = shopping("Stripe")

    tab.get_by_role("button", name="Back to the shop").click()

    goes_back_and_pays(page, tab, mira, purchase, "Pay")


def test_a_viewer_approves_at_paypal(shopping, mira):
    page, tab, purchase = shopping("PayPal")

    tab.get_by_role("button", name="Approve", exact=True).click()

    tab.wait_for_url(f"**/paid?purchase={purchase}&token=*")
    is_thanked(page, tab, mira)


@pytest.mark.parametrize("button", ["Approve, and have the card declined", "Cancel and go back"])
def test_who_is_declined_at_paypal_or_cancels_may_pay_later(shopping, mira, button):
    page, tab, purchase = shopping("PayPal")

    tab.get_by_role("button", name=button).click()

    goes_back_and_pays(page, tab, mira, purchase, "Approve")
