"""The room on a phone: the stage fills the screen, and gifts are sent from a sheet over it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import CREATOR, VIEWER
from tests.browser.test_access import faults
from tests.browser.test_journeys import open_room
from tests.browser.test_long_names import STICKING_OUT

PHONE, LYING, SMALL, DESKTOP = (360, 780), (780, 360), (320, 640), (1360, 900)
RECT = """(selector) => {
  const {left, top, right, bottom} = document.querySelector(selector).getBoundingClientRect();
  return [left, top, right, bottom];
}"""
IS_OPEN = "document.body.classList.contains('giving')"


@pytest.fixture
def mira(stage):
    mira = stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_1000")
    return mira


@pytest.fixture
def room(stage):
    return open_room(stage)


def enter(person, room):
    page = person.open(f"/rooms/{room}")
    page.locator("#send").wait_for(state="attached")
    return page


def open_gifts(page):
    page.locator("#open-gifts").click()
    expect(page.locator("#send")).to_be_visible()
    # The sheet slides in.
    page.wait_for_timeout(300)


def is_in_view(page, selector, size):
    left, top, right, bottom = page.evaluate(RECT, selector)
    width, height = size
    return left >= 0 and top >= 0 and right <= width and bottom <= height


@pytest.mark.parametrize("size", [PHONE, LYING, SMALL, DESKTOP], ids=lambda size: f"{size[0]}")
def test_stage_price_and_send_are_in_one_view_and_nothing_overflows(visitor, room, mira, axe, size):
    width, height = size
    person = visitor(mira.user, width=width, height=height)
    page = enter(person, room)
    person.keep(f"phone-{width}-closed")
    if size != DESKTOP:
        left, top, right, bottom = page.evaluate(RECT, ".stage")
        assert (left, top, right, bottom) == (0, 0, width, height)
        open_gifts(page)
    person.keep(f"phone-{width}-open")

    left, top, right, bottom = page.evaluate(RECT, ".stage-slot")
    assert (right - left) * (bottom - top) > 0.2 * width * height
    for selector in ("#send", "#send .amount", ".chosen .gift-name"):
        assert is_in_view(page, selector, size), selector
    if size in (PHONE, SMALL):
        assert page.evaluate(RECT, "#gifts")[1] >= height / 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(STICKING_OUT) == []
    assert faults(page, axe) == []


def test_the_sheet_opens_and_closes_by_escape_a_tap_outside_and_a_swipe(visitor, room, mira):
    page = enter(visitor(mira.user, width=360, height=780), room)
    expect(page.locator("#send")).to_be_hidden()

    open_gifts(page)
    assert page.evaluate("document.activeElement.dataset.gift")
    page.keyboard.press("Escape")
    expect(page.locator("#send")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "open-gifts"

    open_gifts(page)
    page.mouse.click(180, 250)
    expect(page.locator("#send")).to_be_hidden()

    open_gifts(page)
    left, top, right, bottom = page.evaluate(RECT, "#close-gifts")
    page.mouse.move((left + right) / 2, (top + bottom) / 2)
    page.mouse.down()
    page.mouse.move((left + right) / 2, bottom + 120, steps=4)
    page.mouse.up()
    expect(page.locator("#send")).to_be_hidden()
    assert not page.evaluate(IS_OPEN)


def test_a_combo_goes_on_with_one_button_and_the_last_gift_with_another(visitor, room, mira):
    page = enter(visitor(mira.user, width=360, height=780), room)
    open_gifts(page)
    page.locator("[data-gift=g_clover]").click()

    page.locator("#send").click()
    page.locator("#combo").click()
    expect(page.locator("#combo")).to_contain_text("2")
    page.locator(".feed-line", has_text=re.compile("Clover .2")).wait_for()
    expect(page.locator("#combo")).to_be_hidden(timeout=10_000)

    page.keyboard.press("Escape")
    expect(page.locator("#quick-gift")).to_contain_text("Send Clover")
    page.locator("#quick-gift").click()
    page.locator(".feed-line", has_text=re.compile("Clover .1")).wait_for()


def test_send_is_at_most_six_keys_from_the_start_of_the_page(visitor, room, mira):
    page = enter(visitor(mira.user), room)

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    tabs = 1
    while page.evaluate("document.activeElement.id") != "send":
        page.keyboard.press("Tab")
        tabs += 1
        assert tabs <= 6
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")

    expect(page.locator(".tile.chosen #send")).to_be_focused()
    expect(page.locator(".chosen .gift-name")).to_have_text("Clover")


def test_favourites_and_recent_gifts_stay_and_are_one_persons_own(visitor, room, mira, stage):
    person = visitor(mira.user)
    page = enter(person, room)
    page.locator("[data-gift=g_tea]").click()
    page.locator("#favourite").click()
    page.locator("[data-gift=g_boat]").click()
    page.locator("#send").click()
    page.locator(".feed-line", has_text="Paper Boat").wait_for()

    page.reload()
    page.locator("#send").wait_for()
    page.get_by_role("radio", name="Favourites").click()
    assert shown_gifts(page) == ["g_tea"]
    page.get_by_role("radio", name="Recent").click()
    assert shown_gifts(page) == ["g_boat"]
    page.get_by_role("searchbox").fill("lem")
    assert shown_gifts(page) == ["g_lemon"]

    other = stage.person("yuki", **VIEWER)
    kept = page.evaluate(
        """async (user) => {
            const { build } = await import("/static/favourites.js");
            return [build(user).favourites(), build(user).recent()];
        }""",
        other.user,
    )
    assert kept == [[], []]


def shown_gifts(page):
    return page.evaluate(
        "[...document.querySelectorAll('.gift-grid [data-gift]')].map((one) => one.dataset.gift)"
    )


# What plays gifts, on a stage of its own; `kinds` is how it should look after each step.
EFFECTS = """async () => {
    const { build } = await import("/static/animations.js");
    const { keep } = await import("/static/local.js");
    const layer = document.querySelector(".effects");
    const effects = build(layer, { user: "mira" });
    const of = (viewer, gift_type = "g_drum", more = {}) => ({
        gift: `${viewer}-${gift_type}`, viewer, gift_type,
        tier: "glow", count: 1, coins: 30, ...more });
    const seen = (entry) => { effects.play(entry); const all = layer.childElementCount;
        layer.replaceChildren(); return all; };
    const found = {};
    for (const wanted of ["all", "mine", "none"]) {
        keep("effects", wanted);
        found[wanted] = [seen(of("otto")), seen(of("mira")), seen(of(null))];
    }
    keep("effects", "mine");
    effects.own({ gift: "null-g_drum", combo: null });
    found.anonymous = seen(of(null));
    keep("effects", "all");
    const real = performance.now.bind(performance);
    const loud = { tier: "spectacle", coins: 1000 };
    effects.play(of("otto", "g_loco", loud));
    effects.play(of("otto", "g_manta", loud));
    // A scene is fetched with the first gift that has one.
    while (!layer.querySelector(".scene")) await new Promise((done) => setTimeout(done, 20));
    performance.now = () => real() + 9000;
    layer.getAnimations({ subtree: true }).forEach((one) => one.finish());
    await new Promise((done) => setTimeout(done, 200));
    found.late = [layer.childElementCount, effects.waiting()];
    performance.now = real;
    return found;
}"""


def test_effects_are_all_ones_own_or_none_and_what_waited_too_long_is_dropped(visitor, room, mira):
    page = enter(visitor(mira.user), room)

    found = page.evaluate(EFFECTS)

    assert found == {
        "all": [1, 1, 1],
        "mine": [0, 1, 0],
        "none": [0, 0, 0],
        "anonymous": 1,
        "late": [0, 0],
    }
    page.locator(".stage-tools summary").click()
    page.get_by_role("radio", name="None").click()
    page.reload()
    page.locator(".stage-tools summary").click()
    expect(page.get_by_role("radio", name="None")).to_be_checked()
    expect(page.get_by_label("Sound")).not_to_be_checked()


def test_an_entry_is_old_by_the_clock_that_wrote_it(visitor, room, mira):
    page = enter(visitor(mira.user), room)

    ages = page.evaluate(
        """async () => {
            const { ages } = await import("/static/ages.js");
            const ageOf = ages();
            const noon = Date.UTC(2031, 0, 1, 12);
            const at = (seconds) => ({ sent_at: new Date(noon + seconds * 1000).toISOString() });
            return [at(0), at(20), at(5), at(20)].map((entry) => Math.round(ageOf(entry) / 1000));
        }"""
    )

    assert ages == [0, 0, 15, 0]


def test_the_loudest_gifts_have_a_scene_with_their_sender_that_stays_on_the_stage(
    visitor, room, mira
):
    person = visitor(mira.user)
    page = enter(person, room)
    with_scene = page.evaluate("import('/static/scenery.js').then((scenery) => scenery.withScene)")
    prices = {one["gift_type"]: one["price_coins"] for one in mira.get("/v1/catalogue")["items"]}

    assert set(with_scene) == set(sorted(prices, key=prices.get)[-9:])
    left, top, right, bottom = page.evaluate(RECT, ".stage")
    for gift in with_scene:
        page.locator(f"[data-gift={gift}]").click()
        page.locator("#preview-gift").click()
        scene = page.locator(f".effects .scene.{gift}")
        scene.wait_for()
        expect(scene.locator(".crest")).to_contain_text(mira.name)
        inside = page.evaluate(RECT, f".effects .scene.{gift}")
        assert inside[0] >= left
        assert inside[1] >= top
        assert inside[2] <= right
        assert inside[3] <= bottom
    person.keep("phone-scene")


def test_a_gift_has_the_picture_and_the_film_of_the_catalogue_if_they_may_be_fetched(
    visitor, room, mira
):
    person = visitor(mira.user)
    person.ignored += ("Refused to load", "Loading the image")

    def change(route):
        answer = route.fetch()
        found = answer.json()
        by_id = {gift["gift_type"]: gift for gift in found["items"]}
        by_id["g_tea"]["icon_url"] = "/static/logo.svg"
        by_id["g_boat"]["icon_url"] = "https://elsewhere.example/boat.png"
        by_id["g_fox"]["animations"] = [
            {"format": "lottie", "url": "/static/fox.json", "duration_ms": 2000},
            {"format": "svg", "url": "/static/logo.svg", "duration_ms": 2000},
        ]
        route.fulfill(response=answer, json=found)

    person.page.route("**/v1/catalogue*", change)
    page = enter(person, room)

    expect(page.locator("[data-gift=g_tea] img")).to_have_attribute("src", "/static/logo.svg")
    expect(page.locator("[data-gift=g_boat] img")).to_have_attribute("src", re.compile("^data:"))
    page.locator("[data-gift=g_fox]").click()
    page.locator("#preview-gift").click()
    page.locator(".effects .film img[src='/static/logo.svg']").wait_for()


def test_the_levels_of_one_person_are_one_line(visitor, room, mira):
    page = enter(visitor(mira.user), room)

    lines = page.evaluate(
        """async () => {
            const { build } = await import("/static/feed.js");
            const { standIn } = await import("/static/people.js");
            const list = document.createElement("ol");
            const nothing = { show() {}, end() {}, play() {} };
            const feed = build({ list, tray: nothing, effects: nothing, changed() {} });
            const frame = () => new Promise((done) =>
                requestAnimationFrame(() => setTimeout(done)));
            for (const [viewer, level] of [["kim", 2], ["kim", 4], ["otto", 2], ["kim", 3]]) {
                feed.receive("level", { viewer, level, previous_level: level - 1 });
                await frame();
            }
            return [...list.children].map((line) => line.textContent
                .replace(standIn("kim"), "kim").replace(standIn("otto"), "otto"));
        }"""
    )

    assert lines == ["otto is level 2 now", "kim is level 4 now"]


def test_a_refusal_says_until_when_and_offers_the_next_step(visitor, room, mira):
    person = visitor(mira.user)
    page = enter(person, room)
    mira.post("/v1/wallets/me/exclusions", {"days": 1})

    page.locator("#send").click()

    dialog = page.locator("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("You are taking a break")
    expect(dialog).to_contain_text("(in 24 hours)")
    person.keep("refused-on-a-break")
    dialog.get_by_role("link", name="See your limits").click()
    page.get_by_text("You are taking a break until").wait_for()


def test_the_bar_leads_only_where_a_role_opens_the_page(visitor, room, mira, stage):
    both = {"roles": ["viewer", "creator"], "country": "FR", "age_verified": 28}
    lea = stage.person("lea", **CREATOR)
    for user, claims, pages in (
        (mira.user, VIEWER, ["Room", "Wallet"]),
        (lea.user, both, ["Room", "Wallet", "Creator"]),
    ):
        page = enter(visitor(user, claims=claims), room)
        expect(page.locator("#bar nav a")).to_have_text(pages)
