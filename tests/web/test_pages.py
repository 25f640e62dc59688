"""The page is served by us alone."""

import re
from pathlib import Path

from services.web.main import build
from services.web.pages import STATIC
from tests.clients import client_of


async def test_the_page_comes_with_a_policy_that_allows_nobody_else():
    async with client_of(build()) as anybody:
        page = await anybody.get("/")
        script = await anybody.get("/static/room.js")

    assert page.status_code == script.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]


def test_nothing_is_fetched_from_anywhere_else():
    for path in Path(STATIC).iterdir():
        assert not re.search(r"https?://", path.read_text()), path.name


async def test_only_our_files_are_served():
    async with client_of(build()) as anybody:
        assert (await anybody.get("/static/room.html")).status_code == 422
        assert (await anybody.get("/static/../main.py")).status_code == 404


async def test_it_lives_and_is_ready_without_anybody_else():
    async with client_of(build()) as anybody:
        assert (await anybody.get("/livez")).status_code == 200
        assert (await anybody.get("/readyz")).status_code == 200
