"""(f) From a gift's acceptance until a thousand viewers of its room have seen it."""

import asyncio
import math
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain, cycle, islice
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

from deploy.harness.system import System
from services.live.domain.feed import FEEDS_MAX
from tests.performance.benches import tune
from tests.performance.gifts import Crowd
from tests.performance.results import Result, kept_below
from tests.performance.watchers import Order, watching

WATCHERS = 1_000
GIFTS = 100
WARM_UP_GIFTS = 20
GIFTS_PER_SECOND = 8.0
CONNECTIONS = 4
# One that makes no combo, so that each gift shows as much in the room as any other.
GIFT_TYPE = "g_snow"
CEILING = 3.0
# What a feed begins with, and what those who watch wait for.
GREETING = b"retry: 2000\n\n"

# Of each gift, the milliseconds until each viewer saw it.
Waits: TypeAlias = Sequence[Sequence[float]]


async def seen_by_a_room(system: System, crowd: Crowd) -> list[Result]:
    """The service, between two bare fan-outs of what it wrote; and once through the gateway."""
    tune()
    alone = _resident_kilobytes(system)
    warm_up, bodies, watched = await _given(system, crowd, "live", gifts=WARM_UP_GIFTS)
    before = await _bare(bodies)
    direct, _, _ = await _given(system, crowd, "live")
    after = await _bare(bodies)
    through_gateway, _, _ = await _given(system, crowd, "gateway")
    for name, waits in (("warm-up", warm_up), ("bare before", before), ("bare after", after)):
        print(f"  {name}: {_percentile(chain(*waits), 50):.1f} ms", flush=True)
    yardsticks = [
        Result(f"bare fan-out to {who}", round(value, 1), "ms")
        for who, value in _figures([*before, *after])
    ]
    return [
        *yardsticks,
        *_compared("accepted to seen by", direct, yardsticks),
        *_compared("through the gateway, to", through_gateway, yardsticks),
        Result("live, nobody watching", round(alone / 1024, 1), "MB"),
        Result(f"live, {WATCHERS:,} watching", round(watched / 1024, 1), "MB"),
        Result("live, each who watches", round((watched - alone) / WATCHERS, 1), "kB"),
    ]


def _compared(name: str, waits: Waits, yardsticks: Sequence[Result]) -> list[Result]:
    return [
        kept_below(f"{name} {who}", value, "ms", to=yardstick, ceiling=CEILING)
        for (who, value), yardstick in zip(_figures(waits), yardsticks, strict=True)
    ]


def _figures(waits: Waits) -> list[tuple[str, float]]:
    each, last = list(chain(*waits)), [max(gift) for gift in waits]
    return [
        (f"{who}, p{percent}", _percentile(values, percent))
        for who, values in ((f"{WATCHERS:,}", each), (f"the last of {WATCHERS:,}", last))
        for percent in (50, 99)
    ]


async def _given(
    system: System, crowd: Crowd, door: str, *, gifts: int = GIFTS
) -> tuple[Waits, Mapping[str, str], int]:
    """Give gifts at a calm rate; return the waits, what was written, and what live then takes."""
    address = urlsplit(system.urls[door])
    room = crowd.room(creators=1)
    requests = [
        f"GET /v1/rooms/{room}/events HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {system.token(f'watcher-{number}')}\r\n\r\n"
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
        kilobytes = _resident_kilobytes(system)
        seen = await watchers.seen()
    assert seen.at.keys() == accepted.keys()
    # A gift may be seen before its request is answered.
    waits = [[max(0.0, at - accepted[gift]) * 1000 for at in seen.at[gift]] for gift in accepted]
    # Of the last gift not everything may have been read.
    return waits, dict(list(seen.bodies.items())[:-1]), kilobytes


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
    """A server that greets, and the writers to whoever came."""
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


def _resident_kilobytes(system: System) -> int:
    """What the live service holds in memory."""
    status = Path(f"/proc/{system.pid_of('live')}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def _percentile(values: Sequence[float] | chain[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]
