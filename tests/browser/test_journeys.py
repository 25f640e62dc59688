"""What viewers, creators and operators do, from the first page they open to the last."""

import re
from pathlib import Path
from uuid import uuid4

from tests.browser.conftest import CREATOR, VIEWER, paying
from tests.journeys.people import SCOPES, eventually

OPERATOR = {
    "roles": ["operator"],
    "scopes": [*SCOPES, "disputes:read", "catalogue:write"],
}
DISPUTED_CARD = "4000 0000 0000 0259"


def open_room(stage):
    """Let a creator go live in a room of their own; return the room."""
    room = f"room-{uuid4().hex[:6]}"
    stage.person("lea", **CREATOR).put(f"/v1/rooms/{room}/stream", {"title": "Late songs"})
    return room


def earned(creator):
    return creator.get("/v1/earnings/me/gifts")["items"]


def price_of(viewer, gift_type):
    (gift,) = [one for one in viewer.get("/v1/catalogue")["items"] if one["gift_type"] == gift_type]
    return gift["price_coins"]


def test_a_viewer_buys_exactly_what_is_missing_sends_a_combo_and_looks_at_the_wallet(
    visitor, stage
):
    room = open_room(stage)
    viewer = visitor()
    page = viewer.open(f"/rooms/{room}")
    page.get_by_role("button", name="Mira").click()
    page.locator("#send").click()
    page.get_by_role("heading", name="more coin").wait_for()
    viewer.keep("viewer-1-exact-top-up")
    with paying(page):
        page.locator(".offer.exact").click()
    # The gift goes on by itself, without being asked for again.
    page.locator(".feed-line.spark").wait_for()
    viewer.keep("viewer-2-first-gift")

    page.get_by_role("button", name="Get coins").click()
    with paying(page):
        page.locator(".offer", has_text="10,000").click()
    page.locator("dialog").wait_for(state="detached")
    held = page.locator("#balance")
    eventually(lambda: "10," in held.inner_text())
    before = int(held.inner_text().split()[0].replace(",", ""))
    for _ in range(20):
        page.locator("#send").click()
    # Bought within five seconds, and the first gift is part of the combo.
    page.locator(".tray-count", has_text=re.compile("2[01]")).wait_for()
    viewer.keep("viewer-3-combo")
    eventually(lambda: int(held.inner_text().split()[0].replace(",", "")) == before - 20)

    page.locator("[data-gift=g_orchestra]").click()
    page.locator("#send").click()
    page.locator(".big.spectacle").wait_for()
    viewer.keep("viewer-4-spectacle")

    page = viewer.open("/wallet")
    page.get_by_text("10,000 coins, bought on").wait_for()
    page.get_by_role("button", name="Set the limit: A week").click()
    page.get_by_label("At most").fill("5000")
    page.get_by_role("button", name="Save").click()
    page.locator(".limit", has_text="A week").get_by_text("5,000").wait_for()
    page.get_by_role("tab", name="Money").click()
    page.get_by_role("button", name="Refund unused coins").first.wait_for()
    viewer.keep("viewer-5-wallet", whole=True)
    page.get_by_role("button", name="7 days").click()
    page.get_by_text("Nobody can end it early").wait_for()
    page.keyboard.press("Escape")


