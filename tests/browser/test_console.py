"""The operators' console: find a person, see what concerns them, and act with a reason."""

from uuid import uuid4

import pytest

from tests.browser.conftest import CREATOR, VIEWER
from tests.browser.test_access import faults, finished
from tests.browser.test_journeys import OPERATOR
from tests.journeys.people import eventually

CONSOLE = {**OPERATOR, "scopes": [*OPERATOR["scopes"], "rooms:write"]}
# A name no path could hold as it is.
ODD_NAME = "team/mira ~?"


@pytest.fixture
def operator(visitor):
    return visitor(f"ops-{uuid4().hex[:6]}", claims=CONSOLE)


@pytest.fixture
def mira(stage):
    """A viewer who bought 500 coins and gave some to a creator."""
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    mira.purchase = stage.buy(mira, "coins_500")
    mira.gift = stage.give(mira, lea.user, "g_fox").json()["gift"]
    mira.creator = lea.user
    return mira


def opened(operator, user):
    page = operator.page
    page.goto("/operator")
    page.get_by_label("Search for").fill(user)
    page.get_by_role("button", name="Search").click()
    page.locator("#found").get_by_role("link", name=user, exact=True).last.click()
    page.get_by_role("heading", name=user, exact=True).wait_for()
    return page


def test_one_search_finds_a_person_by_their_purchase_and_their_gift(operator, mira):
    page = operator.page
    page.goto(f"/operator?q={mira.purchase}")
    page.locator("#found li", has_text="Purchase").get_by_role("link").click()
    page.locator(f"#purchase-{mira.purchase}").wait_for()

    # Live counts it a moment after it was sent.
    def found():
        page.goto(f"/operator?q={mira.gift}")
        page.locator("#found").get_by_role("link", name=mira.gift).last.wait_for()
        return page.locator("#found li", has_text=mira.creator).count()

    eventually(found)
    operator.keep("console-1-found")


def test_a_wallet_is_suspended_and_resumed_by_dialogs_that_say_what_they_touch(
    operator, mira, stage
):
    page = opened(operator, mira.user)
    wallet = page.locator("#wallet")
    wallet.get_by_text("open", exact=True).wait_for()
    wallet.get_by_role("button", name="Suspend").click()
    dialog = page.locator("dialog")
    assert mira.user in dialog.inner_text()
    assert str(mira.get("/v1/wallets/me")["coins"]) in dialog.locator(".touches").inner_text()
    assert "sends no gift until it is resumed" in dialog.inner_text()
    dialog.get_by_label("Reason").fill("reported by a friend")
    operator.keep("console-2-suspend")
    dialog.get_by_role("button", name="Suspend").click()
    dialog.get_by_text("The wallet is suspended.").wait_for()
    dialog.get_by_role("button", name="Done").click()
    wallet.get_by_text("suspended", exact=True).wait_for()
    assert stage.give(mira, mira.creator, "g_pebble").json()["reason"] == "wallet-frozen"

    page.locator("#audit").wait_for()
    page.reload()
    page.locator("#audit li", has_text="reported by a friend").wait_for()
    page.locator("#wallet").get_by_role("button", name="Resume").click()
    page.get_by_label("Reason").fill("it was a mistake")
    page.locator("dialog").get_by_role("button", name="Resume").click()
    page.get_by_text("The wallet is open again.").wait_for()


def test_unused_coins_are_refunded_once_from_the_page_of_a_person(operator, mira):
    page = opened(operator, mira.user)
    purchase = page.locator(f"#purchase-{mira.purchase}")
    purchase.get_by_role("button", name="Refund purchase").click()
    dialog = page.locator("dialog")
    assert "$4.99" in dialog.locator(".touches").inner_text()
    dialog.get_by_label("Reason").fill("bought by a child")
    dialog.get_by_role("button", name="Refund", exact=True).click()
    dialog.get_by_role("button", name="Done").click()

    eventually(lambda: mira.get("/v1/wallets/me")["coins"] == 0)
    purchase.get_by_role("button", name="Refunds of purchase").click()
    purchase.get_by_text("201 coins").wait_for()


def test_a_correction_needs_a_colleague_who_finds_it_in_the_log(operator, mira, visitor):
    before = mira.get("/v1/wallets/me")["coins"]
    page = opened(operator, mira.user)
    page.get_by_role("button", name="Correct the coins").click()
    page.get_by_label("Coins to give or to take").fill("-1")
    page.get_by_label("Reason").fill("counted twice")
    page.get_by_role("button", name="Ask for the correction").click()
    page.get_by_text("-1 coin: Requested").wait_for()
    assert mira.get("/v1/wallets/me")["coins"] == before

    colleague = visitor(f"ann-{uuid4().hex[:6]}", claims=CONSOLE)
    page = opened(colleague, mira.user)
    page.get_by_role("button", name="Agree to correction").click()
    page.locator("dialog").get_by_text("counted twice").wait_for()
    page.locator("dialog").get_by_role("button", name="Agree").click()
    page.locator("dialog").get_by_text("Applied").wait_for()
    assert mira.get("/v1/wallets/me")["coins"] == before - 1


def test_whoever_has_few_scopes_sees_no_panel_that_would_be_refused(visitor, mira):
    claims = {"roles": ["operator"], "scopes": ["wallets:read"]}
    page = opened(visitor(f"sam-{uuid4().hex[:6]}", claims=claims), mira.user)
    finished(page)
    headings = page.locator("#main .card > h2").all_inner_texts()
    assert headings == ["Wallet", "Coins in and out"]
    assert page.locator(".fault").count() == 0
    assert page.get_by_role("button", name="Suspend").count() == 0

    page.goto("/operator")
    page.get_by_text("Nothing needs you now").wait_for()
    assert page.locator("#main .card > h2").all_inner_texts() == ["What needs you now"]


def test_an_id_that_is_no_part_of_a_path_has_a_page_all_the_same(operator):
    page = opened(operator, ODD_NAME)
    finished(page)
    page.get_by_text("No coins so far").wait_for()
    assert page.locator(".fault").count() == 0


def test_a_view_is_saved_for_this_operator_and_its_link_leads_back(operator, mira):
    page = opened(operator, mira.user)
    page.get_by_role("button", name="Save this view").click()
    page.goto("/operator?disputes=open")
    page.get_by_role("group", name="Saved views").get_by_role("link", name=mira.user).click()
    page.get_by_role("heading", name=mira.user, exact=True).wait_for()


@pytest.mark.parametrize("width", [1360, 360])
def test_the_page_of_a_person_fits_and_everybody_can_use_it(visitor, mira, axe, width):
    operator = visitor(f"ops-{uuid4().hex[:6]}", claims=CONSOLE, width=width)
    page = opened(operator, mira.user)
    finished(page)
    operator.keep(f"console-3-person-{width}", whole=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults(page, axe) == []


def test_the_work_of_every_service_is_shown_with_its_queues(operator):
    page = operator.open("/operator")
    page.locator("#operations tr", has_text="Wallet").first.wait_for()
    assert "no answer" not in page.locator("#operations").inner_text()
    page.locator("#operations summary", has_text="By queue").click()
    page.get_by_role("cell", name="wallet.gifts", exact=True).wait_for()
    operator.keep("console-4-overview", whole=True)
