"""A creator's page: where they are live, what streams and gifts brought, what is missing."""

import re
from uuid import uuid4

from playwright.sync_api import expect

from tests.browser.conftest import CREATOR, VIEWER
from tests.browser.test_access import faults, finished
from tests.journeys.people import eventually


def gifts_of(creator):
    return creator.get("/v1/earnings/me/gifts", limit=100)["items"]


def test_a_creator_with_several_rooms_sees_where_they_are_live_and_what_each_stream_brought(
    visitor, stage
):
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    first, second = (f"{name}-{uuid4().hex[:6]}" for name in ("attic", "garden"))
    stage.buy(mira, "coins_500")
    assert stage.give(mira, lea.user, "g_drum", room=first).status_code == 201
    lea.put(f"/v1/rooms/{second}/stream", {"title": "Songs by the sea"})
    eventually(lambda: len(gifts_of(lea)) == 1)
    creator = visitor(lea.user, claims=CREATOR)
    page = creator.open("/creator")
    streams = page.locator("#stream")

    expect(streams.get_by_text("Songs by the sea")).to_be_visible()
    expect(streams.get_by_text("Nobody sees you yet")).to_have_count(0)
    expect(streams.get_by_role("link", name="Open the room")).to_have_count(2)
    streams.get_by_role("button", name=f"End the stream in {first}").click()
    page.get_by_role("button", name="End it").click()
    page.get_by_role("dialog").get_by_text("1 gift from 1 gifter").wait_for()
    page.keyboard.press("Escape")

    # Of the one that is over both are there: what was given, and what it brought.
    over = streams.locator("li", has=page.get_by_role("button", name="Summary"))
    expect(over).to_contain_text(first)
    expect(over.locator(".amount")).to_have_text(["30 coins", "30 diamonds"])
    expect(page.locator("#earned #pane-by-stream li")).to_contain_text([first])

    # They go on where they were: the room is on offer, and goes live by clicking.
    streams.get_by_text("Go live in another room too").click()
    streams.get_by_label("Title").fill("Once more")
    streams.locator("select[name=choice]").select_option(first)
    streams.get_by_role("button", name="Go live").click()
    streams.get_by_text("Once more").wait_for()
    assert lea.get(f"/v1/rooms/{first}")["live"]
    creator.keep("creator-rooms", whole=True)


def test_gifts_of_one_combo_are_one_line_with_picture_name_and_who_gave_it(visitor, stage):
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    room = f"room-{uuid4().hex[:6]}"
    stage.buy(mira, "coins_500")
    for _ in range(3):
        stage.give(mira, lea.user, "g_pebble", room=room)
    stage.give(mira, lea.user, "g_tea", room=room, anonymous=True)
    eventually(lambda: len(gifts_of(lea)) == 4)
    assert len({gift["combo"] for gift in gifts_of(lea)}) == 2
    page = visitor(lea.user, claims=CREATOR).open("/creator")
    lines = page.locator("#received li")

    expect(lines).to_have_count(2)
    expect(lines.nth(0)).to_contain_text("Warm Tea")
    expect(lines.nth(0)).to_contain_text("Somebody")
    expect(lines.nth(1)).to_contain_text(re.compile("^3 . Pebble Heart"))
    expect(lines.nth(1).locator(".gift-picture img")).to_be_visible()
    expect(page.locator("#received")).not_to_contain_text(mira.user)
    page.get_by_role("tab", name="By gift").click()
    by_gift = page.locator("#pane-by-gift li")
    expect(by_gift.nth(0)).to_contain_text("Warm Tea")
    expect(by_gift.nth(1)).to_contain_text("3 pieces")

    lines.nth(1).get_by_role("button", name="for Pebble Heart").click()
    page.get_by_role("button", name="Say thank you").click()
    page.get_by_text("The room has seen it.").wait_for()


def test_older_gifts_are_a_click_away(visitor, stage):
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    room = f"room-{uuid4().hex[:6]}"
    stage.buy(mira, "coins_500")
    gifts = ("g_pebble", "g_tea") * 27
    for gift in gifts:
        stage.give(mira, lea.user, gift, room=room, anonymous=True)
    eventually(lambda: len(gifts_of(lea)) == len(gifts))
    page = visitor(lea.user, claims=CREATOR).open("/creator")
    more = page.locator("#more-gifts")

    expect(page.locator("#received li").first).to_be_visible()
    more.click()
    expect(more).to_be_hidden()
    names = page.locator("#received .grow > strong:first-child").all_inner_texts()
    # "27 times Warm Tea", or the name alone of one gift.
    counts = [int(found.group()) if (found := re.match(r"\d+", name)) else 1 for name in names]
    assert sum(counts) == len(gifts)


def test_below_the_minimum_the_page_says_what_is_missing_and_cash_out_waits(visitor, stage):
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_100")
    stage.give(mira, lea.user, "g_pebble")
    eventually(lambda: len(gifts_of(lea)) == 1)
    lea.put("/v1/payouts/payees/EUR", {"destination": "acct_ok_lea"})
    page = visitor(lea.user, claims=CREATOR).open("/creator")

    # Of a creator from France; 1 diamond is half a cent.
    expect(page.get_by_label("Arrives in")).to_have_value("EUR")
    expect(page.locator("#to-go")).to_have_text("1,999 to go")
    expect(page.locator("#cash-out")).to_be_disabled()
    available = page.locator(".tile", has_text="Available")
    expect(available).to_contain_text("1,999 more diamonds, and you can cash out")
    expect(available).not_to_contain_text("ready to be paid out")
    expect(page.get_by_text("200 diamonds = $1.00")).to_be_visible()
    expect(page.locator("#statements")).to_contain_text("Not over yet")


def test_a_newcomers_page_fits_a_phone_and_says_what_will_be_where(visitor, stage, axe):
    lea = stage.person("lea", **CREATOR)
    creator = visitor(lea.user, claims=CREATOR, width=360, height=780)
    page = creator.open("/creator")

    finished(page)
    for text in ("Nobody sees you yet", "No gifts yet", "No statement yet", "No goal yet"):
        expect(page.get_by_text(text).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert faults(page, axe) == []
    creator.keep("creator-newcomer-phone", whole=True)