def test_a_creator_goes_live_is_supported_thanks_and_cashes_out(visitor, stage):
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    creator = visitor(lea.user, claims=CREATOR)
    page = creator.open("/creator")
    page.locator("#stream input[name=title]").fill("Songs for a late evening")
    page.get_by_role("button", name="Go live").click()
    page.get_by_role("link", name="Open the room").wait_for()
    room = page.get_by_role("link", name="Open the room").get_attribute("href").split("/")[-1]
    page.get_by_label("Goal").fill("A new microphone")
    page.get_by_label("Coins", exact=True).fill("500")
    page.get_by_role("button", name="Set goal").click()
    page.locator(".goal-line").wait_for()
    page.get_by_text("Offer a perk").click()
    page.get_by_label("Title").last.fill("A shout-out")
    page.get_by_label("From coins given").fill("100")
    page.get_by_role("button", name="Offer", exact=True).click()
    page.get_by_text("Withdraw").wait_for()

    stage.buy(mira, "coins_5000")
    stage.give(mira, lea.user, "g_orchestra", room=room)
    viewer = visitor(mira.user)
    seen = viewer.open(f"/rooms/{room}")
    seen.locator("#stage-goal", has_text="reached").wait_for()
    seen.get_by_role("tab", name="Goals & perks").click()
    seen.locator("#pane-perks .tag", has_text="unlocked").wait_for()
    viewer.keep("creator-1-goal-in-the-room")

    page = creator.open("/creator")
    page.get_by_role("button", name=f"Thank {mira.name}").click()
    page.get_by_label("In a few words").fill("You made my evening")
    page.get_by_role("button", name="Say thank you").click()
    seen.get_by_role("tab", name="Live").click()
    seen.get_by_text("You made my evening").wait_for()
    page.locator("#supporters").get_by_text(mira.name).first.wait_for()
    page.get_by_role("button", name="Set up with the provider").click()
    page.get_by_text("What becomes of your account").wait_for()
    creator.keep("creator-2-onboarding")
    page.get_by_role("button", name="Send").click()
    page.locator("#cash-out:enabled").click()
    page.get_by_role("button", name="Cash out €").wait_for()
    creator.keep("creator-3-quote")
    page.get_by_role("button", name="Cash out €").click()
    page.get_by_text("Arrived").wait_for()
    creator.keep("creator-4-paid-out", whole=True)
    with page.expect_download() as statement:
        page.get_by_role("button", name=re.compile("^Statement of .* as CSV$")).first.click()
    assert ",payouts," in Path(statement.value.path()).read_text()
    with page.expect_download() as certificate:
        page.get_by_role("button", name="Certificate of payout").first.click()
    assert Path(certificate.value.path()).read_bytes().startswith(b"%PDF")
    page.get_by_role("button", name="End the stream").click()
    page.get_by_role("button", name="End it").click()
    page.get_by_text("For the first time:").wait_for()
    creator.keep("creator-5-summary")


def test_an_operator_follows_a_dispute_to_its_payout_decides_and_edits_a_gift(visitor, stage):
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    # Of the same creator: what is disputed is less than what is there to be paid out.
    friend = stage.person("yuki", **VIEWER)
    stage.buy(friend, "coins_1000")
    stage.give(friend, lea.user, "g_aurora")
    stage.buy(mira, "coins_500", card=DISPUTED_CARD)
    stage.give(mira, lea.user, "g_fox")
    operator = visitor(f"ops-{uuid4().hex[:6]}", claims=OPERATOR)
    path = "/v1/operator/purchase/disputes"
    disputes_page = stage.person("ops", **OPERATOR)
    eventually(
        lambda: [one for one in disputes_page.get(path)["items"] if one["viewer"] == mira.user]
    )
    eventually(lambda: any(one["reversed_diamonds"] for one in earned(lea)))

    page = operator.open("/operator")
    page.get_by_text("What must be true", exact=True).click()
    page.get_by_text("Gifts sent are gifts the wallet paid").wait_for()
    assert page.get_by_text("WRONG").count() == 0
    line = page.locator("#desk li", has_text=mira.user)
    line.get_by_role("button", name="Follow the money").click()
    chain = page.locator(".links")
    chain.get_by_role("heading", name=f"Creator {lea.user}").wait_for()
    assert "Fox" in chain.inner_text()
    assert "299 were taken back" in chain.inner_text()
    operator.keep("operator-1-desk", whole=True)

    # One that no other test gives: the system is everybody's.
    page.locator("[data-gift=g_kite]").click()
    page.get_by_label("Price in coins").fill("48")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("cell", name="48", exact=True).wait_for()
    operator.keep("operator-2-catalogue")
    page.get_by_label("Reason, kept for good").fill("kites are cheaper now")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Kite is saved").wait_for()
    eventually(lambda: price_of(mira, "g_kite") == 48)
