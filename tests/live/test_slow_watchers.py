"""A watcher that reads too slowly gets the latest of each combo, and everything else in order."""

import asyncio
import json
import random
from itertools import count
from uuid import uuid4

import pytest

from services.live.api import watchers
from services.live.api.backlog import Backlog
from services.live.api.feed_formats import FeedFormat, Shape
from services.live.store.feed import Entry
from tests.live.conftest import SOON_SECONDS

# So large that the sockets between us hold few entries.
PADDING = "x" * 50_000
STORM = 300
# With what its own system has received for it already.
HELD_BYTES_MAX = 2_000_000


def an_entry(number, kind="gift", **shown):
    return Entry("room-1", number, kind, uuid4(), json.dumps({"padding": PADDING, **shown}))


def a_step(number, combo, repeat_count, **about):
    return an_entry(number, combo=combo, repeat_count=repeat_count, **about)


@pytest.fixture
async def full(hub, follow):
    """A watcher that reads nothing, once its connection is full; its reader, and a free number."""
    reader = await follow()
    await asyncio.sleep(0.05)
    (watcher,) = hub._rooms["room-1"]  # noqa: SLF001 - nobody else knows who watches
    numbers = count(1)
    quiet = 0
    while quiet < 5:
        if watcher._connection.is_full:  # noqa: SLF001
            # The system may take a little more yet.
            quiet += 1
            await asyncio.sleep(0.05)
            continue
        quiet = 0
        hub.show([an_entry(next(numbers), kind="goal")])
        await asyncio.sleep(0.001)
    return watcher, reader, numbers


async def read_until(reader, last):
    """Read slowly until an id came; return the ids and the events in order."""
    reader._limit = 2**22  # noqa: SLF001 - a line here is longer than most
    events = []
    while not events or events[-1][0] != last:
        async with asyncio.timeout(SOON_SECONDS):
            event = await reader.readuntil(b"\n\n")
        kind, number, shown = (
            event[event.index(name) + len(name) :].split(b"\n", 1)[0].decode()
            for name in (b"event: ", b"id: ", b"data: ")
        )
        shown = json.loads(shown)
        events.append((int(number), kind, shown.get("combo"), shown.get("repeat_count")))
    assert [event[0] for event in events] == sorted({event[0] for event in events})
    return events


async def test_a_storm_of_combos_is_sent_as_the_latest_state_of_each(hub, full, monkeypatch):
    """More steps than may wait for a watcher, which therefore is not let go."""
    monkeypatch.setattr(watchers, "BEHIND_MAX", 20)
    watcher, reader, numbers = full
    for repeat_count in range(1, STORM + 1):
        hub.show([a_step(next(numbers), combo, repeat_count) for combo in ("a", "b", "c")])
        await asyncio.sleep(0)

    hub.show([an_entry(last := next(numbers), kind="combo", combo="a")])
    events = await read_until(reader, last)

    assert [event[1:] for event in events if event[2]] == [
        ("gift", "a", STORM),
        ("gift", "b", STORM),
        ("gift", "c", STORM),
        ("combo", "a", None),
    ]
    assert not watcher.gone


async def test_the_system_holds_little_for_a_reader_that_takes_nothing(full):
    """What it holds is out of date when it is read; without a limit, it holds megabytes."""
    _, _, numbers = full

    assert next(numbers) * len(PADDING) < HELD_BYTES_MAX


async def test_nothing_but_a_step_is_left_out(hub, full):
    """Single gifts, gifts with a message, first gifts, and every other kind."""
    _, reader, numbers = full
    kept = []
    for repeat_count in range(1, 20):
        step = next(numbers)
        rest = [
            an_entry(next(numbers)),
            a_step(next(numbers), "a", repeat_count, message="hello"),
            a_step(next(numbers), "a", repeat_count, first=True),
            an_entry(next(numbers), kind="reversal"),
        ]
        kept += [entry.sequence for entry in rest]
        hub.show([a_step(step, "a", repeat_count), *rest])

    events = await read_until(reader, kept[-1])

    assert [number for number, *_ in events if number >= kept[0] - 1] == sorted([step, *kept])


async def test_after_the_storm_every_step_is_sent_again(hub, full):
    _, reader, numbers = full
    for repeat_count in range(1, 10):
        hub.show([a_step(last := next(numbers), "a", repeat_count)])
    events = await read_until(reader, last)
    assert events[-1] == (last, "gift", "a", 9)

    steps = [a_step(next(numbers), "a", repeat_count) for repeat_count in range(10, 15)]
    for step in steps:
        hub.show([step])
        assert [event[0] for event in await read_until(reader, step.sequence)] == [step.sequence]


@pytest.mark.parametrize("shape", Shape)
def test_of_steps_in_any_order_the_greatest_waits(shape):
    """Whatever came between; what waits keeps its order, and only steps are left out."""
    chance = random.Random(7)
    for _ in range(50):
        counts = {combo: chance.sample(range(1, 9), 5) for combo in ("a", "b")}
        entries = [
            Entry("room-1", number, "gift", uuid4(), _shown(combo, counts))
            for number, combo in enumerate(chance.choices(["a", "b", None], k=10), 1)
            if combo is None or counts[combo]
        ]
        events = FeedFormat(shape=shape).write(entries)
        backlog = Backlog()
        for event in events:
            backlog.add_events([event], is_full=True)

        greatest = {}
        for event in events:
            if event.step and event.step.repeat_count >= greatest.get(event.step.combo, (0,))[0]:
                greatest[event.step.combo] = event.step.repeat_count, event
        waiting = [
            event
            for event in events
            if event.step is None or greatest[event.step.combo][1] is event
        ]
        assert len(backlog) == len(waiting)
        assert backlog.take_all() == b"".join(event.written for event in waiting)
        assert not backlog


def _shown(combo, counts):
    return json.dumps(
        {
            "combo": combo,
            "repeat_count": counts[combo].pop() if combo else None,
            "gift": str(uuid4()),
            "gift_type": "g",
            "name": "G",
            "count": 1,
            "coins": 10,
            "viewer": "v",
            "creator": "c",
            "room": "room-1",
            "sent_at": "2026-01-01T00:00:00Z",
        }
    )
