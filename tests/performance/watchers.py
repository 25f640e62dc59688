"""
Those who watch a room, as a process of their own: raw streams, whoever is at the other end.

The first line of its input says where to connect and what to ask for. It says `ready` once
everybody has heard the greeting, ends when everybody has seen all gifts, and then says when each
saw which.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import uvloop

EVENT_END = b"\n\n"
GIFT_EVENT = b"event: gift\n"
# What comes from the database has a space that what comes from memory has not.
GIFT = re.compile(rb'"gift": ?"([0-9a-f-]{36})"')
CONNECTING_AT_ONCE = 50
SECONDS_MAX = 120.0
ANSWER_BYTES_MAX = 2**28


@dataclass(frozen=True, slots=True)
class Order:
    """Whom to watch: `requests` is what so many watchers say first, in turn."""

    host: str
    port: int
    requests: list[str]
    watchers: int
    gifts: int


@dataclass(frozen=True, slots=True)
class Seen:
    """When each watcher saw each gift, and what one of them was sent of each, in that order."""

    at: dict[str, list[float]]
    bodies: dict[str, str]


class Watching:
    """The running process, once everybody is there."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def seen(self) -> Seen:
        """Wait until everybody has seen everything."""
        assert self._process.stdout is not None
        answer = await self._process.stdout.readline()
        assert answer, "those who watch did not see all gifts"
        return Seen(**json.loads(answer))


@asynccontextmanager
async def watching(order: Order) -> AsyncIterator[Watching]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=ANSWER_BYTES_MAX,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        said = await process.stdout.readline()
        assert said == b"ready\n", said
        yield Watching(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _watch_all(order: Order) -> Seen:
    slots = asyncio.Semaphore(CONNECTING_AT_ONCE)
    everybody = asyncio.Barrier(order.watchers)
    at: dict[str, list[float]] = {}
    bodies: dict[str, str] = {}

    async def watch(number: int) -> None:
        first = number == 0
        async with slots:
            reader, writer = await asyncio.open_connection(order.host, order.port)
            writer.write(order.requests[number % len(order.requests)].encode())
            await reader.readuntil(EVENT_END)
        # Whoever is the last of all to be there says so.
        if await everybody.wait() == order.watchers - 1:
            print("ready", flush=True)
        seen, gift = 0, ""
        while seen < order.gifts:
            event = await reader.readuntil(EVENT_END)
            # The clock is one for all processes.
            now = time.perf_counter()
            if GIFT_EVENT in event and (found := GIFT.search(event)):
                seen, gift = seen + 1, found[1].decode()
                at.setdefault(gift, []).append(now)
            if first and gift:
                bodies[gift] = bodies.get(gift, "") + event.decode()
        writer.close()

    async with asyncio.timeout(SECONDS_MAX):
        await asyncio.gather(*(watch(number) for number in range(order.watchers)))
    return Seen(at, bodies)


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_watch_all(Order(**json.loads(sys.stdin.readline())))))))
