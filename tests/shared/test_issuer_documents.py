"""An issuer's keys are fetched whole, in time, and after one move over TLS at most."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError

import pytest
import trustme

from shared.identity import issuer_documents
from shared.identity.issuer_documents import DOCUMENT_BYTES_MAX, fetch
from shared.identity.tokens import Verifier
from tests.clients import AUDIENCE, ISSUER, a_token, signing_key

HOST = "127.0.0.1"
KEYS = b'{"keys": []}'


class _Issuer(ThreadingHTTPServer):
    """Publishes bodies at paths, and moves others; what it does not know it answers with 404."""

    def __init__(self, certified=None):
        super().__init__((HOST, 0), _Handler)
        self.bodies = {"/keys": KEYS}
        self.moved = {}
        self.never_ends = threading.Event()
        if certified is not None:
            self.socket = certified.wrap_socket(self.socket, server_side=True)
        scheme = "http" if certified is None else "https"
        self.url = f"{scheme}://{HOST}:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self):
        self.never_ends.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/drips":
            self._answer_in_drops()
        elif self.path in self.server.moved:
            self.send_response(301)
            self.send_header("Location", self.server.moved[self.path])
            self.end_headers()
        elif self.path in self.server.bodies:
            body = self.server.bodies[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404)

    def _answer_in_drops(self):
        self.send_response(200)
        self.end_headers()
        while not self.server.never_ends.wait(0.02):
            try:
                self.wfile.write(b" ")
            except OSError:
                return

    def log_message(self, *_):
        """Say nothing about each request."""


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """An issuer over TLS whose authority the system trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "trusted.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    certified = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(certified)
    issuer = _Issuer(certified)
    yield issuer
    issuer.stop()


@pytest.fixture
def plain():
    issuer = _Issuer()
    yield issuer
    issuer.stop()


async def test_keys_are_fetched_with_and_without_tls(secure, plain):
    assert await fetch(f"{secure.url}/keys") == KEYS
    assert await fetch(f"{plain.url}/keys") == KEYS


async def test_an_issuer_whose_authority_is_not_trusted_is_not_read(secure, monkeypatch, tmp_path):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "strange.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "strange.pem"))

    with pytest.raises(OSError, match="certificate verify failed"):
        await fetch(f"{secure.url}/keys")


async def test_keys_that_have_moved_are_followed_once(secure):
    secure.moved = {"/old": f"{secure.url}/keys", "/older": f"{secure.url}/old", "/here": "/keys"}

    assert await fetch(f"{secure.url}/old") == KEYS
    assert await fetch(f"{secure.url}/here") == KEYS
    with pytest.raises(HTTPError, match="301"):
        await fetch(f"{secure.url}/older")


@pytest.mark.parametrize("moved_to", ["http://issuer.example/keys", "file:///etc/passwd"])
async def test_keys_that_have_moved_are_followed_over_tls_only(secure, moved_to):
    secure.moved = {"/old": moved_to}

    with pytest.raises((ValueError, HTTPError)):
        await fetch(f"{secure.url}/old")


async def test_what_has_not_moved_to_tls_is_not_followed(plain):
    plain.moved = {"/old": "/keys"}

    with pytest.raises(ValueError, match="which is no https"):
        await fetch(f"{plain.url}/old")


async def test_a_document_too_long_for_keys_is_not_read(plain):
    plain.bodies = {"/longest": b" " * DOCUMENT_BYTES_MAX, "/longer": b" " * 10_000_000}

    assert len(await fetch(f"{plain.url}/longest")) == DOCUMENT_BYTES_MAX
    with pytest.raises(ValueError, match="longer than"):
        await fetch(f"{plain.url}/longer")


async def test_keys_without_an_end_are_none(plain):
    verifier = Verifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=f"{plain.url}/keys")
    keys = [signing_key().as_dict(private=False)]
    plain.bodies["/keys"] = json.dumps({"keys": keys}).encode()
    await verifier.refresh()
    plain.bodies["/keys"] = json.dumps({"keys": [*keys, *["x" * 1_000] * 1_000]}).encode()
    with pytest.raises(ValueError, match="longer"):
        await verifier.refresh()

    assert (await verifier.verify(a_token())).user == "mira"


async def test_an_answer_that_does_not_end_is_given_up(plain, monkeypatch):
    monkeypatch.setattr(issuer_documents, "FETCH_SECONDS_MAX", 0.3)

    with pytest.raises(TimeoutError):
        await fetch(f"{plain.url}/drips")


async def test_an_issuer_that_refuses_publishes_nothing(plain):
    with pytest.raises(HTTPError, match="404"):
        await fetch(f"{plain.url}/nothing")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://issuer/keys", "data:,{}"])
async def test_keys_are_at_an_address_of_http(url):
    with pytest.raises(ValueError, match="no address of http"):
        await fetch(url)
