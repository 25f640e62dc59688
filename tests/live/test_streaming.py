"""Over real connections: who reads gets everything in order, who does not is let go, alone."""

import asyncio
import re
import time
from uuid import uuid4

from services.live.api import hub as hubs
from services.live.api import watchers
from services.live.api.backlog import Backlog
from services.live.store.feed import Entry
from shared.identity.rules import LEEWAY_SECONDS
from tests.clients import a_token
from tests.live.conftest import SOON_SECONDS

# Larger than what the sockets between us hold, in far fewer entries than one may be behind.
SHOWN = '{"padding": "%s"}' % ("x" * 100_000)


async def ids(reader, count):
    """The ids of what comes, however it is cut into chunks."""
    found: list[int] = []
    while len(found) < count:
        line = await asyncio.wait_for(reader.readuntil(b"\n"), SOON_SECONDS)
        if named := re.fullmatch(rb"id: (\d+)\n", line):
            found.append(int(named[1]))
    return found


def an_entry(number, shown="{}"):
    return Entry("room-1", number, "gift", uuid4(), shown)


async def test_who_keeps_up_is_written_to_at_once_and_nothing_overtakes(hub, follow, monkeypatch):
    handed_over = []
    monkeypatch.setattr(Backlog, "add_events", lambda *about, **_: handed_over.append(about))
    reader = await follow()
    await asyncio.sleep(0.05)

    for number in range(1, 51):
        hub.show([an_entry(number)])

    assert await ids(reader, 50) == list(range(1, 51))
    assert handed_over == []


async def test_what_is_still_on_its_way_through_the_layers_is_not_overtaken(hub, follow):
    reader = await follow()
    await asyncio.sleep(0.05)
    (watcher,) = hub._rooms["room-1"]  # noqa: SLF001 - nobody else knows who watches

    watcher.hand_over(b"id: 1\n\n")
    watcher.position = 1
    hub.show([an_entry(2)])

    assert await ids(reader, 2) == [1, 2]


async def test_who_reads_nothing_is_let_go_and_the_others_miss_nothing(hub, follow, monkeypatch):
    monkeypatch.setattr(watchers, "BEHIND_MAX", 20)
    monkeypatch.setattr(hubs, "CUT_OFF_SECONDS", 0.1)
    monkeypatch.setattr(hubs, "BEAT_EVERY_SECONDS", 0.05)
    stopping = asyncio.Event()
    running = asyncio.create_task(hub.run(stopping))
    quick, _slow = await follow(), await follow()
    quick._limit = 2**22  # noqa: SLF001 - a line here is longer than most

    seen = []
    for number in range(1, 201):
        hub.show([an_entry(number, SHOWN)])
        seen += await ids(quick, 1)

    assert seen == list(range(1, 201))
    async with asyncio.timeout(SOON_SECONDS):
        # Let go first, and cut off when it did not even take the end.
        while len(hub._rooms["room-1"]) > 1:  # noqa: SLF001 - nobody else knows who watches
            await asyncio.sleep(0.02)
    stopping.set()
    await running


async def test_a_stream_ends_when_its_token_is_accepted_no_longer(hub, follow):
    soon = int(time.time()) - LEEWAY_SECONDS + 2
    ending, lasting = await follow(a_token(exp=soon)), await follow()

    hub.show([an_entry(1)])
    assert await ids(ending, 1) == await ids(lasting, 1) == [1]
    # Its entry's own lines, why it ends, and then the end of all chunks.
    rest = await asyncio.wait_for(ending.readuntil(b"0\r\n\r\n"), SOON_SECONDS)
    assert b'event: token_expired\ndata: {"reason": "expired"}\n\n' in rest

    assert time.time() >= soon + LEEWAY_SECONDS
    hub.show([an_entry(2)])
    assert await ids(lasting, 1) == [2]


async def test_who_leaves_is_forgotten(hub, server):
    _, writer = await asyncio.open_connection("127.0.0.1", server)
    head = f"GET /v1/rooms/room-1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {a_token()}"
    writer.write(f"{head}\r\n\r\n".encode())
    async with asyncio.timeout(SOON_SECONDS):
        while not hub._rooms:  # noqa: SLF001 - nobody else knows who watches
            await asyncio.sleep(0.02)
        writer.close()
        while hub._rooms:  # noqa: SLF001
            await asyncio.sleep(0.02)
