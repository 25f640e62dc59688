"""Pages and their files are compressed once; callers who take them plain get them plain."""

import gzip
import re

import pytest

from services.web.files import MEDIA_TYPES
from services.web.main import build
from services.web.pages import STATIC, VENDOR
from services.web.settings import Settings
from tests.clients import client_of

COMPRESSED = {"Accept-Encoding": "gzip, deflate, br"}
PLAIN = {"Accept-Encoding": "identity"}
TEXTS = (
    "/",
    "/static/room.js",
    "/static/room.css",
    "/static/room.ar.js",
    "/static/problems.ja.js",
    "/static/drawings.json",
    "/static/gifts/g_crown.svg",
    "/static/lottie_player.js",
    "/swagger-ui/swagger-ui-bundle.js",
    "/brand/brand.css",
)


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "brand.css").write_text(":root { --accent: teal; }\n" * 80)
    (tmp_path / "logo.png").write_bytes(b"\x89PNG" * 500)
    return client_of(build(Settings(port=1, brand_folder=tmp_path)))


async def raw(client, path, headers, method="GET"):
    async with client.stream(method, path, headers=headers) as answer:
        return answer, b"".join([piece async for piece in answer.aiter_raw()])


@pytest.mark.parametrize("path", TEXTS)
async def test_a_text_is_the_same_compressed_and_plain(pages, path):
    async with pages as anybody:
        plain, text = await raw(anybody, path, PLAIN)
        compressed, sent = await raw(anybody, path, COMPRESSED)

    assert "content-encoding" not in plain.headers
    assert compressed.headers["content-encoding"] == "gzip"
    assert sent == gzip.compress(text, 9, mtime=0)
    for answer in (plain, compressed):
        assert "Accept-Encoding" in answer.headers["vary"]
        assert answer.headers["cache-control"] == "no-cache"
    for name in ("content-type", "content-security-policy", "cross-origin-resource-policy"):
        assert compressed.headers.get(name) == plain.headers.get(name)
    assert compressed.headers["content-length"] == str(len(sent))


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("br", False),
        ("", False),
    ],
)
async def test_a_text_is_compressed_for_those_who_take_that(pages, accepted, is_compressed):
    async with pages as anybody:
        answer, _ = await raw(anybody, "/static/room.js", {"Accept-Encoding": accepted})

    assert (answer.headers.get("content-encoding") == "gzip") is is_compressed


async def test_who_has_a_text_is_told_so_by_the_tag_of_its_form(pages):
    async with pages as anybody:
        tags = [
            (await raw(anybody, "/static/room.js", accepted))[0].headers["etag"]
            for accepted in (COMPRESSED, PLAIN)
        ]
        again = [
            (await raw(anybody, "/static/room.js", accepted | {"If-None-Match": tag}))[0]
            for accepted in (COMPRESSED, PLAIN)
            for tag in tags
        ]
        weak = {"If-None-Match": f'"other", W/{tags[0]}'}
        weakly, _ = await raw(anybody, "/static/room.js", COMPRESSED | weak)

    assert tags[0] != tags[1]
    assert [answer.status_code for answer in again] == [304, 200, 200, 304]
    assert weakly.status_code == 304
    assert weakly.headers["vary"] == "Accept-Encoding"


async def test_a_range_is_one_of_the_plain_text(pages):
    async with pages as anybody:
        answer, sent = await raw(anybody, "/static/tokens.css", COMPRESSED | {"Range": "bytes=0-9"})

    assert answer.status_code == 206
    assert "content-encoding" not in answer.headers
    assert sent == (STATIC / "tokens.css").read_bytes()[:10]


async def test_head_has_what_get_has_without_the_text(pages):
    async with pages as anybody:
        got, sent = await raw(anybody, "/static/room.js", COMPRESSED)
        headed, nothing = await raw(anybody, "/static/room.js", COMPRESSED, "HEAD")

    assert nothing == b""
    for name in ("content-length", "content-encoding", "etag", "vary", "content-type"):
        assert headed.headers[name] == got.headers[name]
    assert headed.headers["content-length"] == str(len(sent))


async def test_a_picture_and_a_small_text_go_as_they_are(pages):
    async with pages as anybody:
        picture, _ = await raw(anybody, "/brand/logo.png", COMPRESSED)
        small, _ = await raw(anybody, "/static/logo.svg", COMPRESSED)

    assert (picture.status_code, small.status_code) == (200, 200)
    assert "content-encoding" not in {*picture.headers, *small.headers}


async def test_a_link_out_of_the_brands_folder_is_not_followed(tmp_path):
    brand = tmp_path / "brand"
    brand.mkdir()
    (tmp_path / "other.css").write_text("* { color: red; }\n" * 100)
    (brand / "linked.css").symlink_to(tmp_path / "other.css")
    (brand / "folder.css").mkdir()
    async with client_of(build(Settings(port=1, brand_folder=brand))) as anybody:
        answers = [await raw(anybody, f"/brand/{name}", COMPRESSED) for name in ("linked.css", "")]

    assert [answer.status_code for answer, _ in answers] == [404, 404]


async def test_every_file_of_a_page_has_its_kind(pages):
    """So that each instance, on any machine, names it alike."""
    async with pages as anybody:
        page, _ = await raw(anybody, "/", PLAIN)
        script, _ = await raw(anybody, "/static/room.js", COMPRESSED)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert re.match(r"text/javascript", script.headers["content-type"])
    assert {path.suffix for path in VENDOR.glob("*.js")} <= MEDIA_TYPES.keys()
