"""An adopter's name, logo, style sheet, fonts and player, and pages that are switched off."""

import re

import pytest

from deploy.config.environment import ROOT
from services.web.brand import SHEET_BYTES_MAX
from services.web.main import build
from services.web.pages import ADDRESSES, STATIC
from services.web.settings import PAGES, Settings
from tests.clients import client_of

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
AS_A_BROWSER = {"Accept": "text/html"}


def pages(**settings):
    return client_of(build(Settings(port=1, **settings)))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "ours.woff2").write_bytes(b"wOF2")
    (tmp_path / "logo.svg").write_text(LOGO)
    (tmp_path / "notes.txt").write_text("not for the public")
    (tmp_path / "brand.css").write_text(
        "/* @import of nothing */ @font-face { font-family: Ours; src: url('fonts/ours.woff2') }"
        ":root { --accent: #0a5; --face: Ours, sans-serif }"
    )
    return tmp_path


async def test_pages_have_the_name_and_the_logo_and_after_our_styles_the_sheet(folder):
    async with pages(name="Café <Lumen>", brand_folder=folder) as anybody:
        page = await anybody.get("/wallet")
        docs = await anybody.get("/docs")
        wrong = await anybody.get("/nowhere", headers=AS_A_BROWSER)
        problem = await anybody.get("/problems/no-such-route", headers=AS_A_BROWSER)
        (sheet,) = re.findall(r'href="(/brand/[^"]+\.css)"', page.text)
        (logo, *_) = re.findall(r'(?:src|href)="(/brand/[^"]+\.svg)"', page.text)
        answers = [await anybody.get(path) for path in (sheet, logo)]

    for each in (page, docs, wrong, problem):
        assert "Café &lt;Lumen&gt;</title>" in each.text
        assert logo in each.text
        assert "Ovation<" not in each.text
    assert page.text.index(sheet) > page.text.index("/wallet.css")
    assert sheet in wrong.text
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("immutable" in answer.headers["cache-control"] for answer in answers)
    assert answers[1].headers["content-type"] == "image/svg+xml"
    assert "sandbox" in answers[1].headers["content-security-policy"]


async def test_fonts_of_the_folder_may_be_used_and_no_others(folder):
    async with pages(brand_folder=folder) as branded, pages() as usual:
        policies = [
            (await each.get("/")).headers["content-security-policy"] for each in (branded, usual)
        ]
        font = await branded.get("/brand/fonts/ours.woff2")

    assert "font-src 'self';" in policies[0]
    assert "font-src" not in policies[1]
    assert font.headers["content-type"] == "font/woff2"


async def test_nothing_else_of_the_folder_is_served(folder):
    async with pages(brand_folder=folder) as anybody:
        answers = [
            await anybody.get(f"/brand/{path}")
            for path in ("notes.txt", "../settings.py", "..%2fsettings.py", "fonts", "")
        ]

    assert {answer.status_code for answer in answers} == {404}


async def test_a_changed_file_of_the_folder_has_another_address(folder):
    addresses = []
    for color in ("red", "blue"):
        (folder / "brand.css").write_text(f":root {{ --accent: {color} }}")
        async with pages(brand_folder=folder) as anybody:
            addresses += re.findall(r"/brand/[^\"]+\.css", (await anybody.get("/")).text)

    assert len(set(addresses)) == 2


@pytest.mark.parametrize(
    ("sheet", "why"),
    [
        ("@import 'more.css';", "@import"),
        (".a { background: url(https://elsewhere.example/a.png) }", "elsewhere.example"),
        (".a { background: URL( '//elsewhere.example/a.png' ) }", "elsewhere.example"),
        (".a { background: url(missing.png) }", "missing.png"),
        (".a { background: url(../secret.png) }", "secret.png"),
        (".a { background: url(notes.txt) }", "notes.txt"),
        (":root { --a: 1 }" + " " * SHEET_BYTES_MAX, "at most"),
    ],
)
def test_a_sheet_that_cannot_be_used_stops_the_service_and_says_why(folder, sheet, why):
    (folder.parent / "secret.png").write_bytes(b"")
    (folder / "brand.css").write_text(sheet)
    with pytest.raises(ValueError, match=re.escape(why)):
        pages(brand_folder=folder)


