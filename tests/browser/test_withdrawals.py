"""A viewer withdraws from a purchase in the wallet: in time, in two steps, and for good."""

from pathlib import Path

from playwright.sync_api import expect

from deploy.config.databases import fetch
from tests.browser.conftest import VIEWER
from tests.browser.test_access import faults, finished
from tests.journeys.people import eventually

GERMAN = {**VIEWER, "country": "DE"}
OPEN = "Withdraw from contract here"


def wallet_of(visitor, viewer, **look):
    person = visitor(viewer.user, claims=GERMAN, **look)
    page = person.open("/wallet")
    finished(page)
    return person, page


def age(system, purchase, days):
    """Let a purchase be paid so many days earlier."""
    (changed,) = fetch(
        system.postgres.dsn("purchase"),
        f"UPDATE purchases SET paid_at = paid_at - interval '{days} days'"
        f" WHERE id = '{purchase}' RETURNING id",
    )
    return changed


def withdrawal_of(viewer, purchase):
    (found,) = viewer.get(f"/v1/purchases/{purchase}/withdrawals")["items"]
    return found


def test_a_viewer_withdraws_confirms_and_keeps_the_acknowledgement(visitor, stage):
    viewer = stage.person("mira", **GERMAN)
    purchase = stage.buy(viewer, "coins_1000")
    person, page = wallet_of(visitor, viewer)
    button = page.get_by_role("button", name=OPEN)
    expect(button).to_have_count(1)
    person.keep("withdrawal-1-offered", whole=True)

    button.click()
    page.get_by_label("Your name").fill("Mira <b>Example</b>")
    page.get_by_label("E-mail address").fill("mira@example.com")
    person.keep("withdrawal-2-statement")
    page.get_by_role("button", name="Continue").click()
    confirm = page.get_by_role("button", name="Confirm withdrawal", exact=True)
    confirm.wait_for()
    person.keep("withdrawal-3-confirmation")
    # Nothing is stated before it is confirmed.
    assert viewer.get(f"/v1/purchases/{purchase}/withdrawals")["items"] == []
    confirm.click()
    page.get_by_role("status").filter(has_text="We have received your withdrawal").wait_for()
    person.keep("withdrawal-4-received")

    with page.expect_download() as kept:
        page.locator("dialog").get_by_role("button", name="Download the acknowledgement").click()
    text = Path(kept.value.path()).read_text()
    stated = withdrawal_of(viewer, purchase)
    for part in ("Mira &lt;b&gt;Example&lt;/b&gt;", "mira@example.com", purchase):
        assert part in text
    assert stated["withdrawal"] in text
    page.keyboard.press("Escape")
    expect(button).to_have_count(0)
    eventually(lambda: withdrawal_of(viewer, purchase)["refund"]["state"] == "refunded")

    page = person.open("/wallet")
    finished(page)
    expect(page.get_by_role("button", name=OPEN)).to_have_count(0)
    with page.expect_download() as again:
        page.get_by_role("button", name="Download the acknowledgement").click()
    assert Path(again.value.path()).read_text() == text


def test_it_is_done_with_the_keyboard_alone_and_axe_finds_nothing_in_any_step(visitor, stage, axe):
    viewer = stage.person("mira", **GERMAN)
    purchase = stage.buy(viewer, "coins_100")
    _, page = wallet_of(visitor, viewer, width=320, height=640, motion="reduce")
    found = {"offered": faults(page, axe)}
    page.get_by_role("button", name=OPEN).focus()

    page.keyboard.press("Enter")
    expect(page.get_by_label("Your name")).to_be_focused()
    found["statement"] = faults(page, axe)
    page.keyboard.press("Control+a")
    page.keyboard.type("Mira")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Confirm withdrawal")).to_be_focused()
    found["confirmation"] = faults(page, axe)
    # Back, to correct the name; what was said is still there.
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your name")).to_have_value("Mira")
    page.keyboard.press("End")
    page.keyboard.type(" Example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Confirm withdrawal")).to_be_focused()
    page.keyboard.press("Enter")
    expect(
        page.locator("dialog").get_by_role("button", name="Download the acknowledgement")
    ).to_be_focused()
    found["received"] = faults(page, axe)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320

    assert withdrawal_of(viewer, purchase)["name"] == "Mira Example"
    assert {step: faulty for step, faulty in found.items() if faulty} == {}


def test_the_button_is_there_to_the_last_day_and_gone_after_it(visitor, stage, system):
    viewer = stage.person("mira", **GERMAN)
    first, second = stage.buy(viewer, "coins_100"), stage.buy(viewer, "coins_100")
    age(system, first, 14)
    person, page = wallet_of(visitor, viewer)
    expect(page.get_by_role("button", name=f"{OPEN} receipt {first[:8]}")).to_have_count(1)
    expect(page.get_by_role("button", name=f"{OPEN} receipt {second[:8]}")).to_have_count(1)

    age(system, first, 26)
    page = person.open("/wallet")
    finished(page)
    expect(page.get_by_role("button", name=f"{OPEN} receipt {second[:8]}")).to_have_count(1)
    expect(page.get_by_role("button", name=f"{OPEN} receipt {first[:8]}")).to_have_count(0)


def test_who_withdrew_in_another_tab_is_shown_what_was_received(visitor, stage):
    viewer = stage.person("mira", **GERMAN)
    purchase = stage.buy(viewer, "coins_100")
    _, page = wallet_of(visitor, viewer)
    page.get_by_role("button", name=OPEN).click()
    page.get_by_label("Your name").fill("Mira")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Confirm withdrawal").wait_for()
    viewer.post(f"/v1/purchases/{purchase}/withdrawals", {"name": "The other tab"})

    page.get_by_role("button", name="Confirm withdrawal").click()

    page.get_by_role("status").filter(has_text="We have received your withdrawal").wait_for()
    page.locator("dialog").get_by_text("The other tab").wait_for()


def test_who_cannot_be_told_what_they_bought_is_told_that_and_may_try_again(visitor, stage):
    viewer = stage.person("mira", **GERMAN)
    stage.buy(viewer, "coins_100")
    person = visitor(viewer.user, claims=GERMAN)
    person.context.route(
        "**/v1/purchases?*", lambda route: route.fulfill(status=429, json={"code": "too-often"})
    )
    page = person.open("/wallet")
    card = page.locator("#withdrawals")
    card.get_by_role("alert").wait_for()
    person.context.unroute("**/v1/purchases?*")

    card.get_by_role("button", name="Try again").click()

    card.get_by_role("button", name=OPEN).wait_for()


def test_where_no_law_lets_anybody_withdraw_there_is_no_button(visitor, stage):
    viewer = stage.person("mira", **VIEWER)
    stage.buy(viewer, "coins_100")
    page = visitor(viewer.user, claims=VIEWER).open("/wallet")
    finished(page)
    expect(page.get_by_role("button", name=OPEN)).to_have_count(0)
    expect(page.get_by_role("heading", name="Withdraw from a purchase")).to_have_count(0)
