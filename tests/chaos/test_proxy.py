"""A link passes everything on, later, or nothing for a while; and loses nothing of it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from deploy.harness.ports import free_port
from tests.chaos.proxy import Link


async def echo(reader, writer):
    while heard := await reader.read(1_000_000):
        writer.write(heard)
        await writer.drain()
    writer.close()


@pytest.fixture
async def link():
    """A link to a server that says everything again."""
    port = free_port()
    server = await asyncio.start_server(echo, "127.0.0.1", port)
    link = Link(lambda: ("127.0.0.1", port))
    await link.start()
    yield link
    await link.stop()
    server.close()


@asynccontextmanager
async def through(link):
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def hears(reader, size, *, seconds):
    return await asyncio.wait_for(reader.readexactly(size), seconds)


async def test_everything_passes_in_both_directions(link):
    said = b"0123456789" * 100_000
    async with through(link) as (reader, writer):
        writer.write(said)

        assert await hears(reader, len(said), seconds=5) == said


async def test_while_a_link_is_closed_nothing_passes_and_nobody_is_told(link):
    async with through(link) as (reader, writer):
        writer.write(b"before")
        await hears(reader, 6, seconds=5)
        link.close()
        writer.write(b"during")
        async with through(link) as (new_reader, new_writer):
            new_writer.write(b"new")
            with pytest.raises(TimeoutError):
                await hears(reader, 1, seconds=0.2)
            with pytest.raises(TimeoutError):
                await hears(new_reader, 1, seconds=0.1)

            link.open()

            assert await hears(reader, 6, seconds=5) == b"during"
            assert await hears(new_reader, 3, seconds=5) == b"new"


async def test_a_slow_link_passes_everything_later(link):
    async with through(link) as (reader, writer):
        link.delay_seconds = 0.2
        writer.write(b"slow")
        with pytest.raises(TimeoutError):
            await hears(reader, 4, seconds=0.3)

        assert await hears(reader, 4, seconds=5) == b"slow"


@pytest.fixture
async def mortal():
    """A link to a server, and what ends that server together with its connections."""
    connections = []

    async def listen(reader, writer):
        connections.append(writer)
        await reader.read()

    def end():
        server.close()
        for connection in connections:
            connection.transport.abort()

    port = free_port()
    server = await asyncio.start_server(listen, "127.0.0.1", port)
    link = Link(lambda: ("127.0.0.1", port))
    await link.start()
    yield link, end
    await link.stop()
    end()


async def hears_the_end(reader):
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await hears(reader, 1, seconds=5)


async def hears_nothing(reader):
    with pytest.raises(TimeoutError):
        await hears(reader, 1, seconds=0.2)


async def test_the_end_of_a_server_is_the_end_of_its_connections(mortal):
    link, end = mortal
    async with through(link) as (reader, _):
        await asyncio.sleep(0.1)
        end()

        await hears_the_end(reader)
        async with through(link) as (new_reader, _):
            await hears_the_end(new_reader)


async def test_behind_a_closed_link_nobody_hears_that_a_server_has_ended(mortal):
    link, end = mortal
    async with through(link) as (reader, _):
        await asyncio.sleep(0.1)
        link.close()
        end()

        await hears_nothing(reader)
        async with through(link) as (new_reader, _):
            await hears_nothing(new_reader)
            link.open()

            await hears_the_end(reader)
            await hears_the_end(new_reader)
