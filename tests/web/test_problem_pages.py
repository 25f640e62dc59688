"""The type of a problem is an address that opens, for people and for programs."""

import json
import re

import pytest

from deploy.config.environment import ROOT
from services.web.languages import DEFAULT, fill_in_english, read_languages
from services.web.main import build
from services.web.settings import Settings
from shared.http.problems import OTHER_PROBLEMS
from tests.clients import client_of

TABLE = json.loads((ROOT / "services" / "web" / "problems.json").read_text())
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
async def anybody():
    async with client_of(build(Settings(port=1))) as client:
        yield client


@pytest.mark.parametrize("code", TABLE)
async def test_every_code_opens_for_people_and_for_programs(anybody, code):
    page = await anybody.get(f"/problems/{code}", headers=BROWSER)
    document = await anybody.get(f"/problems/{code}")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert f"<code>{code}</code>" in page.text
    assert document.json() == {"code": code, **TABLE[code]}
    assert document.headers["vary"] == "Accept"


def test_every_code_that_the_api_describes_has_an_entry():
    api = json.loads((ROOT / "deploy" / "gateway" / "openapi.json").read_text())
    gateway = (ROOT / "deploy" / "gateway" / "nginx.conf").read_text()
    described = set(re.findall(r"`([a-z0-9-]+)`: ", json.dumps(api["paths"])))
    written = set(re.findall(r'"code": "([a-z-]+)"', gateway))

    assert len(described) > 100
    assert len(written) > 10
    assert described | written | {code for code, _ in OTHER_PROBLEMS} <= TABLE.keys()
    assert all(entry["meanings"] and entry["advice"] for entry in TABLE.values())


async def test_a_code_says_its_facts_and_who_answers_with_it(anybody):
    entry = (await anybody.get("/problems/insufficient-coins")).json()

    assert entry["status"] == 402
    assert "shortfall_coins" in entry["facts"]
    assert "POST /v1/gifts" in entry["operations"]


async def test_all_codes_are_on_one_page(anybody):
    page = await anybody.get("/problems", headers=BROWSER)

    assert all(f'href="/problems/{code}"' in page.text for code in TABLE)
    assert (await anybody.get("/problems")).json() == TABLE


async def test_an_unknown_code_is_not_there(anybody):
    answer = await anybody.get("/problems/no-such-code-at-all")

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-route")


@pytest.mark.parametrize(
    "address", ["/walet", "/v1/walet", "/problems/none", "/rooms", "/static/x"]
)
async def test_a_browser_at_a_wrong_address_gets_a_page_with_a_way_back(anybody, address):
    page = await anybody.get(address, headers=BROWSER)

    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["vary"] == "Accept, Accept-Language, Cookie"
    assert "There is nothing at this address." in page.text
    assert 'href="/"' in page.text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/problem+json", ""])
async def test_a_program_at_a_wrong_address_gets_the_problem(anybody, accept):
    answer = await anybody.get("/walet", headers={"Accept": accept})

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-route")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["vary"] == "Accept"


async def test_a_wrong_address_is_not_repeated_on_its_page(anybody):
    page = await anybody.get("/<script>alert(1)</script>", headers=BROWSER)

    assert page.status_code == 404
    assert "alert" not in page.text


@pytest.mark.parametrize("address", ["/", "/wallet", "/docs", "/problems", "/static/base.css"])
async def test_a_head_of_a_page_has_the_headers_of_the_page(anybody, address):
    page, head = await anybody.get(address), await anybody.head(address)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == page.headers["content-length"]
    assert head.headers["content-type"] == page.headers["content-type"]


async def test_a_wrong_address_is_told_in_the_readers_language_and_in_english_for_want_of_words():
    german = {DEFAULT: read_languages()[DEFAULT], "de": {"wrong-address.title": "Hier ist nichts."}}
    app = build(Settings(port=1))
    app.state.languages = fill_in_english(german)
    async with client_of(app) as anybody:
        page = await anybody.get("/walet", headers={**BROWSER, "Accept-Language": "de-AT"})

    assert page.headers["content-language"] == "de"
    assert '<html lang="de" dir="ltr">' in page.text
    assert "<h1>Hier ist nichts.</h1>" in page.text
    assert "Check the address" in page.text
