"""Two hundred gifts in ten seconds: the page stays smooth, and nothing piles up."""

import threading
import time

from tests.browser.conftest import CREATOR, VIEWER

GIFTS = 200
SECONDS = 10
SCRIPT_MILLISECONDS_P95 = 8
NODES_MAX = 1_500
QUIET_SECONDS = 3
UNDISTURBED_RATE = 50
BUSY_WITH = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration", "TaskDuration")
KINDS = ("g_pebble", "g_pebble", "g_clover", "g_note", "g_glowbug", "g_pebble", "g_fox", "g_tea")
# Times every callback of ours for each frame; in the page there is nothing that measures.
WATCH = """
    window.frames_seen = []; window.long_tasks = [];
    const real = window.requestAnimationFrame.bind(window);
    let spent = 0;
    window.requestAnimationFrame = (work) => real((now) => {
        const began = performance.now();
        work(now);
        spent += performance.now() - began;
    });
    const count = (now) => { window.frames_seen.push([now, spent]); spent = 0; real(count); };
    real(count);
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.long_tasks.push(entry.duration);
    }).observe({ type: "longtask" });
"""


def rate_of(frames):
    return (len(frames) - 1) / (frames[-1][0] - frames[0][0]) * 1000


def durations(session):
    """How long the page's own thread has been busy so far, in seconds, and with what."""
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return {name: found[name] for name in BUSY_WITH}


def shower(giver, creator, room):
    """Send gifts at an even pace, from a thread of their own."""
    began = time.monotonic()
    for number in range(GIFTS):
        wish = {"gift_type": KINDS[number % len(KINDS)], "creator": creator, "room": room}
        giver.post("/v1/gifts", wish)
        time.sleep(max(0.0, began + (number + 1) * SECONDS / GIFTS - time.monotonic()))


def test_two_hundred_gifts_in_ten_seconds_leave_the_page_its_frames(visitor, stage):
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    room = f"room-{lea.user}"
    stage.buy(mira, "coins_10000")
    watcher = visitor("yuki")
    watcher.context.add_init_script(WATCH)
    page = watcher.open(f"/rooms/{room}")
    page.locator(".live-dot", has_text="Live").wait_for()
    page.wait_for_timeout(QUIET_SECONDS * 1000)
    quiet = rate_of(page.evaluate("frames_seen"))
    page.evaluate("frames_seen.length = 0; long_tasks.length = 0")
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")
    before = durations(metrics)

    thread = threading.Thread(target=shower, args=(mira, lea.user, room))
    began = time.monotonic()
    thread.start()
    page.wait_for_timeout(SECONDS * 500)
    watcher.keep("frames-in-the-middle")
    while thread.is_alive():
        page.wait_for_timeout(200)
    took = time.monotonic() - began
    frames = page.evaluate("frames_seen")
    spent_on = {name: value - before[name] for name, value in durations(metrics).items()}
    print("\n" + ", ".join(f"{name} {value:.2f} s" for name, value in spent_on.items()))
    nodes = page.evaluate("document.querySelectorAll('*').length")

    spent = sorted(work for _, work in frames)
    p95 = spent[int(len(spent) * 0.95)]
    rate = rate_of(frames)
    print(
        f"\n{GIFTS} gifts in {took:.1f} s: {rate:.0f} frames a second without a graphics card "
        f"({quiet:.0f} when nothing happens); "
        f"our own script per frame p50 {spent[len(spent) // 2]:.2f} ms, p95 {p95:.2f} ms, "
        f"most {spent[-1]:.1f} ms; {len(page.evaluate('long_tasks'))} long tasks; {nodes} elements"
    )
    # Where the processors are busy with others, a clock on the wall measures them, not us.
    if quiet > UNDISTURBED_RATE:
        assert p95 < SCRIPT_MILLISECONDS_P95
    assert spent_on["ScriptDuration"] * 1000 / GIFTS < SCRIPT_MILLISECONDS_P95
    assert nodes < NODES_MAX
