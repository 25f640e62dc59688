"""A host application's page has a room, or the gifts alone, as elements of its own."""

import json
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from deploy.config.environment import ROOT
from deploy.harness.ports import free_port
from tests.browser.alone import Api, pages_alone
from tests.browser.conftest import TIMEOUT_MILLISECONDS
from tests.browser.test_signing_in import serving
from tests.clients import a_token
from tests.journeys.people import eventually

# The host allows no style in a text, no script but its own and ours, no frame but ours.
POLICY = (
    "default-src 'none'; script-src 'self' {coins}; frame-src {coins}; style-src 'self'; "
    "img-src 'self'"
)
PAGE = """<!doctype html><meta charset="utf-8"><title>Host</title>
<link rel="stylesheet" href="/host.css">
<script type="module" src="{coins}/embed.js"></script><script src="/host.js"></script>
<body>{content}</body>"""
STYLE = "body { margin: 0; background: #123456 } ovation-room { height: 100vh }"
STYLE += " .player { height: 100%; background: #00ff00 }"
SCRIPT = """
window.heard = []; window.asked = 0; window.tokens = TOKENS;
addEventListener("DOMContentLoaded", () => {
  const element = document.querySelector("ovation-room, ovation-gifts");
  element.token = async () => { asked += 1; return tokens.mira; };
  for (const name of ["gift", "refused", "ended", "open"])
    element.addEventListener(`ovation-${name}`, ({ detail }) => heard.push([name, detail]));
});
"""
ROOM = '<ovation-room room="room-1"></ovation-room>'
PLAYED = '<ovation-room room="room-1"><div slot="player" class="player"></div></ovation-room>'
GIFTS = '<ovation-gifts room="room-1"></ovation-gifts>'


@contextmanager
def host_page(content, *, api=None, trusted=True):
    """Serve a host's page with our elements in it; yield its origin."""
    port = free_port()
    # Another origin than 127.0.0.1, and as near.
    host = f"http://localhost:{port}"
    tokens = {user: a_token(user, roles=["viewer"], name=user.title()) for user in ("mira", "otto")}
    settings = {"host_origins": host if trusted else "https://app.example"}
    with pages_alone(api or Api(), **settings) as coins:
        policy = {"Content-Security-Policy": POLICY.format(coins=coins)}
        script = SCRIPT.replace("TOKENS", json.dumps(tokens))
        text = PAGE.format(coins=coins, content=content)
        routes = [
            Route("/", lambda _: HTMLResponse(text, headers=policy)),
            Route("/host.css", lambda _: Response(STYLE, media_type="text/css")),
            Route("/host.js", lambda _: Response(script, media_type="text/javascript")),
        ]
        with serving(Starlette(routes=routes), port):
            yield host


@contextmanager
def a_host(browser, content, *, api=None, trusted=True, size=(1360, 900), **look):
    """Yield the host's page with our elements in it."""
    width, height = size
    with (
        host_page(content, api=api, trusted=trusted) as host,
        browser.new_context(viewport={"width": width, "height": height}, **look) as context,
    ):
        context.set_default_timeout(TIMEOUT_MILLISECONDS)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: message.type == "error" and page.complaints.append(message.text),
        )
        page.goto(host)
        yield page
        if trusted:
            assert [each for each in page.complaints if "status of 4" not in each] == []


def heard(page, name):
    return [detail for kind, detail in page.evaluate("heard") if kind == name]


@pytest.mark.parametrize("width", [300, 1200])
def test_the_gifts_alone_are_as_high_as_they_have_to_be_and_send(browser, width):
    api = Api()
    with a_host(browser, GIFTS, api=api, size=(width, 900)) as page:
        frame = page.frame_locator("ovation-gifts iframe")
        frame.locator("#send").click()
        eventually(lambda: heard(page, "gift"))

        (gift,) = heard(page, "gift")
        assert (gift["gift_type"], gift["creator"], gift["room"]) == ("g_pebble", "lea", "room-1")
        assert api.sent[0]["gift_type"] == "g_pebble"
        for hidden in ("#bar", ".stage", ".side", "#open-gifts"):
            expect(frame.locator(hidden)).to_be_hidden()
        inside = frame.locator("main").evaluate("(main) => main.scrollHeight")
        outside = page.locator("ovation-gifts").bounding_box()["height"]
        assert 0 <= outside - inside <= 1
        assert frame.locator("html").evaluate("(html) => html.scrollWidth <= innerWidth")

        # No room for another page in it: the host may open it, else it opens over the page.
        frame.locator("#gifts").evaluate(
            "(panel) => { const link = document.createElement('a'); link.href = '/wallet#limits';"
            " link.textContent = 'limits'; panel.append(link); }"
        )
        frame.get_by_role("link", name="limits").click()
        page.frame_locator("dialog iframe").locator(".person-name", has_text="Mira").wait_for()
        (opened,) = heard(page, "open")
        assert (opened["path"], opened["title"]) == ("/wallet#limits", "limits")
        page.get_by_role("button", name="Close").click()
        expect(page.locator("dialog")).to_have_count(0)


