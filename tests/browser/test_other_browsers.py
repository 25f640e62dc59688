"""
The main pages in Firefox and in WebKit, which is Safari's engine: they work, and nothing complains.

Both are Debian's. Where one is missing its tests are skipped; `make browsers` installs them.
"""

import os
from uuid import uuid4

import pytest

from deploy.harness.packages import find, require
from deploy.harness.processes import ServerFailed
from tests.browser import webdriver
from tests.browser.conftest import CREATOR, SCREENSHOTS, VIEWER
from tests.browser.listening import listening
from tests.browser.test_embedding import ROOM, host_page
from tests.browser.test_journeys import OPERATOR, open_room
from tests.journeys.people import eventually

PHONE = (360, 780)
DESKTOP = (1360, 900)
ROOM_FRAME = "document.querySelector('ovation-room')?.shadowRoot?.querySelector('iframe')"
# Each program of an engine, and the package of Debian that brings it.
PROGRAMS = {
    "firefox": {webdriver.FIREFOX: "firefox-esr"},
    "webkit": {webdriver.WEBKIT: "webkit2gtk-driver", webdriver.SCREEN: "xvfb"},
}


def programs(engine):
    for program, package in PROGRAMS[engine].items():
        try:
            wanted = os.environ.get("BROWSERS") == "all"
            found = require(program, package) if wanted else find(program)
        except ServerFailed as error:
            pytest.skip(f"{engine}: {error}")
        if not found:
            pytest.skip(f"{engine}: {program} is missing, which `make browsers` installs")
        yield found


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def engine(request, tmp_path_factory):
    start = getattr(webdriver, request.param)
    with start(*programs(request.param), tmp_path_factory.mktemp("profile")) as browser:
        browser.name = request.param
        yield browser


@pytest.fixture
def guest(engine, system, request):
    """Open pages for somebody; at the end none of them may have complained."""
    complaints = []

    class Guest:
        def sign_in(self, user, claims):
            # Another test may have chosen a language, which a browser remembers.
            engine.open(f"{origin}/paid?language=en")
            token = system.token(user, name=user.partition("-")[0].title(), **claims)
            engine.run("sessionStorage.setItem('ovation.token', arguments[0])", token)

        def open(self, path, size=DESKTOP, *, drawn="#main > *"):
            self.note()
            engine.open(f"{origin}{path}")
            engine.size(*size)
            engine.until("return document.querySelector(arguments[0])", drawn)
            return engine

        def note(self):
            complaints.extend(engine.run("return window.complaints ?? []"))

    with listening(system.gateway_url) as origin:
        someone = Guest()
        yield someone
        someone.note()
        engine.keep(SCREENSHOTS / "browsers" / f"{request.node.name.replace('/', '-')}.png")
        # No feed stays open.
        engine.open("about:blank")
    assert complaints == []


def fits(page):
    return page.run("return document.documentElement.scrollWidth <= innerWidth")


def test_a_gift_is_sent_on_a_phone_and_plays(guest, stage):
    room, mira = open_room(stage), stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_5000")
    guest.sign_in(mira.user, VIEWER)
    page = guest.open(f"/rooms/{room}", PHONE)

    page.click("#open-gifts")
    page.click("#send")
    page.until("return document.querySelector('.feed-line.spark')")
    page.click("[data-gift=g_orchestra]")
    page.click("#send")
    page.until("return document.querySelector('.effects .scene.g_orchestra')")

    assert fits(page)
    eventually(lambda: mira.get("/v1/wallets/me")["coins"] == 2499)


def test_a_gift_of_somebody_else_is_seen_in_the_room(guest, stage):
    room, mira = open_room(stage), stage.person("mira", **VIEWER)
    giver = stage.person("giver", **VIEWER)
    stage.buy(giver, "coins_100")
    guest.sign_in(mira.user, VIEWER)
    page = guest.open(f"/rooms/{room}")
    page.seen("#send")

    creator = giver.get(f"/v1/rooms/{room}")["creator"]
    stage.give(giver, creator, "g_tea", room=room)

    page.seen(".feed-line", giver.name)


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("ja", "ltr")])
def test_a_wallet_is_read_in_another_language(guest, stage, language, direction):
    mira = stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_100")
    guest.sign_in(mira.user, VIEWER)
    page = guest.open(f"/wallet?language={language}", PHONE)
    page.seen("#get-coins")

    found = page.run("return [document.documentElement.lang, document.documentElement.dir]")
    assert found == [language, direction]
    assert fits(page)
    page.click("#get-coins")
    page.seen(".offer")


def test_a_creator_goes_live(guest, stage):
    lea = stage.person("lea", **CREATOR)
    guest.sign_in(lea.user, CREATOR)
    page = guest.open("/creator")

    page.type("#stream input[name=title]", "Songs")
    page.run("document.querySelector('#stream [name=room]').value = arguments[0]", lea.user)
    page.click("button", "Go live")
    page.seen("#stream a", "Open the room")


def test_an_operator_finds_a_person(guest, stage):
    mira = stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_100")
    guest.sign_in(f"ops-{uuid4().hex[:6]}", OPERATOR)
    page = guest.open("/operator")

    page.type("input[name=q]", mira.user)
    page.click("form.search button")
    page.click("#found a", mira.user)
    page.seen("main", "100")


@pytest.mark.parametrize(
    ("path", "drawn", "shown"),
    [("/events", "#main > *", "gift.sent"), ("/docs", "#reference > *", "A coin economy")],
)
def test_reference_pages_are_drawn(guest, path, drawn, shown):
    page = guest.open(path, drawn=drawn)

    page.seen("main", shown)


def test_a_room_in_a_page_of_another_origin_signs_its_viewer_in(engine):
    with host_page(ROOM) as host:
        engine.open(host)
        with engine.frame(
            "document.querySelector('ovation-room')?.shadowRoot?.querySelector('iframe')"
        ):
            engine.seen(".person-name", "Mira")
            engine.click("#send")
        engine.until("return heard.some(([name]) => name === 'gift')")
        engine.open("about:blank")
