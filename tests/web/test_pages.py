"""The pages are served by us alone, and allow nobody else anything."""

import html
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from deploy.config.environment import ROOT
from services.web.languages import FOLDER
from services.web.main import build
from services.web.pages import (
    BUNDLES,
    MADE_OF,
    REFERENCE_TEMPLATE,
    STATIC,
    SWAGGER_UI,
    TEMPLATE,
    VENDOR,
    version_of,
)
from services.web.settings import Settings
from tests.clients import client_of

PEOPLE = ROOT / "seeds" / "people.toml"
ADDRESSES = ("/", "/rooms/room-1", "/wallet", "/creator", "/operator", "/paid", "/events")
SVG = "{http://www.w3.org/2000/svg}"


def pages(**settings):
    return client_of(build(Settings(port=1, **settings)))


@pytest.mark.parametrize("address", ADDRESSES)
async def test_every_page_comes_with_a_policy_that_allows_nobody_else(address):
    async with pages() as anybody:
        page = await anybody.get(address)

    policy = page.headers["content-security-policy"]
    assert page.status_code == 200
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in page.headers["permissions-policy"]


async def test_the_reference_of_the_api_has_a_policy_as_strict_but_for_trusted_types():
    async with pages(host_origins="https://app.example") as anybody:
        wallet, reference = [await anybody.get(path) for path in ("/wallet", "/docs")]

    def rules(page):
        return {*page.headers.pop("content-security-policy").strip("; ").split("; ")}

    stricter = {"require-trusted-types-for 'script'", "trusted-types 'none'"}
    framed, never = "frame-ancestors https://app.example", "frame-ancestors 'none'"
    # Pages play the films of gifts; the reference has none.
    films = "media-src 'self'"
    assert rules(wallet) - stricter - {framed, films} == rules(reference) - {never}
    for name in ("referrer-policy", "cross-origin-opener-policy", "permissions-policy"):
        assert reference.headers[name] == wallet.headers[name]


async def test_the_files_of_the_reference_come_from_here_and_are_kept_for_good():
    async with pages() as anybody:
        page = await anybody.get("/docs")
        paths = re.findall(r'(?:src|href)="(/(?:static|swagger-ui)/[^"]+)"', page.text)
        answers = {path: await anybody.get(path) for path in paths}
        others = [
            await anybody.get(f"/swagger-ui/{name}")
            for name in ("__init__.py", "../main.py", "..%2fmain.py", "favicon-32x32.png")
        ]

    assert f"/swagger-ui/{version_of(SWAGGER_UI)}/swagger-ui-bundle.js" in answers
    for path, answer in answers.items():
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["cache-control"]
    assert {other.status_code for other in others} == {404}


async def test_only_the_origins_an_operator_names_may_frame_the_pages():
    async with pages(host_origins="https://app.example  https://beta.example") as anybody:
        page = await anybody.get("/wallet")

    named = "https://app.example https://beta.example"
    assert page.headers["content-security-policy"].endswith(f"frame-ancestors {named}")
    assert f'name="ovation-host-origins" content="{named}"' in page.text


async def test_pictures_and_films_come_from_the_origins_an_operator_names_and_nothing_else_does():
    async with pages() as usual, pages(picture_origins="https://cdn.example") as other:
        policies = [
            (await each.get("/")).headers["content-security-policy"] for each in (usual, other)
        ]

    assert "img-src 'self' data:; media-src 'self';" in policies[0]
    named = "img-src 'self' https://cdn.example data:; media-src 'self' https://cdn.example;"
    assert named in policies[1]
    assert policies[1].count("cdn.example") == 2


@pytest.mark.parametrize("setting", ["host_origins", "picture_origins"])
@pytest.mark.parametrize("origin", ["https://app.example/", "*", "https://a.example; img-src *"])
def test_what_is_no_origin_is_refused(origin, setting):
    with pytest.raises(ValueError, match="is not an origin"):
        Settings(port=1, **{setting: origin})


async def test_files_of_a_version_are_kept_for_good_and_others_are_asked_for_again():
    version = version_of(BUNDLES, FOLDER, VENDOR)
    async with pages() as anybody:
        page = await anybody.get("/")
        named = await anybody.get(f"/static/{version}/room.js")
        plain = await anybody.get("/static/room.js")
        again = await anybody.get(
            "/static/room.js", headers={"If-None-Match": plain.headers["etag"]}
        )
        older = await anybody.get("/static/000000000000/room.js")

    assert f'src="/static/{version}/room.js"' in page.text
    assert "immutable" in named.headers["cache-control"]
    assert plain.headers["cache-control"] == "no-cache"
    assert plain.headers["content-type"].startswith("text/javascript")
    assert named.headers["x-content-type-options"] == "nosniff"
    assert (named.text, again.status_code, older.status_code) == (plain.text, 304, 404)


