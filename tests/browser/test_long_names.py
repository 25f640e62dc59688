"""Pages stay readable where people have the longest ids that a token may say."""

from uuid import uuid4

import pytest

from tests.browser.conftest import CREATOR, VIEWER
from tests.journeys.people import SCOPES, eventually

# Without a space or hyphen where a browser would break a line; `Person` adds seven characters.
LONG = "wide" * 62
OPERATOR = {"roles": ["operator"], "scopes": [*SCOPES, "disputes:read"]}
# What sticks out of the page, of all that is visible and not inside of what scrolls or hides.
STICKING_OUT = """() => {
  const clips = (node) => node && node !== document.documentElement
    && (getComputedStyle(node).overflowX !== "visible" || clips(node.parentElement));
  return [...document.querySelectorAll("body *")]
    .filter((node) => node.checkVisibility() && !clips(node.parentElement))
    .filter((node) => node.getBoundingClientRect().right > innerWidth + 1)
    .map((node) => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 40)}`)
}"""
# An id must not push out what else is to be seen. Operators see all of it, of two people in a line.
LINES_MAX, OPERATORS_LINES_MAX = 6, 20
TALL = """(lines_max) => [...document.querySelectorAll(
  "#bar, .host-chip, .feed-line, .tray-row, .lines > li")]
  .filter((node) => node.checkVisibility() && node.getBoundingClientRect().height > 24 * lines_max)
  .map((node) => `${node.className || node.id} ${node.getBoundingClientRect().height}`)"""


@pytest.fixture
def room(stage):
    """A room in which people with long ids give to a creator with one."""
    mira, lea = stage.person(LONG, **VIEWER), stage.person(LONG, **CREATOR)
    assert len(lea.user) == 255
    name = f"room-{uuid4().hex[:6]}"
    stage.buy(mira, "coins_500")
    assert stage.give(mira, lea.user, "g_drum", room=name, message="hello").status_code == 201
    eventually(lambda: lea.get("/v1/earnings/me")["available_diamonds"] == 30)
    eventually(lambda: mira.get(f"/v1/rooms/{name}")["coins"] == 30)
    return name, mira.user, lea.user


@pytest.mark.parametrize("width", [1360, 360])
def test_the_longest_ids_break_no_page(visitor, stage, room, width):
    name, mira, lea = room
    ops = stage.person(LONG, **OPERATOR)
    reason = {"reason": "a test"}
    assert ops.post(f"/v1/operator/wallets/{mira}/freeze", reason).status_code == 200
    assert ops.post(f"/v1/operator/wallets/{mira}/unfreeze", reason).status_code == 200

    for user, claims, path, shown in (
        (mira, VIEWER, f"/rooms/{name}", ".feed-line"),
        (mira, VIEWER, "/wallet", ".lines > li"),
        (lea, CREATOR, "/creator", ".lines > li"),
        (ops.user, OPERATOR, "/operator", ".lines > li"),
    ):
        page = visitor(user, claims=claims, width=width).open(path)
        page.wait_for_selector(shown)
        if not path.startswith("/rooms/"):  # whose feed never ends
            page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(STICKING_OUT) == [], path
        lines_max = OPERATORS_LINES_MAX if path == "/operator" else LINES_MAX
        assert page.evaluate(TALL, lines_max) == [], path
