"""Everybody can use the pages: with a keyboard, a small screen, a screen reader, in any light."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import CREATOR, TIMEOUT_MILLISECONDS, VIEWER
from tests.browser.test_journeys import OPERATOR, open_room

PAGES = {
    "room": ("/rooms/{room}", VIEWER),
    "wallet": ("/wallet", VIEWER),
    "creator": ("/creator", CREATOR),
    "operator": ("/operator", OPERATOR),
    "paid": ("/paid", VIEWER),
}
SERIOUS = ("serious", "critical")


def people_of(stage):
    """A viewer who gave to a creator who is live, so that no page is empty; and their room."""
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    room = f"room-{uuid4().hex[:6]}"
    lea.put(f"/v1/rooms/{room}/stream", {"title": "Late songs"})
    stage.buy(mira, "coins_1000")
    stage.give(mira, lea.user, "g_fox", room=room)
    return {"viewer": mira.user, "creator": lea.user, "operator": "ops"}, room


# What fades in has less contrast than it will have.
FADED_IN = """
    Promise.all(document.getAnimations()
        .filter((each) => each.playState === "running")
        .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
        .map((each) => each.finished.catch(() => {})))
    .then(() => null)
"""


def faults(page, axe):
    """Ask axe-core what is wrong, and return what people cannot work around."""
    page.evaluate(FADED_IN)
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (one["id"], [node["html"][:160] for node in one["nodes"]][:4])
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]


def finished(page):
    # Not by a function that the page is to evaluate again and again: its policy forbids that.
    expect(page.locator(".waiting")).to_have_count(0, timeout=TIMEOUT_MILLISECONDS)
    page.wait_for_timeout(600)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_no_serious_problem_on_any_page(visitor, stage, axe, scheme):
    people, room = people_of(stage)
    found = {}
    for name, (path, claims) in PAGES.items():
        person = visitor(people[claims["roles"][0]], claims=claims, scheme=scheme)
        page = person.open(path.format(room=room))
        finished(page)
        person.keep(f"{name}-{scheme}", whole=name != "room")
        found[name] = faults(page, axe)
        if name == "room":
            page.get_by_role("tab", name="Top gifters").click()
            page.wait_for_timeout(800)
            found["standing"] = faults(page, axe)
            page.get_by_role("button", name="Get coins").click()
            page.locator(".offer").first.wait_for()
            person.keep(f"coins-{scheme}")
            found["dialog"] = faults(page, axe)
    assert {name: faulty for name, faulty in found.items() if faulty} == {}


def test_nothing_has_to_be_scrolled_sideways_on_the_smallest_screen(visitor, stage):
    people, room = people_of(stage)
    for name, (path, claims) in PAGES.items():
        person = visitor(people[claims["roles"][0]], claims=claims, width=320, height=640)
        page = person.open(path.format(room=room))
        finished(page)
        person.keep(f"{name}-320", whole=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
        assert not page.evaluate("(scrollTo(9, 0), scrollX)"), name


def test_a_gift_can_be_sent_without_a_mouse_and_dialogs_keep_and_return_the_focus(visitor, stage):
    room = open_room(stage)
    mira = stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_100")
    page = visitor(mira.user).open(f"/rooms/{room}")
    page.locator("#send").wait_for()
    focused = "document.activeElement.id || document.activeElement.dataset.gift"

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(70):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(focused))
        if "send" in reached:
            break
    assert {"get-coins", "g_pebble", "send"} <= reached
    page.keyboard.press("Enter")
    page.locator(".feed-line.spark").wait_for()

    page.locator("#get-coins").focus()
    page.keyboard.press("Enter")
    page.locator("dialog .offer").first.wait_for()
    for _ in range(30):
        page.keyboard.press("Tab")
        # Between two rounds the focus is the browser's own bar, which is no element of ours.
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    assert page.evaluate(focused) == "get-coins"


def test_whoever_wants_no_motion_gets_none(visitor, stage):
    page = visitor("mira", motion="reduce").open(f"/rooms/{open_room(stage)}")
    page.locator(".stage-host").wait_for()
    running = page.evaluate(
        "document.getAnimations().filter((one) => one.playState === 'running').length"
    )
    assert running == 0
