"""All that an adopter writes is one script of the documentation: brand, player and a gift."""

import os
import re
import shutil
import subprocess

import httpx
import pytest
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from deploy.config.environment import ROOT
from deploy.harness.packages import require
from deploy.harness.ports import free_port
from services.web.main import build
from services.web.settings import Settings
from tests.browser.conftest import SCREENSHOTS, VIEWER
from tests.browser.listening import METHODS, passing
from tests.browser.test_brand import LOGO, a_player, a_visitor, style
from tests.browser.test_journeys import OPERATOR, open_room
from tests.browser.test_signing_in import serving
from tests.browser.test_uploaded_gifts import FILM, PLACE
from tests.gift.pictures import lottie

PAGE = ROOT / "docs" / "how-to" / "brand-the-pages.md"
BLOCK = re.compile(r"```sh\n(# lumen\.sh.*?)```", re.DOTALL)
LINES_MAX = 30
EXAMPLE_PLAYER = "https://player.example.com/embed/{room}"


def script_of(page):
    (script,) = BLOCK.findall(page.read_text())
    return script


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The files that the adopter has: a logo, a font, and a gift as its editor wrote it."""
    (tmp_path / "lumen.svg").write_text(LOGO)
    # Browsers know a font by its bytes.
    shutil.copy(ROOT / "seeds" / "fonts" / "DejaVuSans.ttf", tmp_path / "lumen.woff2")
    (tmp_path / "beacon.json").write_bytes(lottie())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(script, folder, system):
    variables = {**os.environ, "COINS": system.gateway_url, "TOKEN": system.token("o", **OPERATOR)}
    subprocess.run(["sh", "-eu", "-c", script], cwd=folder, env=variables, check=True)


@pytest.fixture
def without_traces(system):
    """Other tests share the system: they find no gift that they do not know."""
    require("curl", "curl")
    yield
    answer = httpx.patch(
        f"{system.gateway_url}/v1/operator/gifts/catalogue/g_beacon",
        headers={"Authorization": f"Bearer {system.token('o', **OPERATOR)}"},
        json={"revision": 1, "reason": "its test is over", "is_active": False},
        timeout=60,
    )
    assert answer.is_success, answer.text


@pytest.mark.usefixtures("without_traces")
def test_a_script_of_thirty_lines_is_a_whole_brand_and_a_gift_that_plays_in_it(
    browser, system, stage, folder
):
    script = script_of(PAGE)
    assert len(script.splitlines()) <= LINES_MAX
    assert EXAMPLE_PLAYER in script
    room, mira = open_room(stage), stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_1000")
    port = free_port()
    with a_player() as player:
        run(script.replace(EXAMPLE_PLAYER, player), folder, system)
        pages = build(Settings(port=port, _env_file=folder / "brand.env"))
        services = Route("/v1/{path:path}", passing(system.gateway_url), methods=METHODS)
        token = system.token(mira.user, name="Mira", **VIEWER)
        with (
            serving(Starlette(routes=[services, Mount("/", pages)]), port),
            a_visitor(browser, f"http://127.0.0.1:{port}", token=token) as page,
        ):
            page.goto(f"/rooms/{room}")
            page.locator("#send").wait_for()
            # While no pointer lies over a button, which has another colour then.
            is_lumens(page, room)
            page.locator("[data-gift=g_beacon]").click()
            page.locator("#send").click()
            page.locator(FILM).wait_for()
            before = page.evaluate(PLACE)
            page.wait_for_function(f"before => {PLACE} !== before", arg=before)
            page.screenshot(path=SCREENSHOTS / "brand-and-gift.png")
            assert page.goto("/creator").status == 404
            # What the browser writes of it is no complaint of the page.
            page.complaints.clear()


def is_lumens(page, room):
    assert page.title().endswith(" · Lumen")
    expect(page.locator("#bar .brand")).to_have_text("Lumen")
    assert page.locator("#bar .brand img").evaluate("(image) => image.naturalWidth > 0")
    assert style(page, "button.primary", "backgroundColor") == "rgb(11, 106, 47)"
    assert style(page, "body", "fontFamily").startswith("Lumen")
    assert page.evaluate("document.fonts.check('1rem Lumen')")
    inside = page.frame_locator(".stage-frame").get_by_role("button")
    expect(inside).to_have_text(f"plays {room}, 1")
    assert page.locator("#bar nav a[href='/creator']").count() == 0