async def test_a_page_is_one_script_and_one_style():
    async with pages() as anybody:
        page = await anybody.get("/wallet")
        (sheet,) = re.findall(r'rel="stylesheet" href="([^"]+)"', page.text)
        (module,) = re.findall(r'<script type="module" src="([^"]+)"', page.text)
        style, script = await anybody.get(sheet), await anybody.get(module)

    assert not re.search(r'from ?"\./', script.text)
    assert "ovation.token" in script.text
    assert "--accent:" in style.text
    assert ".toast" in style.text


async def test_bundles_of_other_sources_are_not_served(tmp_path, monkeypatch):
    (tmp_path / MADE_OF).write_text("000000000000\n")
    (tmp_path / "room.js").write_text("old")
    monkeypatch.setattr("services.web.pages.BUNDLES", tmp_path)
    async with pages() as anybody:
        page = await anybody.get("/")
        script = await anybody.get("/static/room.js")

    assert script.text == (STATIC / "room.js").read_text()
    assert f"/static/{version_of(STATIC, FOLDER, VENDOR)}/tokens.css" in page.text


async def test_all_drawings_are_one_file():
    async with pages() as anybody:
        drawings = await anybody.get(f"/static/{version_of(BUNDLES, FOLDER, VENDOR)}/drawings.json")

    assert drawings.json() == {
        str(path.relative_to(STATIC).with_suffix("")).removeprefix("gifts/"): path.read_text()
        for folder in ("gifts", "scene")
        for path in (STATIC / folder).glob("*.svg")
    }
    assert "immutable" in drawings.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["../main.py", "..%2fmain.py", "%2e%2e/settings.py", "../page.html", "gifts", "", "x.js"],
)
async def test_only_our_files_are_served(path):
    async with pages() as anybody:
        assert (await anybody.get(f"/static/{path}")).status_code == 404


def test_nothing_is_fetched_from_anywhere_else_and_nothing_is_inline():
    for path in [*STATIC.rglob("*"), TEMPLATE, REFERENCE_TEMPLATE]:
        if path.is_file():
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://", text), path.name
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
            assert path.suffix != ".html" or not re.search(r"<style| style=| on[a-z]+=", text)


def test_every_gift_has_a_small_picture_of_its_own():
    known = set(
        re.findall(r'^id = "(\w+)"', (ROOT / "seeds" / "gifts.toml").read_text(), re.MULTILINE)
    )
    pictures = {path.stem: path for path in Path(STATIC / "gifts").glob("*.svg")}
    assert known <= set(pictures)
    for path in pictures.values():
        assert path.stat().st_size < 3_000, path.name
        root = ET.parse(path).getroot()
        assert (root.tag, root.get("viewBox")) == (f"{SVG}svg", "0 0 64 64"), path.name


async def test_people_to_play_are_named_only_where_they_are_given():
    async with pages(people_file=PEOPLE) as anybody:
        assert "mira" in (await anybody.get("/people.json")).text
    async with pages() as anybody:
        assert (await anybody.get("/people.json")).json() == {}


async def test_it_lives_and_is_ready_without_anybody_else():
    async with pages() as anybody:
        assert (await anybody.get("/livez")).status_code == 200
        assert (await anybody.get("/readyz")).status_code == 200


async def test_a_page_knows_where_tokens_of_each_issuer_say_what_they_say():
    staff = {"issuer": "https://staff.example", "jwks_url": "https://staff.example/keys"}
    staff |= {"audience": "ovation", "subject_prefix": "staff:", "country_claim": "at.home"}
    settings = {"jwt_roles_claim": 'a"<b>.c', "jwt_scopes_claim": "scp"}
    async with pages() as usual, pages(**settings, jwt_more_issuers=json.dumps([staff])) as other:
        texts = [(await client.get("/")).text for client in (usual, other)]

    found = [re.search(r'name="ovation-claims" content="([^"]*)"', text) for text in texts]
    (usual,), (first, second) = [json.loads(html.unescape(meta[1])) for meta in found]
    assert (usual["issuer"], usual["prefix"]) == (None, "")
    assert usual["names"]["roles"] == ["roles"]
    assert usual["names"]["scopes"] == [["scope"], ["scopes"]]
    assert (first["names"]["roles"], first["names"]["scopes"]) == (['a"<b>', "c"], [["scp"]])
    assert (second["issuer"], second["prefix"]) == ("https://staff.example", "staff:")
    assert second["names"]["country"] == ["at", "home"]
    assert "<b>" not in texts[1]


def test_a_path_to_no_claim_stops_the_pages():
    with pytest.raises(ValueError, match="no path to a claim"):
        pages(jwt_roles_claim="roles.")
