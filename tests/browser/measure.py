"""
What a room costs a browser that stays in it for long, and how soon others see a gift.

`OVATION_SERVERS=local python -m tests.browser.measure heap --gifts 10000` shows so many gifts, and
says what is left of them; `... seen --gifts 50` sends so many, and says how long it took until
another browser showed each. Both start a system of their own, and say how busy the machine was.
"""

import argparse
import base64
import os
import statistics
import time
from dataclasses import dataclass
from itertools import cycle
from uuid import uuid4

from playwright.sync_api import sync_playwright

from deploy.harness.packages import require
from deploy.harness.system import System
from tests.browser.conftest import ARGUMENTS, CREATOR, VIEWER, Visitor
from tests.browser.test_journeys import open_room
from tests.gift.pictures import lottie
from tests.journeys.people import stage_on

WARM_UP = 300
# After so many it is looked at what is held, to see whether it grows.
SLICE = 500
KINDS = 18
FILM = "data:application/json;base64," + base64.b64encode(lottie()).decode()
# All that shows a gift, with the parts of the page; each loud gift is over soon after it began.
SHOWER = """async () => {
    const { build: buildFeed } = await import("/static/feed.js");
    const { build: buildTray } = await import("/static/tray.js");
    const { build: buildEffects } = await import("/static/animations.js");
    const { catalogue } = await import("/static/gifts.js");
    const gifts = await catalogue();
    const [list, tray] = [document.createElement("ol"), document.createElement("ol")];
    list.className = "feed";
    tray.className = "tray";
    document.querySelector(".stage").append(list, tray);
    const effects = buildEffects(document.querySelector(".effects"), { user: "mira" });
    const feed = buildFeed({ list, tray: buildTray(tray), effects, changed() {} });
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const finish = () => document.querySelector(".effects").getAnimations({ subtree: true })
        .forEach((one) => one.finish());
    let sent = 0;
    window.showGifts = async (count) => {
        for (const until = sent + count; sent < until; sent += 1) {
            const gift = gifts[sent % gifts.length];
            feed.receive("gift", {
                gift: `g-${sent}`, combo: sent % 3 ? null : `c-${sent}`,
                viewer: sent % 7 ? `viewer ${sent % 50}` : null,
                gift_type: gift.gift_type, name: gift.name, tier: gift.tier, count: 1 + sent % 5,
                coins: gift.price_coins, combo_coins: gift.price_coins, repeat_count: 1,
                message: sent % 4 ? null : `message ${sent}`, sent_at: new Date().toISOString(),
            });
            if (sent % 5 === 0) { await frame(); finish(); }
        }
        // Until nothing waits, plays or is shown on the tray any more.
        while (effects.waiting() || document.querySelector(".effects").childElementCount
            || tray.childElementCount) { finish(); await frame(); }
    };
    window.filmsPlayed = 0;
    new MutationObserver(() => {
        if (document.querySelector(".effects .film svg")) window.filmsPlayed += 1;
    }).observe(document.querySelector(".effects"), { childList: true, subtree: true });
}"""
NOTE_SEEN = """() => {
    window.seen = {};
    new MutationObserver(() => {
        for (const line of document.querySelectorAll("[data-says]")) {
            window.seen[line.dataset.says] ??= Date.now();
        }
    }).observe(document.querySelector("#main"), { childList: true, subtree: true });
}"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a page holds once all that nobody needs was collected."""

    heap_bytes: int
    nodes: int
    listeners: int

    def __str__(self):
        return f"{self.heap_bytes:,} bytes, {self.nodes:,} nodes, {self.listeners:,} listeners"


def held_by(page, client):
    for _ in range(3):
        client.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(50)
    found = client.send("Performance.getMetrics")["metrics"]
    by_name = {each["name"]: int(each["value"]) for each in found}
    return Held(by_name["JSHeapUsedSize"], by_name["Nodes"], by_name["JSEventListeners"])


