"""Many tabs of one browser: each follows its room, and none keeps the others from anything."""

from playwright.sync_api import expect

from tests.browser.conftest import TIMEOUT_MILLISECONDS, VIEWER
from tests.browser.test_journeys import open_room
from tests.journeys.people import eventually

# Over HTTP/1.1 a browser has six connections to one place.
TABS = 8
# A headless browser believes that it is looked at, whatever is in front of it.
LOOKED_AT = """
    window.looked_at = true;
    Object.defineProperty(document, 'hidden', { get: () => !window.looked_at });
    Object.defineProperty(document, 'visibilityState', {
        get: () => window.looked_at ? 'visible' : 'hidden',
    });
    window.look = (at) => {
        window.looked_at = at;
        document.dispatchEvent(new Event('visibilitychange'));
    };
"""


def watched(page):
    """Note what becomes of the feeds that a page asks for."""
    feeds = {"asked": [], "ended": 0}

    def ended(request):
        feeds["ended"] += "/events" in request.url

    def asked(request):
        if "/events" in request.url:
            # Those that the page has set: all headers would be waited for, and come in any order.
            feeds["asked"].append(request.headers.get("last-event-id"))

    page.on("request", asked)
    page.on("requestfailed", ended)
    page.on("requestfinished", ended)
    return feeds


def open_feeds(feeds):
    return len(feeds["asked"]) - feeds["ended"]


def wait_for(page, holds):
    """Let the page go on until something holds: events arrive only while it is waited for."""
    for _ in range(600):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came to that")


def test_eight_tabs_in_eight_rooms_each_show_what_is_given_there(visitor, stage):
    """All of them looked at, as in windows beside each other: they take turns."""
    rooms = [open_room(stage) for _ in range(TABS)]
    giver, mira = stage.person("giver", **VIEWER), stage.person("mira", **VIEWER)
    stage.buy(giver, "coins_1000")
    person = visitor(mira.user)
    tabs = [person.page, *(person.context.new_page() for _ in range(TABS - 1))]
    feeds = [watched(tab) for tab in tabs]
    for tab, room in zip(tabs, rooms, strict=True):
        tab.goto(f"/rooms/{room}")
        tab.wait_for_selector("#main > *")

    for room in rooms:
        creator = giver.get(f"/v1/rooms/{room}")["creator"]
        stage.give(giver, creator, "g_tea", room=room)

    for tab in tabs:
        expect(tab.locator(".feed-line").first).to_be_visible(timeout=TIMEOUT_MILLISECONDS)
    # Whatever else a page asks for has a connection left.
    assert sum(open_feeds(each) for each in feeds) < 6
    assert tabs[0].evaluate("fetch('/people.json').then((answer) => answer.status)") in (200, 404)


def test_a_tab_nobody_looks_at_lets_go_of_its_feed_and_goes_on_where_it_was(visitor, stage):
    room = open_room(stage)
    giver, mira = stage.person("giver", **VIEWER), stage.person("mira", **VIEWER)
    creator = giver.get(f"/v1/rooms/{room}")["creator"]
    stage.buy(giver, "coins_1000")
    person = visitor(mira.user)
    person.context.add_init_script(LOOKED_AT)
    feeds = watched(person.page)
    page = person.open(f"/rooms/{room}")
    stage.give(giver, creator, "g_tea", room=room)
    expect(page.locator(".feed-line")).not_to_have_count(0, timeout=TIMEOUT_MILLISECONDS)

    page.evaluate("look(false)")
    wait_for(page, lambda: open_feeds(feeds) == 0)
    # What else was said of the gift may have come until now.
    before = page.locator(".feed-line").count()
    stage.give(giver, creator, "g_fox", room=room)
    page.wait_for_timeout(1_500)
    assert open_feeds(feeds) == 0
    assert page.locator(".feed-line").count() == before

    page.evaluate("look(true)")
    expect(page.locator(".feed-line")).not_to_have_count(before, timeout=TIMEOUT_MILLISECONDS)
    assert feeds["asked"][-1] is not None, "it began anew instead of going on"


