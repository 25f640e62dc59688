"""Where an address asks for TLS, the other side proves who it is, or nothing is said to it."""

import asyncio
import ssl
from contextlib import suppress

import asyncpg
import pytest
import trustme
from aio_pika.exceptions import AMQPConnectionError

from deploy.config.databases import in_own_thread
from shared.messaging.broker import Broker
from shared.postgres.database import Database
from shared.postgres.migrate import migrate

HOST = "127.0.0.1"
# How PostgreSQL is asked whether it speaks TLS, and how it says that it does.
SSL_REQUEST, YES = b"\x00\x00\x00\x08\x04\xd2\x16/", b"S"


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path):
    return _file_of(authority, tmp_path / "trusted.pem")


@pytest.fixture
def strange(tmp_path):
    return _file_of(trustme.CA(), tmp_path / "strange.pem")


def _file_of(authority, path):
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def certified(authority):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    return context


@pytest.fixture
async def database(certified):
    """
    A server that has a certificate and hangs up; returns its port, and what it was told.

    Not a real one: the PostgreSQL that the tests run on was built without TLS.
    """
    told = []

    async def listen(reader, writer):
        with suppress(OSError):
            assert await reader.readexactly(8) == SSL_REQUEST
            writer.write(YES)
            await writer.start_tls(certified)
            told.append(await reader.read(1_000))
        writer.close()

    server = await asyncio.start_server(listen, HOST, 0)
    yield server.sockets[0].getsockname()[1], told
    server.close()


async def test_a_database_that_proves_who_it_is_is_spoken_to(database, trusted):
    port, told = database
    url = f"postgresql://live@{HOST}:{port}/live?sslmode=verify-full&sslrootcert={trusted}"

    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await Database(url, password="p@ss/word").ping()

    assert b"user\x00live" in told[0]


async def test_a_database_that_cannot_prove_it_is_told_nothing(database, strange):
    port, told = database
    url = f"postgresql://live@{HOST}:{port}/live?sslmode=verify-full&sslrootcert={strange}"

    with pytest.raises(ssl.SSLCertVerificationError):
        await Database(url, password="p@ss/word").ping()

    assert told == []


async def test_migrations_ask_for_the_same_proof(database, strange):
    port, told = database
    url = f"postgresql://live_owner@{HOST}:{port}/live?sslmode=verify-full&sslrootcert={strange}"

    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(in_own_thread, lambda: migrate("live", url, "p@ss/word"))

    assert told == []


@pytest.fixture
async def broker(certified):
    """Something that has a certificate, and keeps what it is told first; returns its port."""
    told = []

    async def listen(reader, writer):
        told.append(await reader.read(8))
        writer.close()

    server = await asyncio.start_server(listen, HOST, 0, ssl=certified)
    yield server.sockets[0].getsockname()[1], told
    server.close()


async def test_a_broker_that_proves_who_it_is_is_spoken_to(broker, trusted):
    port, told = broker
    url = f"amqps://live@{HOST}:{port}/ovation?cafile={trusted}"

    with pytest.raises(AMQPConnectionError):
        await Broker(url, "password", "live").connect("relay")

    assert told == [b"AMQP\x00\x00\x09\x01"]


async def test_a_broker_that_cannot_prove_it_is_told_nothing(broker, strange):
    port, told = broker
    url = f"amqps://live@{HOST}:{port}/ovation?cafile={strange}"

    with pytest.raises((AMQPConnectionError, ssl.SSLCertVerificationError)):
        await Broker(url, "password", "live").connect("relay")

    assert told == []
