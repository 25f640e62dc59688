"""People are seen by name and picture; nobody sees an id."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import CREATOR, VIEWER
from tests.journeys.people import eventually

# All that a page shows or reads out, of whatever is visible.
SEEN = """() => [...document.querySelectorAll("body, body *")].flatMap((node) => [
  ...["title", "aria-label", "alt", "placeholder"].map((name) => node.getAttribute(name)),
  ...[...node.childNodes].filter((each) => each.nodeType === 3).map((each) => each.data),
]).filter(Boolean).join("\\n")"""
LONG = "Wilhelmina " * 7 + "End"
ARABIC = "محمد بن سلمان"
GUEST = re.compile(r"^Guest \d{4}$")


def an_id(kind):
    """What providers call people: nothing to look at."""
    return f"{kind}|5f7c9b1e{uuid4().hex[:12]}"


class Named:
    """Somebody whose provider has an id of its own kind, and a name beside it."""

    def __init__(self, stage, system, name=None, picture=None, *, claims=VIEWER):
        said = {key: value for key, value in (("name", name), ("picture", picture)) if value}
        self.person = stage.person(an_id("auth0"), **{**claims, "name": None, **said})
        self.person.introduce()
        self.user, self.claims = self.person.user, {**claims, **said}
        self._system = system


@pytest.fixture
def named(stage, system):
    return lambda *about, **more: Named(stage, system, *about, **more)


@pytest.fixture
def room(stage, named):
    """A room of a creator with a name, in which people give."""
    creator = named("Lea Luna", claims=CREATOR)
    name = f"room-{uuid4().hex[:6]}"
    stage.open_room(creator.user, name)

    gifts = []

    def give(viewer, **wish):
        stage.buy(viewer.person, "coins_500")
        answer = stage.give(viewer.person, creator.user, "g_drum", room=name, **wish)
        assert answer.status_code == 201
        gifts.append(answer)
        eventually(lambda: viewer.person.get(f"/v1/rooms/{name}")["gifts"] == len(gifts))

    give.name, give.creator = name, creator
    return give


def test_people_are_seen_by_name_and_nobody_by_an_id(visitor, named, room):
    mira, jonas = named("Mira Sol"), named("Jonas")
    room(mira, message="hello")
    creator = room.creator

    watching = visitor(jonas.user, claims=jonas.claims)
    page = watching.open(f"/rooms/{room.name}")
    expect(page.locator(".feed-line .who").first).to_have_text("Mira Sol")
    expect(page.locator(".host-chip .who")).to_have_text("Lea Luna")
    expect(page.locator(".person .who").first).to_have_text("Jonas")
    expect(page.locator(".stage")).to_have_attribute("aria-label", "Lea Luna's stream")
    page.get_by_role("tab", name="Top gifters").click()
    expect(page.locator(".ranks .who")).to_have_text("Mira Sol")
    watching.keep("people-room")
    pages = [page]

    page = visitor(mira.user, claims=mira.claims).open("/wallet")
    page.get_by_role("tab", name="Gifts").click()
    page.get_by_text("Drum").wait_for()
    expect(page.locator(".lines .who", has_text="Lea Luna")).to_have_count(1)
    pages.append(page)

    page = visitor(creator.user, claims=creator.claims).open("/creator")
    expect(page.locator(".received .who")).to_have_text("Mira Sol")
    page.get_by_role("button", name="Thank Mira Sol").wait_for()
    pages.append(page)

    for page in pages:
        seen = page.evaluate(SEEN)
        # A creator's own room is called as they are, until they choose another name.
        own = [creator.user] if page.url.endswith("/creator") else []
        for user in (mira.user, jonas.user, creator.user):
            assert user in own or user not in seen, page.url


def test_whoever_has_no_name_is_a_guest_who_is_always_called_the_same(visitor, named, room):
    nameless, jonas = named(), named("Jonas")
    room(nameless)

    page = visitor(jonas.user, claims=jonas.claims).open(f"/rooms/{room.name}")
    called = page.locator(".feed-line .who").first
    expect(called).to_have_text(GUEST)
    name = called.inner_text()
    page.get_by_role("tab", name="Top gifters").click()
    expect(page.locator(".ranks .who")).to_have_text(name)

    page = visitor(nameless.user, claims=nameless.claims).open("/wallet")
    expect(page.locator(".person .who").first).to_have_text(name)
    assert nameless.user not in page.evaluate(SEEN)


def test_a_picture_is_shown_and_an_initial_where_none_can_be_loaded(visitor, named, room, system):
    site = system.gateway_url
    shown = named("Mira Sol", f"{site}/static/logo.svg")
    broken = named("Zoe", f"{site}/static/nothing-is-here.svg")
    foreign = named("Ada", "https://pictures.invalid/ada.png")
    for viewer in (shown, broken, foreign):
        room(viewer)
    guest = visitor(shown.user, claims=shown.claims)
    # The site of the third is no site of WEB_PICTURE_ORIGINS, and a browser says so.
    guest.ignored = (*guest.ignored, "Loading the image 'https://pictures.invalid", "Refused to")

    page = guest.open(f"/rooms/{room.name}")

    line = page.locator(".feed-line", has_text="Mira Sol").locator(".avatar img")
    expect(line).to_have_attribute("src", f"{site}/static/logo.svg")
    expect(line).to_have_attribute("referrerpolicy", "no-referrer")
    for name in ("Zoe", "Ada"):
        face = page.locator(".feed-line", has_text=name).locator(".avatar")
        expect(face).to_have_text(name[0])
        expect(face.locator("img")).to_have_count(0)
    expect(page.locator(".person .avatar img")).to_have_count(1)


@pytest.mark.parametrize("width", [1360, 360])
def test_a_long_name_ends_in_dots_and_one_of_another_script_turns_nothing_round(
    visitor, named, room, width
):
    long, arabic, jonas = named(LONG), named(ARABIC), named("Jonas")
    room(long)
    room(arabic, message="مرحبا")

    guest = visitor(jonas.user, claims=jonas.claims, width=width)
    page = guest.open(f"/rooms/{room.name}")
    gifts = page.locator(".feed-line:not(.said)")
    expect(gifts.locator(".who", has_text=ARABIC)).to_have_count(1)

    wide = gifts.locator(".who", has_text="Wilhelmina")
    expect(wide).to_have_attribute("title", LONG)
    is_cut = "node => node.scrollWidth > node.clientWidth && node.getClientRects().length === 1"
    assert wide.evaluate(is_cut)
    guest.keep(f"people-long-names-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What is beside a name stays where it is: the amount is at the end of the line.
    # A sentence about them is read to its end.
    for line in page.locator(".feed-line.said").all():
        assert line.evaluate("node => node.scrollWidth <= node.clientWidth"), line.inner_text()
    for line in gifts.all():
        name, amount = line.locator(".who").bounding_box(), line.locator(".amount").bounding_box()
        assert name["x"] + name["width"] <= amount["x"] + amount["width"]


def test_all_people_of_a_moment_are_asked_for_at_once(visitor, named):
    jonas = named("Jonas")
    page = visitor(jonas.user, claims=jonas.claims).open("/wallet")
    page.wait_for_load_state("networkidle")
    asked = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/v1/people?" in request.url else 0
    )

    with page.expect_response(lambda answer: "id=u59" in answer.url):
        page.evaluate(
            """async () => {
                const { who, avatar } = await import("/static/people.js");
                for (let n = 0; n < 60; n += 1) { who(`u${n}`); avatar(`u${n}`); }
                who(null);
            }"""
        )
    # Who is known, or known not to be, is asked for no more.
    page.evaluate("async () => (await import('/static/people.js')).who('u3')")
    page.wait_for_load_state("networkidle")

    people = [url for url in asked if "/v1/people?" in url]
    assert [len(re.findall(r"[?&]id=", url)) for url in people] == [50, 10]


def test_a_room_works_where_nobody_says_who_people_are(visitor, named, room):
    mira = named("Mira Sol")
    room(mira)
    guest = visitor(an_id("google"))
    guest.ignored = (*guest.ignored, "Failed to load resource")
    guest.page.route("**/v1/people*", lambda route: route.abort())
    guest.page.route("**/v1/people/me", lambda route: route.abort())

    page = guest.open(f"/rooms/{room.name}")

    expect(page.locator(".feed-line .who").first).to_have_text(GUEST)
    expect(page.locator("#send")).to_be_enabled()
