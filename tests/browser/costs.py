"""What it costs to open a page: bytes over the wire, requests, and how soon it can be used."""

import json
from dataclasses import asdict, dataclass

from tests.browser.conftest import SCREENSHOTS, Visitor

FILE = SCREENSHOTS.parent / "pages.json"
# A phone of the cheaper kind on a slow mobile network, as Lighthouse imitates them:
# https://github.com/GoogleChrome/lighthouse/blob/main/docs/throttling.md.
SLOWER = 4
SLOW_4G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_638_400 / 8,
    "uploadThroughput": 675_000 / 8,
}
PHONE = {"width": 360, "height": 780}
USABLE = """selector => new Promise(done => {
    const look = () => {
        const found = document.querySelector(selector);
        if (found && !found.disabled) done(Math.round(performance.now()));
        else requestAnimationFrame(look);
    };
    look();
})"""
FIRST_PAINT = """() => Math.round(
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1)"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one page opened by a browser that never saw it before."""

    page: str
    requests: int
    bytes: int
    first_paint_ms: int
    usable_ms: int

    def keep(self):
        """Note it beside what other pages cost, and print it."""
        FILE.parent.mkdir(parents=True, exist_ok=True)
        kept = json.loads(FILE.read_text()) if FILE.exists() else {}
        FILE.write_text(json.dumps({**kept, self.page: asdict(self)}, indent=1))
        print(
            f"{self.page}: {self.requests} requests, {self.bytes:,} bytes, first paint after"
            f" {self.first_paint_ms} ms, usable after {self.usable_ms} ms on a slow phone"
        )


def cost_of(browser, system, page, path, token, usable):
    """Open a page on a slow phone, until what `usable` selects can be used, and all is quiet."""
    person = Visitor(browser, system, **PHONE).sign_in(token)
    requests, wire = set(), {}
    client = person.context.new_cdp_session(person.page)
    client.on("Network.requestWillBeSent", lambda event: note(event, requests))
    client.on(
        "Network.responseReceived",
        lambda event: wire.setdefault(event["requestId"], event["response"]["encodedDataLength"]),
    )
    client.on(
        "Network.dataReceived",
        lambda event: wire.update(
            {event["requestId"]: wire.get(event["requestId"], 0) + event["encodedDataLength"]}
        ),
    )
    client.on(
        "Network.loadingFinished",
        lambda event: wire.update({event["requestId"]: event["encodedDataLength"]}),
    )
    client.send("Network.enable")
    client.send("Network.emulateNetworkConditions", SLOW_4G)
    client.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    try:
        person.page.goto(path, wait_until="commit")
        usable_ms = person.page.evaluate(USABLE, usable)
        wait_for_quiet(person.page)
        paint = person.page.evaluate(FIRST_PAINT)
    finally:
        person.context.close()
    assert not person.complaints
    return Cost(
        page, len(requests), int(sum(wire.get(each, 0) for each in requests)), paint, usable_ms
    )


def note(event, requests):
    """Note a request; a data URL is none."""
    if not event["request"]["url"].startswith("data:"):
        requests.add(event["requestId"])


def wait_for_quiet(page):
    """Wait until nothing new was fetched for a second; a feed stays open for good."""
    page.evaluate("""async () => {
        const count = () => performance.getEntriesByType("resource").length;
        for (let seen = -1, quiet = 0; quiet < 4; ) {
            quiet = seen === count() ? quiet + 1 : 0;
            seen = count();
            await new Promise(done => setTimeout(done, 250));
        }
    }""")
