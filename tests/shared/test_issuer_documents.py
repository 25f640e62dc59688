"""An issuer's keys are fetched whole, in time, and after one move over TLS at most."""

import json
import ssl
from urllib.error import HTTPError

import pytest
import trustme

from shared.identity import issuer_documents
from shared.identity.issuer_documents import DOCUMENT_BYTES_MAX, fetch
from shared.identity.issuers import Issuer
from shared.identity.tokens import Verifier
from tests.clients import AUDIENCE, ISSUER, a_token, signing_key
from tests.shared.publishing import HOST, KEYS, IssuerServer


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """The certificate of an authority that the system trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "trusted.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    certified = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(certified)
    return certified


@pytest.fixture
def secure(certified):
    """An issuer over TLS."""
    issuer = IssuerServer(certified)
    yield issuer
    issuer.stop()


@pytest.fixture
def also_secure(certified):
    issuer = IssuerServer(certified)
    yield issuer
    issuer.stop()


@pytest.fixture
def plain():
    issuer = IssuerServer()
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


async def test_keys_that_have_moved_to_another_host_are_followed(secure, also_secure):
    secure.moved = {"/old": f"{also_secure.url}/keys"}
    also_secure.bodies = {"/keys": b"of another host"}

    assert await fetch(f"{secure.url}/old") == b"of another host"


async def test_where_plain_http_leads_is_not_believed(plain, secure):
    plain.moved = {"/old": f"{secure.url}/keys"}

    with pytest.raises(ValueError, match="set that address"):
        await fetch(f"{plain.url}/old")


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
    verifier = Verifier(Issuer(ISSUER, AUDIENCE, jwks_url=f"{plain.url}/keys"))
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