def test_a_folder_that_is_not_there_stops_the_service(tmp_path):
    with pytest.raises(ValueError, match="is no folder"):
        pages(brand_folder=tmp_path / "nothing")


async def test_empty_settings_are_none(monkeypatch):
    for name in ("NAME", "BRAND_FOLDER", "PLAYER_URL", "PAGES_OFF"):
        monkeypatch.setenv(f"WEB_{name}", "")
    async with pages() as anybody:
        page = await anybody.get("/")

    assert "· Ovation</title>" in page.text
    assert "/brand/" not in page.text


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\u202eabc", "x" * 41])
def test_what_cannot_be_shown_is_no_name(name):
    with pytest.raises(ValueError, match=r"name|character"):
        Settings(port=1, name=name)


async def test_the_player_of_an_installation_may_be_framed_and_nothing_else():
    player = "https://player.example:8443/embed/{room}?muted=1"
    async with pages(player_url=player) as anybody, pages() as usual:
        page, other = await anybody.get("/rooms/room-1"), await usual.get("/rooms/room-1")

    assert "frame-src https://player.example:8443;" in page.headers["content-security-policy"]
    assert f'name="ovation-player" content="{player}"' in page.text
    assert "frame-src" not in other.headers["content-security-policy"]


@pytest.mark.parametrize(
    "address",
    [
        "/embed/{room}",
        "https://player.example/embed",
        "https://player.example/{room}/{room}",
        "https://{room}.example/",
        "https://player.example/{room}; script-src *",
        "javascript:{room}",
    ],
)
def test_what_is_no_address_of_a_player_is_refused(address):
    with pytest.raises(ValueError, match="is not an address"):
        Settings(port=1, player_url=address)


async def test_a_page_that_is_off_is_not_there_and_is_linked_from_nowhere():
    async with pages(pages_off="room creator events docs") as anybody:
        answers = {
            path: await anybody.get(path, headers=AS_A_BROWSER)
            for path in ("/", "/rooms/a", "/creator", "/events", "/docs", "/wallet", "/operator")
        }
    async with pages(pages_off="events") as anybody:
        docs = await anybody.get("/docs")

    off = [path for path, answer in answers.items() if answer.status_code == 404]
    assert off == ["/", "/rooms/a", "/creator", "/events", "/docs"]
    for answer in answers.values():
        assert not re.search(r'href="/(docs|events|creator)?"', answer.text)
    assert '<a class="brand" href="/wallet">' in answers["/wallet"].text
    assert 'href="/events"' not in docs.text


def test_pages_that_can_be_off_are_those_that_there_are():
    assert set(PAGES) == {*ADDRESSES.values(), "docs"}
    with pytest.raises(ValueError, match="is not a page"):
        Settings(port=1, pages_off="walet")


async def test_only_the_script_of_elements_may_be_fetched_by_pages_of_others():
    async with pages() as anybody:
        embed, room = await anybody.get("/embed.js"), await anybody.get("/static/room.js")

    assert embed.headers["cross-origin-resource-policy"] == "cross-origin"
    assert embed.headers["access-control-allow-origin"] == "*"
    assert embed.headers["content-type"].startswith("text/javascript")
    assert embed.headers["cache-control"] == "no-cache"
    assert not re.search(r"^import |import\(", embed.text, re.MULTILINE)
    assert room.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in room.headers


def test_every_token_of_the_styles_is_documented_and_no_other():
    page = (ROOT / "docs" / "how-to" / "brand-the-pages.md").read_text()
    table = page.split("## The tokens")[1].split("## The player")[0]
    tokens = re.findall(r"^ +(--[a-z-]+):", (STATIC / "tokens.css").read_text(), re.MULTILINE)

    assert {*re.findall(r"`(--[a-z-]+)`", table)} == {*tokens}
