"""A provider's HTTP client, against servers that behave badly: no answer is made up."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import pytest
import trustme
from pydantic import BaseModel

from shared.http.provider_client import (
    ANSWER_BYTES_MAX,
    ProviderClient,
    ProviderRejected,
    ProviderUnavailable,
    raise_if_rejected,
    read_answer,
)

HOST = "127.0.0.1"
DEADLINE_SECONDS = 0.3


class Paid(BaseModel):
    id: str


@pytest.fixture
def asked():
    """The heads of the requests that the server got."""
    return []


def a_client(url):
    return ProviderClient(
        url=url, api_key="sk_live", answer_seconds_max=DEADLINE_SECONDS, connections_max=2
    )


@pytest.fixture
def served(asked):
    """Serve what a function writes for each request; yields the address."""

    @asynccontextmanager
    async def serve(write, *, certificate=None):
        talks = []

        async def talk(reader, writer):
            talks.append(asyncio.current_task())
            try:
                while True:
                    asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
                    await write(writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(talk, HOST, 0, ssl=certificate)
        scheme = "https" if certificate else "http"
        try:
            yield f"{scheme}://{HOST}:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for each in talks:
                each.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    return serve


@pytest.fixture
def answering(served):
    """Serve what a function writes for each request; yields a client of that server."""

    @asynccontextmanager
    async def serve(write, **about):
        async with served(write, **about) as url:
            client = a_client(url)
            yield client
            await client.close()

    return serve


def says(status, body, *headers):
    """Answer with a status, a body and headers, all at once."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} X", *headers))

    async def write(writer):
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)

    return write


async def test_an_answer_is_read_and_its_connection_used_again(answering, asked):
    async with answering(says(200, b'{"id": "pay_1"}')) as client:
        for _ in range(2):
            assert read_answer(Paid, await client.request("GET", "/payments/1")).id == "pay_1"

    assert ["Authorization: Bearer sk_live" in head for head in asked] == [True, True]


async def test_an_answer_that_drips_ends_at_the_deadline(answering):
    async def drip(writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with answering(drip) as client:
        with pytest.raises(ProviderUnavailable):
            await asyncio.wait_for(client.request("GET", "/payments/1"), 60)


async def test_an_answer_without_an_end_is_not_read_for_ever(answering):
    async def flood(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * (ANSWER_BYTES_MAX // 4))
            await writer.drain()

    async with answering(flood) as client:
        with pytest.raises(ProviderUnavailable, match="bytes"):
            await client.request("GET", "/payments/1")


async def test_a_redirect_is_no_answer_and_our_key_goes_nowhere(answering, asked):
    moved = "location: /elsewhere"
    async with answering(says(307, b"", moved)) as client:
        with pytest.raises(ProviderUnavailable):
            read_answer(Paid, await client.request("POST", "/payments", json={}))

    assert [head.split()[1] for head in asked] == ["/payments"]


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x16\x03\x01", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"],
    ids=["hangs up", "no HTTP", "half an answer"],
)
async def test_a_broken_answer_says_nothing_of_what_was_done(answering, asked, answer):
    async def hang_up(writer):
        writer.write(answer)
        writer.close()

    async with answering(hang_up) as client:
        with pytest.raises(ProviderUnavailable):
            await client.request("POST", "/payments", json={"amount_minor": 99})

    # It may have been done: it is not sent twice, but found out.
    assert len(asked) == 1


async def test_a_server_that_is_not_there_is_unavailable():
    client = a_client(f"http://{HOST}:1")
    with pytest.raises(ProviderUnavailable):
        await client.request("GET", "/payments/1")
    await client.close()


async def test_a_provider_with_a_strange_certificate_is_told_nothing(answering, asked):
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert(HOST).configure_cert(certificate)
    async with answering(says(200, b'{"id": "pay_1"}'), certificate=certificate) as client:
        with pytest.raises(ProviderUnavailable):
            await client.request("GET", "/payments/1")

    assert asked == []


async def test_a_proxy_of_the_environment_is_used(served, asked, monkeypatch):
    client = a_client("http://provider.example")
    async with served(says(200, b'{"id": "pay_1"}')) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert read_answer(Paid, await client.request("GET", "/payments/1")).id == "pay_1"
        await client.close()

    assert asked[0].startswith("GET http://provider.example/payments/1 ")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (422, b'{"type": "https://bank.example/account-closed"}', "account-closed"),
        (400, b'{"type": "amount-too-small"}', "amount-too-small"),
        (422, b'{"type": "key-reused"}', None),
        (422, b'{"type": 7}', None),
        (422, b"<html>", None),
        (503, b'{"type": "maintenance"}', None),
    ],
)
async def test_only_a_documented_refusal_is_one(answering, status, body, reason):
    async with answering(says(status, body)) as client:
        answer = await client.request("POST", "/payments", json={})
    refused = None
    try:
        raise_if_rejected(answer)
    except ProviderRejected as rejected:
        refused = rejected.reason

    assert refused == reason
    with pytest.raises(ProviderUnavailable):
        read_answer(Paid, answer)
