"""From a gift's acceptance until a thousand viewers of its room have seen it."""

import asyncio
import math
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain, cycle, islice
from typing import TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

from services.live.domain.feed import FEEDS_MAX
from tests.performance.gifts import Crowd
from tests.performance.installation import Installation
from tests.performance.results import Result
from tests.performance.through_http import funded
from tests.performance.watchers import Order, watching

WATCHERS = 1_000
GIFTS = 100
WARM_UP_GIFTS = 20
GIFTS_PER_SECOND = 8.0
CONNECTIONS = 4
# One that makes no combo, so that each gift shows as much in the room as any other.
GIFT_TYPE = "g_snow"
# What a feed begins with, and what those who watch wait for.
GREETING = b"retry: 2000\n\n"

# Of each gift, the milliseconds until each viewer saw it.
Waits: TypeAlias = Sequence[Sequence[float]]


async def seen_by_a_room(installation: Installation) -> list[Result]:
    """The service, between two bare fan-outs of what it wrote; and once through the gateway."""
    crowd = await funded(installation)
    alone = installation.megabytes()["live"]
    warm_up, bodies, watched = await _given(installation, crowd, "live", gifts=WARM_UP_GIFTS)
    before = await _bare(bodies)
    direct, _, _ = await _given(installation, crowd, "live")
    after = await _bare(bodies)
    through_gateway, _, _ = await _given(installation, crowd, "gateway")
    for name, waits in (("warm-up", warm_up), ("bare before", before), ("bare after", after)):
        print(f"  {name}: {_percentile(chain(*waits), 50):.1f} ms", flush=True)
    return [
        *_results("bare fan-out to", [*before, *after]),
        *_results("seen by", direct),
        *_results("through the gateway, seen by", through_gateway),
        Result("live, each who watches", (watched - alone) * 1000 / WATCHERS, "kB"),
    ]


def _results(name: str, waits: Waits) -> list[Result]:
    return [Result(f"{name} {who}", value, "ms") for who, value in _figures(waits)]


def _figures(waits: Waits) -> list[tuple[str, float]]:
    each, last = list(chain(*waits)), [max(gift) for gift in waits]
    return [
        (f"{who}, p{percent}", _percentile(values, percent))
        for who, values in ((f"{WATCHERS:,}", each), (f"the last of {WATCHERS:,}", last))
        for percent in (50, 99)
    ]


async def _given(
    installation: Installation, crowd: Crowd, door: str, *, gifts: int = GIFTS
) -> tuple[Waits, Mapping[str, str], float]:
    """Give gifts at a calm rate; return the waits, what was written, and live's megabytes."""
    address = urlsplit(installation.urls[door])
    room = crowd.room(creators=1)
    requests = [
        f"GET /v1/rooms/{room}/events HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {installation.token(f'watcher-{number}')}\r\n\r\n"
        # One person follows only so many feeds.
        for number in range(math.ceil(WATCHERS / FEEDS_MAX))
    ]
    order = Order(str(address.hostname), address.port or 80, requests, WATCHERS, gifts)
    async with watching(order) as watchers:
        accepted = await crowd.give_steadily(
            rate=GIFTS_PER_SECOND,
            seconds=gifts / GIFTS_PER_SECOND,
            connections=CONNECTIONS,
            creators=1,
            gift_type=GIFT_TYPE,
            wait=True,
        )
        megabytes = installation.megabytes()["live"]
        seen = await watchers.seen()
    assert seen.at.keys() == accepted.keys()
    # A gift may be seen before its request is answered.
    waits = [[max(0.0, at - accepted[gift]) * 1000 for at in seen.at[gift]] for gift in accepted]
    # Of the last gift not everything may have been read.
    return waits, dict(list(seen.bodies.items())[:-1]), megabytes


async def _bare(bodies: Mapping[str, str]) -> Waits:
    """Write the same bytes to the same watchers, at the same rate, with nothing around it."""
    async with _bare_server() as (port, writers):
        order = Order("127.0.0.1", port, ["hello\n\n"], WATCHERS, GIFTS)
        async with watching(order) as watchers:
            started: dict[str, float] = {}
            for written, body in islice(cycle(bodies.items()), GIFTS):
                gift = str(uuid4())
                chunk = body.replace(written, gift).encode()
                started[gift] = time.perf_counter()
                for writer in writers:
                    writer.write(chunk)
                await asyncio.sleep(1 / GIFTS_PER_SECOND)
            seen = await watchers.seen()
    return [[(at - started[gift]) * 1000 for at in seen.at[gift]] for gift in started]


@asynccontextmanager
async def _bare_server() -> AsyncIterator[tuple[int, Sequence[asyncio.StreamWriter]]]:
    """A server that greets, and the writers to all connections."""
    writers: list[asyncio.StreamWriter] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        writer.write(GREETING)
        writers.append(writer)

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], writers
    finally:
        server.close()
        for writer in writers:
            writer.close()


def _percentile(values: Sequence[float] | chain[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]
