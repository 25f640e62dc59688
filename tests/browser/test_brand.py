"""An adopter makes the pages theirs: name, logo, colours, a font, a player, and fewer pages."""

import re
import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from deploy.config.environment import ROOT
from deploy.harness.ports import free_port
from tests.browser.alone import Api, pages_alone
from tests.browser.conftest import TIMEOUT_MILLISECONDS, VIEWER
from tests.browser.test_signing_in import serving
from tests.clients import a_token

# All that the brand of this adopter is, beside the files of its logo and its font.
BRAND = """
@font-face { font-family: Lumen; src: url(lumen.woff2) }
:root { --accent-strong: #0b6a2f; --radius: .25rem; --face: Lumen, sans-serif; --body: Lumen }
"""
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8H0z"/></svg>"""
# A player: it says which room it plays, and that it was clicked.
PLAYER = """<!doctype html><title>Player</title>
<style>button { position: fixed; inset: 0; width: 100% }</style>
<button onclick="this.textContent += ' clicked'">ROOM</button>
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "brand.css").write_text(BRAND)
    (tmp_path / "logo.svg").write_text(LOGO)
    # Browsers know a font by its bytes.
    shutil.copy(ROOT / "seeds" / "fonts" / "DejaVuSans.ttf", tmp_path / "lumen.woff2")
    return tmp_path


@contextmanager
def a_player():
    port = free_port()

    def play(request):
        room = request.path_params["room"]
        return HTMLResponse(PLAYER.replace("ROOM", f"plays {room}, {request.query_params['m']}"))

    with serving(Starlette(routes=[Route("/embed/{room:path}", play)]), port):
        # Another origin than that of the pages.
        yield f"http://localhost:{port}/embed/{{room}}?m=1"


@contextmanager
def a_visitor(browser, origin, *, claims=VIEWER, token=None, **look):
    with browser.new_context(base_url=origin, **look) as context:
        context.set_default_timeout(TIMEOUT_MILLISECONDS)
        token = token or a_token("mira", **claims)
        # In the player's frame it may not.
        context.add_init_script(
            f"try {{ sessionStorage.setItem('ovation.token', '{token}') }} catch {{}}"
        )
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: message.type == "error" and page.complaints.append(message.text),
        )
        yield page
        assert page.complaints == []


def style(page, selector, name):
    return page.locator(selector).first.evaluate(
        "(node, name) => getComputedStyle(node)[name]", name
    )


# Between the creator's name and the mark of a live stream, which lie over the player.
@pytest.mark.parametrize(("width", "between"), [(1360, 30), (360, 80)])
def test_an_adopters_brand_is_what_one_sees(browser, folder, width, between):
    api = Api()
    with (
        a_player() as player,
        pages_alone(
            api,
            name="Lumen",
            brand_folder=folder,
            player_url=player,
            pages_off="wallet creator operator events docs",
        ) as origin,
        a_visitor(browser, origin, viewport={"width": width, "height": 800}) as page,
    ):
        page.goto("/rooms/a%20b%C3%A9")
        page.locator("#send").wait_for(state="attached")

        assert re.fullmatch(r".+ · Lumen", page.title())
        expect(page.locator("#bar .brand")).to_have_text("Lumen")
        assert page.locator("#bar .brand img").evaluate("(image) => image.naturalWidth > 0")
        assert style(page, "button.primary", "backgroundColor") == "rgb(11, 106, 47)"
        assert page.evaluate("document.fonts.check('1rem Lumen')")
        assert page.evaluate("[...document.fonts].map((font) => font.status)") == ["loaded"]
        assert style(page, "body", "fontFamily").startswith("Lumen")

        inside = page.frame_locator(".stage-frame").get_by_role("button")
        expect(inside).to_have_text("plays a bé, 1")
        box = page.locator(".stage").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + between)
        expect(inside).to_have_text("plays a bé, 1 clicked")
        assert page.locator(".stage-host").count() == 0

        assert page.locator("#bar nav a").count() == 1
        links = page.evaluate("[...document.querySelectorAll('a[href]')].map((a) => a.pathname)")
        assert not {"/wallet", "/creator", "/operator", "/docs"} & {*links}


def test_the_player_leaves_with_the_stream(browser):
    api = Api()
    with a_player() as player, pages_alone(api, player_url=player) as origin:
        with a_visitor(browser, origin) as page:
            page.goto("/rooms/room-1")
            page.locator(".stage-frame").wait_for()
        api.room |= {"live": False, "stream": None}
        with a_visitor(browser, origin) as page:
            page.goto("/rooms/room-1")
            page.locator(".stage-empty", has_text="not live").wait_for()
            assert page.locator(".stage-frame").count() == 0


def test_a_tap_beside_the_open_gifts_closes_them_also_over_a_player(browser):
    with (
        a_player() as player,
        pages_alone(Api(), player_url=player) as origin,
        a_visitor(browser, origin, viewport={"width": 360, "height": 780}) as page,
    ):
        page.goto("/rooms/room-1")
        page.locator("#open-gifts").click()
        expect(page.locator("#send")).to_be_visible()
        page.mouse.click(180, 250)
        expect(page.locator("#send")).to_be_hidden()
        expect(page.frame_locator(".stage-frame").get_by_role("button")).not_to_contain_text(
            "clicked"
        )


def test_a_page_that_is_off_is_no_link_in_a_refusal_either(browser):
    api = Api()
    api.refusal = (403, {"code": "self-excluded", "title": "On a break.", "status": 403})
    with pages_alone(api, pages_off="wallet") as origin, a_visitor(browser, origin) as page:
        page.goto("/rooms/room-1")
        page.locator("#send").click()
        page.locator("dialog").wait_for()
        assert page.locator("dialog a[href^='/wallet']").count() == 0
        assert page.locator("#bar-balance a[href]").count() == 0
        expect(page.locator("#bar-balance")).to_contain_text("500")
        page.complaints = [each for each in page.complaints if "status of 403" not in each]


def test_our_own_looks_hold_where_an_adopter_says_nothing(browser, axe):
    for scheme in ("dark", "light"):
        with (
            pages_alone(Api()) as origin,
            a_visitor(browser, origin, color_scheme=scheme) as page,
        ):
            page.goto("/rooms/room-1")
            page.locator("#send").wait_for()
            page.evaluate(axe)
            found = page.evaluate("axe.run(document, {runOnly: ['color-contrast']})")
            assert [one["nodes"] for one in found["violations"]] == []
            assert page.locator(".stage-host").count() == 1