def test_a_refusal_and_the_end_are_told_to_the_host(browser):
    api = Api()
    api.refusal = (409, {"code": "gifts-off", "title": "No gifts.", "status": 409})
    with a_host(browser, GIFTS, api=api) as page:
        frame = page.frame_locator("ovation-gifts iframe")
        frame.locator("#send").click()
        frame.locator("dialog").wait_for()
        assert heard(page, "refused") == [
            {"code": "gifts-off", "gift_type": "g_pebble", "count": 1}
        ]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", [(1360, 900), (360, 780)], ids=["desktop", "phone"])
def test_the_hosts_player_shows_through_the_room_where_the_stage_is(browser, size, scheme):
    with a_host(browser, PLAYED, size=size, color_scheme=scheme) as page:
        frame = page.frame_locator("ovation-room iframe")
        frame.locator(".host-chip").wait_for()
        frame.locator("#send").wait_for(state="attached")
        stage = frame.locator(".stage-slot")
        eventually(lambda: page.evaluate("document.querySelector('.player').offsetWidth > 100"))

        inside, outside = stage.bounding_box(), page.locator(".player").bounding_box()
        assert [round(inside[side]) for side in inside] == [round(outside[side]) for side in inside]
        middle = (inside["x"] + inside["width"] / 2, inside["y"] + inside["height"] / 2)
        assert color_at(page, *middle) == (0, 255, 0)


def color_at(page, x, y):
    """The colour of one point of the page, as people see it."""
    clip = {"x": round(x), "y": round(y), "width": 1, "height": 1}
    picture = page.screenshot(clip=clip)
    # A point of a PNG is its filter and three or four bytes; a browser reads it for us.
    with page.context.browser.new_page() as reader:
        reader.goto("about:blank")
        found = reader.evaluate(
            """async (bytes) => {
                const blob = new Blob([new Uint8Array(bytes)], { type: "image/png" });
                const picture = await createImageBitmap(blob);
                const canvas = new OffscreenCanvas(1, 1).getContext("2d");
                canvas.drawImage(picture, 0, 0);
                return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
            }""",
            list(picture),
        )
    return tuple(found)


def test_another_token_is_another_person_at_once_and_none_is_nobody(browser):
    with a_host(browser, ROOM) as page:
        frame = page.frame_locator("ovation-room iframe")
        frame.locator(".person-name", has_text="Mira").wait_for()
        assert page.evaluate("asked") == 1

        page.evaluate("document.querySelector('ovation-room').token = tokens.otto")
        frame.locator(".person-name", has_text="Otto").wait_for()
        page.evaluate("document.querySelector('ovation-room').token = null")
        frame.get_by_text("open this page from your app").wait_for()

        # A frame that was signed in asks again when it is loaded.
        page.evaluate("document.querySelector('ovation-room').token = tokens.mira")
        frame.locator(".person-name", has_text="Mira").wait_for()
        page.evaluate("""() => {
            const element = document.querySelector('ovation-room');
            element.given = tokens.otto;
            element.setAttribute('language', 'en');
        }""")
        frame.locator(".person-name", has_text="Otto").wait_for()


def test_a_token_that_comes_late_brings_nobody_back(browser):
    """The host looked for Mira's token, and meanwhile Otto signed in."""
    with a_host(browser, ROOM) as page:
        frame = page.frame_locator("ovation-room iframe")
        frame.locator(".person-name", has_text="Mira").wait_for()
        page.evaluate("""() => {
            const element = document.querySelector('ovation-room');
            element.token = () => new Promise((resolve) => { window.late = resolve; });
            element.token = tokens.otto;
        }""")
        frame.locator(".person-name", has_text="Otto").wait_for()

        page.evaluate("late(tokens.mira)")
        # Messages come one after the other: after this one, a late one would have come.
        page.evaluate("""() => new Promise((resolve) => {
            addEventListener('message', resolve, { once: true });
            document.querySelector('ovation-room').frame.element.contentWindow.postMessage(
                'ping', '*');
            postMessage('pong', '*');
        })""")
        expect(frame.locator(".person-name")).to_have_text("Otto")


