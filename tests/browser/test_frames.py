"""
Two hundred gifts within seconds: the page has little to do for each, and nothing piles up.

What the page does is counted, not how long it takes: that depends on what else the machine does.
What services say is said by a stand-in here; that they do say it is shown by the journeys.
"""

import asyncio
import json
import re
import tomllib
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Mount, Route

from deploy.config.environment import ROOT
from deploy.harness.ports import free_port
from services.web.main import build
from services.web.settings import Settings
from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_signing_in import serving
from tests.clients import a_token

GIFTS = 200
SECONDS = 5
SOON_MILLISECONDS = 60_000
# For each gift, on average; a frame draws all that came since the last one.
DRAWINGS_MAX = 1
NODES_MAX = 20
ANIMATIONS_MAX = 5
# Of the page, however many gifts it has shown.
LEFT_NODES_MAX = 1_500
LEFT_ANIMATIONS_MAX = 60
# The feed stays open for longer than the page is looked at.
STAYS_SECONDS = 90
KINDS = ("g_pebble", "g_pebble", "g_clover", "g_note", "g_glowbug", "g_pebble", "g_fox", "g_tea")
CATALOGUE = tomllib.loads((ROOT / "seeds" / "gifts.toml").read_text())["gifts"]
STREAKS = {gift["id"] for gift in CATALOGUE if gift["type"] == "streak"} & {*KINDS}
SINGLES = sum(KINDS[number % len(KINDS)] not in STREAKS for number in range(GIFTS))
LINES = len(STREAKS) + SINGLES
# The last gift is of a streak, and its line shows how many there were.
LAST = next(gift["names"]["en"] for gift in CATALOGUE if gift["id"] == KINDS[-1])
LAST_COUNT = GIFTS // len(KINDS)
# Counts what is drawn, built, animated, and measured in the middle of it; the page itself does not.
WATCH = """
    window.work = { drawings: 0, lines: 0, nodes: 0, animations: 0, layouts: 0 };
    const count = (owner, name, what) => {
        const real = owner[name];
        owner[name] = function (...given) {
            window.work[what] += 1;
            return real.apply(this, given);
        };
    };
    count(window, "requestAnimationFrame", "drawings");
    count(Element.prototype, "animate", "animations");
    count(Element.prototype, "getBoundingClientRect", "layouts");
    for (const name of ["offsetWidth", "offsetHeight", "offsetTop", "offsetLeft"]) {
        const real = Object.getOwnPropertyDescriptor(HTMLElement.prototype, name);
        Object.defineProperty(HTMLElement.prototype, name, {
            ...real, get() { window.work.layouts += 1; return real.get.call(this); },
        });
    }
    new MutationObserver((changes) => {
        for (const change of changes)
            for (const node of change.addedNodes) {
                if (node.matches?.(".feed-line")) window.work.lines += 1;
                window.work.nodes += 1 + (node.querySelectorAll?.("*").length ?? 0);
            }
    }).observe(document, { childList: true, subtree: true });
"""
NOTHING = {"items": [], "goals": [], "perks": [], "top_gifters": [], "gifts": 0, "gifters": 0}
SAID = {
    "catalogue": {
        "items": [
            {
                "gift_type": gift["id"],
                "name": gift["names"]["en"],
                "mode": gift["type"],
                **{name: gift[name] for name in ("tier", "category", "price_coins")},
                "batch_counts": gift["batch_counts"],
                "locks": {},
            }
            for gift in CATALOGUE
        ]
    },
    "room": {"creator": "lea", "live": True, "stream": None},
}


def entry(number, combos):
    """What a room's feed says of a gift; streaks grow."""
    (gift,) = [one for one in CATALOGUE if one["id"] == KINDS[number % len(KINDS)]]
    combos[gift["id"]] = combos.get(gift["id"], 0) + 1
    streak = gift["type"] == "streak"
    return {
        "gift": f"gift-{number}",
        "viewer": "mira",
        "gift_type": gift["id"],
        "name": gift["names"]["en"],
        "tier": gift["tier"],
        "count": 1,
        "coins": gift["price_coins"],
        "combo": f"combo-{gift['id']}" if streak else None,
        "repeat_count": combos[gift["id"]] if streak else None,
        "combo_coins": combos[gift["id"]] * gift["price_coins"] if streak else None,
        "sent_at": datetime.now(UTC).isoformat(),
    }


async def feed(begin):
    """Two hundred gifts at an even pace, once they are asked for; then the line stays open."""
    yield "retry: 2000\n\n"
    while not begin.is_set():
        await asyncio.sleep(0.02)
    combos, began = {}, asyncio.get_running_loop().time()
    for number in range(GIFTS):
        yield f"event: gift\nid: {number}\ndata: {json.dumps(entry(number, combos))}\n\n"
        due = began + (number + 1) * SECONDS / GIFTS
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
    await asyncio.sleep(STAYS_SECONDS)


def stand_in(port, begin):
    def answer(name):
        return lambda _: JSONResponse({**NOTHING, "me": {"coins": 0}, **SAID.get(name, {})})

    stream = Route(
        "/v1/rooms/{room}/events",
        lambda _: StreamingResponse(feed(begin), media_type="text/event-stream"),
    )
    routes = [
        stream,
        Route("/v1/catalogue", answer("catalogue")),
        Route("/v1/rooms/{room}", answer("room")),
        Route("/v1/{path:path}", answer("nothing")),
        Mount("/", build(Settings(port=port))),
    ]
    return Starlette(routes=routes)


def test_two_hundred_gifts_cost_little_each_and_pile_up_nothing(browser):
    port, begin = free_port(), asyncio.Event()
    token = a_token("yuki", roles=["viewer"])
    with serving(stand_in(port, begin), port), browser.new_context() as context:
        context.add_init_script(f"sessionStorage.setItem('ovation.token', '{token}');{WATCH}")
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/rooms/room-1")
        page.locator(".live-dot", has_text="Live").wait_for()
        page.locator(".stage-line:empty").wait_for(state="attached")
        page.evaluate("for (const what in work) work[what] = 0")
        begin.set()
        last = page.locator(".feed-line .muted", has_text=re.compile(rf"^{LAST} .{LAST_COUNT}$"))
        last.wait_for(timeout=SOON_MILLISECONDS)
        work = page.evaluate("work")
        nodes = page.evaluate("document.querySelectorAll('*').length")
        animations = page.evaluate("document.getAnimations().length")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / "frames.png")
        assert page.locator(".feed-line", has_text="Pebble Heart").count() == 1

    print(f"\n{GIFTS} gifts: {work}; then {nodes} elements, {animations} animations")
    # A combo grows where it stands; of a long frame the oldest gifts are not drawn.
    assert len(STREAKS) <= work["lines"] <= LINES
    assert work["drawings"] <= DRAWINGS_MAX * GIFTS
    assert work["nodes"] <= NODES_MAX * GIFTS
    assert work["animations"] <= ANIMATIONS_MAX * GIFTS
    assert work["layouts"] == 0, "the page was measured while it was being drawn"
    assert nodes < LEFT_NODES_MAX
    assert animations < LEFT_ANIMATIONS_MAX
