"""The gateway compresses what people and programs read, and never a feed."""

import gzip

import httpx
import pytest

from deploy.harness.processes import remove_folder, temporary_folder
from tests.deploy.gateways import FEED, GREETING, a_gateway, a_service, needs_nginx

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


def test_a_feed_goes_on_at_once_whatever_its_reader_takes(url):
    with httpx.stream("GET", f"{url}{FEED}", headers={"Accept-Encoding": "gzip"}) as feed:
        assert "content-encoding" not in feed.headers
        assert next(feed.iter_raw()) == GREETING