def test_a_tab_opened_behind_another_asks_for_no_feed_until_it_is_looked_at(visitor, stage):
    room, mira = open_room(stage), stage.person("mira", **VIEWER)
    person = visitor(mira.user)
    person.context.add_init_script(LOOKED_AT)
    person.context.add_init_script("window.looked_at = false")
    feeds = watched(person.page)
    page = person.open(f"/rooms/{room}")
    page.wait_for_timeout(1_500)
    assert feeds["asked"] == []

    page.evaluate("look(true)")
    wait_for(page, lambda: open_feeds(feeds) == 1)


def test_a_browser_without_what_is_young_follows_its_room_as_well(visitor, stage):
    """Neither locks, as over plain HTTP, nor signals that follow others, nor decoding streams."""
    room = open_room(stage)
    giver, mira = stage.person("giver", **VIEWER), stage.person("mira", **VIEWER)
    stage.buy(giver, "coins_1000")
    person = visitor(mira.user)
    person.context.add_init_script(
        "delete AbortSignal.any; delete window.TextDecoderStream;"
        "Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });"
    )
    page = person.open(f"/rooms/{room}")
    creator = giver.get(f"/v1/rooms/{room}")["creator"]

    stage.give(giver, creator, "g_tea", room=room)

    expect(page.locator(".feed-line")).not_to_have_count(0, timeout=TIMEOUT_MILLISECONDS)


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(visitor, stage):
    """As behind a proxy that keeps everything back; the next one is let through."""
    room, mira = open_room(stage), stage.person("mira", **VIEWER)
    person = visitor(mira.user)
    person.context.add_init_script(
        # Fifteen seconds, and every other wait of the feed's, pass quickly.
        "const later = window.setTimeout;"
        "window.setTimeout = (work, wait, ...more) => later(work, wait / 30, ...more);"
    )
    asked = []

    def keep(route):
        asked.append(route)
        if len(asked) > 1:
            route.continue_()

    person.page.route("**/events*", keep)
    person.open(f"/rooms/{room}")

    wait_for(person.page, lambda: len(asked) > 1)


def test_an_overlay_of_a_browsers_own_survives_a_restart_of_live(visitor, stage, system):
    room = open_room(stage)
    giver = stage.person("giver", **VIEWER)
    creator = giver.get(f"/v1/rooms/{room}")["creator"]
    stage.buy(giver, "coins_1000")
    person = visitor()
    page = person.open("/paid")
    token = system.token("overlay", roles=["viewer"])
    page.evaluate(
        "(address) => { window.heard = []; window.source = new EventSource(address);"
        " source.addEventListener('gift', (event) => heard.push(event.lastEventId)); }",
        f"/v1/rooms/{room}/events?access_token={token}",
    )
    wait_for(page, lambda: page.evaluate("source.readyState") == 1)
    stage.give(giver, creator, "g_tea", room=room)
    wait_for(page, lambda: page.evaluate("heard.length") == 1)

    system.kill("live")
    wait_for(page, lambda: page.evaluate("source.readyState") == 0)
    page.wait_for_timeout(3_000)
    system.start("live")
    stage.give(giver, creator, "g_tea", room=room)

    wait_for(page, lambda: page.evaluate("heard.length") == 2)
    assert page.evaluate("source.readyState") == 1
    # What it complained of meanwhile is that the line had ended.
    person.complaints.clear()


def test_an_overlay_is_told_that_its_token_has_ended(visitor, stage, system):
    room = open_room(stage)
    page = visitor().open("/paid")
    # Tokens are accepted for a little longer than they say.
    token = system.token("overlay", roles=["viewer"], ttl_seconds=-25)
    page.evaluate(
        "(address) => { window.told = []; window.source = new EventSource(address);"
        " source.addEventListener('token_expired', (event) => told.push(event.data)); }",
        f"/v1/rooms/{room}/events?access_token={token}",
    )

    eventually(lambda: page.evaluate("told.length") > 0)
    assert page.evaluate("JSON.parse(told[0]).reason") == "expired"