def test_a_page_over_the_hosts_page_is_of_the_same_person_and_leaves_with_the_element(browser):
    with a_host(browser, GIFTS) as page:
        page.frame_locator("ovation-gifts iframe").locator("#send").wait_for()
        page.evaluate("""() => document.querySelector('ovation-gifts').openPage(
            { path: '/wallet', title: 'Wallet', close: 'Close' })""")
        wallet = page.frame_locator("dialog iframe")
        wallet.locator(".person-name", has_text="Mira").wait_for()

        page.evaluate("document.querySelector('ovation-gifts').token = tokens.otto")
        wallet.locator(".person-name", has_text="Otto").wait_for()

        page.evaluate("window.element = document.querySelector('ovation-gifts'); element.remove()")
        eventually(
            lambda: (
                page.evaluate("[element.opened.size, element.shadowRoot.querySelector('dialog')]")
                == [0, None]
            )
        )


def test_a_host_that_is_not_named_gets_nothing(browser):
    with a_host(browser, ROOM, trusted=False) as page:
        page.frames[1].wait_for_url("chrome-error://chromewebdata/")
        assert page.evaluate("[asked, heard.length]") == [0, 0]


def test_an_element_that_leaves_the_page_hears_and_keeps_nothing(browser):
    with a_host(browser, ROOM) as page:
        frame = page.frame_locator("ovation-room iframe")
        frame.locator(".person-name", has_text="Mira").wait_for()
        left = page.evaluate("""() => {
            const element = document.querySelector('ovation-room');
            element.remove();
            return [element.frame, element.shadowRoot.querySelectorAll('iframe').length];
        }""")
        assert left == [None, 0]
        page.evaluate("""() => {
            const element = document.createElement('ovation-room');
            element.token = tokens.otto;
            element.setAttribute('room', 'room-1');
            document.body.append(element);
        }""")
        frame.locator(".person-name", has_text="Otto").wait_for()


def test_the_example_of_the_documentation_runs(browser):
    api, port = Api(), free_port()
    text = (ROOT / "deploy" / "examples" / "pages" / "index.html").read_text()
    token = a_token("mira", roles=["viewer"], name="Mira")
    with pages_alone(api, host_origins=f"http://localhost:{port}") as coins:
        page_of_theirs = text.replace("http://localhost:8080", coins)
        routes = [
            Route("/", lambda _: HTMLResponse(page_of_theirs)),
            Route("/coins-token", lambda _: Response(token), methods=["POST"]),
        ]
        with serving(Starlette(routes=routes), port), browser.new_context() as context:
            page = context.new_page()
            page.goto(f"http://localhost:{port}")
            frame = page.frame_locator("ovation-room iframe")
            frame.locator("#send").wait_for()
            with page.expect_console_message(lambda one: one.text == "g_pebble was sent"):
                frame.locator("#send").click()

    assert api.sent[0]["room"] == "lea-live"


# What browsers refuse to a frame of another site, by their settings; each in its own way.
KEEPS_NOTHING = """
    if (top !== window) {
        const refuse = () => { throw new DOMException("Not in this frame.", "SecurityError"); };
        for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
            Object.defineProperty(window, name, { get: refuse });
        window.BroadcastChannel = class { constructor() { refuse(); } };
        for (const name of ["request", "query"])
            LockManager.prototype[name] = async () => refuse();
    }
"""


def test_a_frame_that_may_keep_nothing_still_sends_sees_and_opens_the_wallet(browser):
    with host_page(ROOM) as host, browser.new_context() as context:
        context.set_default_timeout(TIMEOUT_MILLISECONDS)
        context.add_init_script(KEEPS_NOTHING)
        page, complaints = context.new_page(), []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(host)
        frame = page.frame_locator("ovation-room iframe")
        frame.locator("#send").click()
        eventually(lambda: heard(page, "gift"))
        # The feed is open.
        expect(frame.locator(".stage-line")).to_have_text("", timeout=TIMEOUT_MILLISECONDS)

        frame.get_by_role("button", name="Get coins").first.click()
        frame.locator("dialog").wait_for()

        assert complaints == []
