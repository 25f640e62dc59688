"""
The pages on a phone, on one that lies, and on a desk: dark and light, in each language.

Nothing overflows, nothing is cut off, axe is content, and on a phone the stage, the price and the
button that sends are in one view. `make screenshots` keeps a picture of every combination.
"""

import os
from collections import deque

import pytest
from playwright.sync_api import expect

from services.web.languages import RIGHT_TO_LEFT, read_languages
from tests.browser.test_access import FADED_IN, PAGES, faults, finished, people_of
from tests.browser.test_long_names import STICKING_OUT
from tests.browser.test_phone import RECT, is_in_view, open_gifts
from tests.journeys.people import stage_on

SIZES = {"phone": (360, 780), "lying": (780, 360), "desk": (1360, 900)}
SCHEMES = ("dark", "light")
LANGUAGES = tuple(read_languages())
# All combinations, with a picture of each.
ALL = os.environ.get("SCREENSHOTS") == "all"
FOLDER = "sizes"
STAGE_SHARE_MIN = 0.2
NAMES = ("room", "wallet", "creator", "operator")
# Texts that one sees half of, where nothing says that they go on: no scrolling, no ellipsis.
CUT_OFF = """() => {
  const isText = (node) => [...node.childNodes].some(
      (child) => child.nodeType === Node.TEXT_NODE && child.textContent.trim());
  const clips = (style) => ["hidden", "clip"].includes(style.overflowX)
    || /paint|strict|content/.test(style.contain);
  const isCutOff = (text) => {
    const own = [...text.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE);
    const range = document.createRange();
    const boxes = own.flatMap((each) => {
      range.selectNode(each);
      return [...range.getClientRects()];
    });
    const left = Math.min(...boxes.map((box) => box.left));
    const right = Math.max(...boxes.map((box) => box.right));
    if (!boxes.length) return false;
    for (let node = text; node !== document.body; node = node.parentElement) {
      const style = getComputedStyle(node);
      const isHidden = style.clipPath !== "none" || style.textOverflow === "ellipsis";
      if (isHidden || ["auto", "scroll"].includes(style.overflowX)) return false;
      const box = node.getBoundingClientRect();
      if (clips(style) && (left < box.left - 1 || right > box.right + 1)) return true;
    }
    return false;
  };
  return [...document.querySelectorAll("body *")]
    .filter((node) => node.checkVisibility({ checkVisibilityCSS: true }) && isText(node))
    .filter((node) => !node.closest(".unseen, .effects, .tray, option") && isCutOff(node))
    .map((node) => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 40)}`)
}"""
# Buttons whose text is larger than they are.
SPILLING = """() => [...document.querySelectorAll("button, .button, .tag, .chip, .tab")]
  .filter((node) => node.checkVisibility({ checkVisibilityCSS: true }))
  .filter((node) => getComputedStyle(node).clipPath === "none")
  .filter((node) => node.scrollWidth > node.clientWidth + 1)
  .map((node) => `${node.className}: ${node.textContent.slice(0, 40)} ${node.scrollWidth}`)"""
# Of the page itself: what scrolls inside of it is looked at above.
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
# A page whose text begins on the right may stick out on the left.
STICKING_OUT_LEFT = STICKING_OUT.replace(".right > innerWidth + 1", ".left < -1")


def looks(language):
    """The sizes, dark and light in turns, from another one on in each language; or really all."""
    turn = LANGUAGES.index(language)
    sizes = deque(enumerate(SIZES))
    sizes.rotate(turn)
    return [
        (size, scheme)
        for a, size in sizes
        for b, scheme in enumerate(SCHEMES)
        if ALL or (a + turn) % len(SCHEMES) == b
    ]


def problems(page, axe):
    found = {
        "sideways": page.evaluate(OVERFLOW) > 0,
        "sticks out": page.evaluate(STICKING_OUT) + page.evaluate(STICKING_OUT_LEFT),
        "cut off": page.evaluate(CUT_OFF),
        "spills": page.evaluate(SPILLING),
        "axe": faults(page, axe),
    }
    return {what: which for what, which in found.items() if which}


@pytest.fixture(scope="module")
def everybody(system):
    """A room with a gift in it, and who is who there."""
    with stage_on(system) as stage:
        yield people_of(stage)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_overflows_or_is_cut_off_in_any_language(visitor, everybody, axe, name, language):
    """Also when a phone is turned, or its light changes: a page is loaded once for all looks."""
    people, room = everybody
    path, claims = PAGES[name]
    size, scheme = looks(language)[0]
    width, height = SIZES[size]
    user = people[claims["roles"][0]]
    person = visitor(user, claims=claims, width=width, height=height, scheme=scheme)
    page = person.open(f"{path.format(room=room)}?language={language}")
    finished(page)
    if name == "room":
        page.locator("#send").wait_for(state="attached")
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    assert page.locator("html").get_attribute("dir") == direction
    assert page.locator("html").get_attribute("lang") == language

    found = {}
    for size, scheme in looks(language):
        look(page, size, scheme)
        keep(person, f"{name}-{size}-{language}-{scheme}", whole=name != "room")
        found[size, scheme] = problems(page, axe)
        if name == "room" and size != "desk":
            open_gifts(page)
            keep(person, f"gifts-{size}-{language}-{scheme}")
            found[size, scheme, "gifts"] = problems(page, axe)
            if not is_sent_in_one_view(page, SIZES[size]):
                found[size, scheme, "gifts"]["stage, price and Send are not in one view"] = True
            page.keyboard.press("Escape")
            expect(page.locator("#send")).to_be_hidden()
    assert {where: what for where, what in found.items() if what} == {}


def look(page, size, scheme):
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    page.evaluate(FADED_IN)


def keep(person, name, *, whole=False):
    if ALL:
        person.keep(f"{FOLDER}/{name}", whole=whole)


def is_sent_in_one_view(page, size):
    width, height = size
    left, top, right, bottom = page.evaluate(RECT, ".stage-slot")
    seen = (right - left) * (bottom - top) > STAGE_SHARE_MIN * width * height
    return seen and all(
        is_in_view(page, each, size) for each in ("#send", "#send .amount", ".chosen .gift-name")
    )
