"""
The gateway compresses what people and programs read, and never a feed.

What does not change is compressed once: documents when it starts, pages and their files by web.
"""

import gzip

import httpx
import pytest

from deploy.gateway.nginx import GZIP_BYTES_MIN
from deploy.harness.processes import remove_folder, temporary_folder
from services.web.compression import BYTES_MIN
from tests.deploy.gateways import (
    FEED,
    GREETING,
    PACKED,
    ROOT,
    SAID,
    a_gateway,
    a_service,
    needs_nginx,
)

pytestmark = needs_nginx


@pytest.fixture(scope="module")
def url():
    # nginx's workers are nobody, and have to read what is served.
    folder = temporary_folder("compression")
    with a_service() as service, a_gateway(folder, service) as address:
        yield address
    remove_folder(folder)


@pytest.mark.parametrize("path", ["/openapi.json", "/asyncapi.json", "/events.md"])
def test_a_document_is_compressed_for_those_who_take_that(url, path):
    plain = httpx.get(f"{url}{path}", headers={"Accept-Encoding": "identity"})
    with httpx.stream("GET", f"{url}{path}", headers={"Accept-Encoding": "gzip"}) as answer:
        sent = b"".join(answer.iter_raw())

    assert "content-encoding" not in plain.headers
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(sent) == plain.content
    assert len(sent) * 4 < len(plain.content)


DOCUMENTS = {
    "/openapi.json": ROOT / "deploy" / "gateway" / "openapi.json",
    "/asyncapi.json": ROOT / "shared" / "contracts" / "asyncapi.json",
    "/events.md": ROOT / "shared" / "contracts" / "EVENTS.md",
}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_was_compressed_when_the_gateway_started(url, path):
    with httpx.stream("GET", f"{url}{path}", headers={"Accept-Encoding": "gzip"}) as answer:
        sent = b"".join(answer.iter_raw())

    # The smallest that gzip makes, where a request at a time is worth level 5.
    assert sent == gzip.compress(DOCUMENTS[path].read_bytes(), 9, mtime=0)
    # A length and a strong tag: what is compressed while it is sent has neither.
    assert answer.headers["content-length"] == str(len(sent))
    assert answer.headers["etag"].startswith('"')


def test_what_web_compressed_goes_on_as_it_is(url):
    with httpx.stream("GET", f"{url}{PACKED}", headers={"Accept-Encoding": "gzip"}) as answer:
        sent = b"".join(answer.iter_raw())

    assert sent == gzip.compress(SAID, 9, mtime=0)
    assert answer.headers.get_list("content-encoding") == ["gzip"]
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["etag"] == '"packed"'


def test_web_and_gateway_leave_the_same_small_texts_alone():
    assert BYTES_MIN == GZIP_BYTES_MIN


def test_a_feed_goes_on_at_once_whatever_its_reader_takes(url):
    with httpx.stream("GET", f"{url}{FEED}", headers={"Accept-Encoding": "gzip"}) as feed:
        assert "content-encoding" not in feed.headers
        assert next(feed.iter_raw()) == GREETING
