"""A room's page says who is there, and gives to nobody who is not."""

import re
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import CREATOR, VIEWER, paying
from tests.journeys.people import eventually


@pytest.fixture
def lea(stage):
    return stage.person("lea", **CREATOR)


@pytest.fixture
def mira(stage):
    return stage.person("mira", **VIEWER)


def a_room():
    return f"room-{uuid4().hex[:6]}"


def go_live(creator, room, title="Late songs"):
    creator.put(f"/v1/rooms/{room}/stream", {"title": title})


def go(system, creator, room):
    """End the stream of a room, as its owner."""
    headers = {"Authorization": f"Bearer {system.token(creator, roles=['creator'])}"}
    answer = httpx.delete(f"{system.gateway_url}/v1/rooms/{room}/stream", headers=headers)
    assert answer.is_success, answer.text


def gifts_of(viewer):
    return [(gift["creator"], gift["state"]) for gift in viewer.get("/v1/gifts")["items"]]


def is_empty(page, title):
    """Nobody can be given anything here, and nobody is shown who might be."""
    page.get_by_role("heading", name=title).wait_for()
    expect(page.locator("#send")).to_have_count(0)
    expect(page.locator("[data-gift]")).to_have_count(0)
    expect(page.locator(".live-dot")).to_have_text("Not live")
    expect(page.locator(".stage-host")).to_be_hidden()


@pytest.mark.parametrize("query", ["", "?creator=attacker", "?creator=lea"])
def test_a_room_that_nobody_opened_has_no_creator_whatever_the_address_says(visitor, mira, query):
    page = visitor(mira.user).open(f"/rooms/{a_room()}{query}")

    is_empty(page, "Nobody is here yet")
    shown = page.locator("main").inner_text()
    assert "attacker" not in shown
    assert "lea" not in shown
    assert "Songs for a late evening" not in shown


def test_an_address_never_decides_who_receives(visitor, stage, lea, mira):
    room = a_room()
    go_live(lea, room)
    stage.buy(mira, "coins_100")
    page = visitor(mira.user).open(f"/rooms/{room}?creator=attacker")

    page.locator("#send").click()

    page.locator(".feed-line.spark").wait_for()
    assert [creator for creator, _ in gifts_of(mira)] == [lea.user]


def test_a_stream_that_ends_ends_the_panel_and_the_next_one_brings_it_back(
    visitor, system, lea, mira
):
    room = a_room()
    go_live(lea, room, "First songs")
    page = visitor(mira.user).open(f"/rooms/{room}")
    expect(page.locator(".live-dot")).to_have_text("Live")
    page.locator(".stage-line:empty").wait_for(state="attached")

    go(system, lea.user, room)
    page.get_by_role("heading", name="The stream is over").wait_for()
    expect(page.locator("#send")).to_have_count(0)
    expect(page.locator(".live-dot")).to_have_text("Over")

    go_live(lea, room, "Second songs")
    page.locator("#send").wait_for()
    expect(page.locator(".live-dot")).to_have_text("Live")
    expect(page.locator(".host-chip")).to_contain_text("Second songs")


def test_whoever_comes_after_the_end_finds_nobody_live(visitor, system, lea, mira):
    room = a_room()
    go_live(lea, room)
    go(system, lea.user, room)

    is_empty(visitor(mira.user).open(f"/rooms/{room}"), f"{lea.name} is not live")


def test_whoever_waits_in_an_empty_room_sees_its_creator_come(visitor, lea, mira):
    room = a_room()
    page = visitor(mira.user).open(f"/rooms/{room}")
    is_empty(page, "Nobody is here yet")
    page.locator(".stage-line:empty").wait_for(state="attached")

    go_live(lea, room)

    page.locator("#send").wait_for()
    expect(page.locator(".host-chip")).to_contain_text(lea.name)


def test_a_gift_is_not_sent_when_the_stream_ended_while_its_coins_were_bought(
    visitor, system, lea, mira
):
    room = a_room()
    go_live(lea, room)
    page = visitor(mira.user).open(f"/rooms/{room}")
    page.locator(".stage-line:empty").wait_for(state="attached")
    page.locator("#send").click()
    page.locator(".offer.exact").wait_for()

    go(system, lea.user, room)
    expect(page.locator(".live-dot")).to_have_text("Over")
    with paying(page):
        page.locator(".offer.exact").click()

    page.get_by_text("the gift was not sent").wait_for()
    assert [state for _, state in gifts_of(mira) if state == "sent"] == []
    eventually(lambda: mira.get("/v1/wallets/me")["coins"] > 0)


def test_the_badge_is_about_the_stream_and_the_connection_is_told_beside_it(
    visitor, system, lea, mira
):
    room = a_room()
    go_live(lea, room)
    person = visitor(mira.user)
    # Answers of a gateway without its service, and lines that break.
    person.ignored += ("Failed to load resource",)
    page = person.open(f"/rooms/{room}")
    page.locator(".stage-line:empty").wait_for(state="attached")

    system.kill("live")
    try:
        expect(page.locator(".stage-line")).to_have_text("Reconnecting …", timeout=30_000)
        expect(page.locator(".live-dot")).to_have_text("Live")
    finally:
        system.start("live")

    page.locator(".stage-line:empty").wait_for(state="attached")
    expect(page.locator(".live-dot")).to_have_text("Live")


def test_the_front_page_invents_no_room_and_opens_the_first_one_that_is_live(
    visitor, system, lea, mira
):
    for one in mira.get("/v1/rooms", live=True, limit=100)["items"]:
        go(system, one["creator"], one["room"])
    page = visitor(mira.user).open("/")
    page.get_by_role("heading", name="Nobody is live right now").wait_for()
    expect(page.locator("#send")).to_have_count(0)

    go_live(lea, a_room())

    page.locator("#send").wait_for()
    expect(page.locator(".host-chip")).to_contain_text(lea.name)


@pytest.mark.parametrize(
    "address", ["/rooms/team%2F7", "/rooms/team/7", "/rooms/%E0%A4", "/rooms/a%2F..%2F..%2Fme"]
)
def test_a_room_that_no_address_can_hold_is_said_to_be_none(visitor, mira, address):
    asked = []
    person = visitor(mira.user)
    person.page.on("request", lambda request: asked.append(request.url))

    page = person.open(address)

    page.get_by_role("heading", name="There is no such room").wait_for()
    assert not [url for url in asked if "/v1/rooms" in url]


def test_a_guest_who_joins_is_no_new_stream(visitor, lea, mira):
    room = a_room()
    go_live(lea, room)
    page = visitor(mira.user).open(f"/rooms/{room}")
    page.locator(".stage-line:empty").wait_for(state="attached")

    lea.put(f"/v1/rooms/{room}/guests/otto", {})

    page.get_by_text(re.compile(r"On the stage too: Guest \d{4}")).wait_for()
    expect(page.get_by_text("Live now: a new stream")).to_have_count(0)