def add_films(route):
    """Let some gifts have a film, of each tier that shows one."""
    answer = route.fetch()
    found = answer.json()
    film = [{"format": "lottie", "url": FILM, "duration_ms": 1_000}]
    for gift in found["items"]:
        if gift["gift_type"] in ("g_fox", "g_owl", "g_crown"):
            gift["animations"] = film
    route.fulfill(response=answer, json=found)


def measure_heap(person, room, gifts):
    """Return what a page holds after it showed a few gifts, and after it showed many."""
    page = person.page
    page.route("**/v1/catalogue?*", add_films)
    # A film of the test stands in its address, and that is fetched as well.
    page.route("**/rooms/*", allow_films)
    person.open(f"/rooms/{room}")
    client = person.context.new_cdp_session(page)
    client.send("Performance.enable")
    page.evaluate(SHOWER)
    page.evaluate("count => showGifts(count)", WARM_UP)
    before = held_by(page, client)
    for shown in range(0, gifts, SLICE):
        page.evaluate("count => showGifts(count)", min(SLICE, gifts - shown))
        print(f"{min(shown + SLICE, gifts):,} gifts: {held_by(page, client)}", flush=True)
    return before, held_by(page, client)


def allow_films(route):
    answer = route.fetch()
    policy = answer.headers["content-security-policy"]
    headers = {
        **answer.headers,
        "content-security-policy": policy.replace("connect-src", "connect-src data:"),
    }
    route.fulfill(response=answer, headers=headers)


def measure_seen(stage, person, room, gifts):
    """Send gifts one after another; return after how many seconds each was on another's page."""
    lea, giver = stage.person("lea", **CREATOR), stage.person("jonas", **VIEWER)
    stage.buy(giver, "coins_5000")
    # One kind after another: gifts of one kind would join a combo, which is one line.
    by_price = sorted(giver.get("/v1/catalogue")["items"], key=lambda gift: gift["price_coins"])
    kinds = cycle([gift["gift_type"] for gift in by_price[:KINDS]])
    assert stage.give(giver, lea.user, next(kinds), room=room).status_code == 201
    page = person.open(f"/rooms/{room}")
    page.locator("[data-says]").first.wait_for(state="attached")
    page.evaluate(NOTE_SEEN)
    took = []
    for _ in range(gifts):
        began = time.time()
        sent = stage.give(giver, lea.user, next(kinds), room=room).json()["gift"]
        page.wait_for_function("gift => window.seen[gift]", arg=sent)
        took.append(page.evaluate("gift => window.seen[gift]", sent) / 1_000 - began)
    return took


def main():
    parser = argparse.ArgumentParser(description="Measure a room in a browser.")
    parser.add_argument("what", choices=["heap", "seen"])
    parser.add_argument("--gifts", type=int, default=None)
    given = parser.parse_args()
    with System(fast=True) as system, sync_playwright() as playwright, stage_on(system) as stage:
        program = require("chromium", "chromium")
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        person = Visitor(browser, system).sign_in(system.token("mira", **VIEWER))
        if given.what == "heap":
            room = open_room(stage)
            before, after = measure_heap(person, room, given.gifts or 10_000)
            print(f"after {WARM_UP} gifts:  {before}\nafter {given.gifts or 10_000} more: {after}")
            print(f"films played: {person.page.evaluate('filmsPlayed')}")
        else:
            took = sorted(measure_seen(stage, person, f"seen-{uuid4().hex[:6]}", given.gifts or 50))
            p50, p95 = statistics.median(took), took[int(len(took) * 0.95)]
            print(f"{len(took)} gifts: p50 {p50:.3f} s, p95 {p95:.3f} s, worst {took[-1]:.3f} s")
        print(f"load of the machine: {' '.join(f'{each:.1f}' for each in os.getloadavg())}")
        browser.close()


if __name__ == "__main__":
    main()
