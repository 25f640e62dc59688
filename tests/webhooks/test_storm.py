"""
Many events, an endpoint that fails half the time, workers that are killed: all arrive, in order.

OVATION_STORM=10000 sends 10,000 events instead of 2,000.
"""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from uuid import uuid4

import pytest

from shared.keyring import Keyring, new_key
from shared.postgres.statements import text
from tests.live.conftest import a_gift_sent
from tests.webhooks.conftest import eventually, gifts, reversals

MINUTES = 60
DELIVERIES = int(os.environ.get("OVATION_STORM", "2000"))
SUBJECTS = DELIVERIES // 4
KILLS = 2


def of_one_gift(revisions):
    gift = a_gift_sent(gift=uuid4())
    return reversals(gift, revisions)


async def hear_all(hear, stories):
    """Hear the first event of each story, then the second: as they would be published."""
    for place, events in enumerate(zip(*stories, strict=True), start=1):
        for at in range(0, len(events), 500):
            await hear(*events[at : at + 500], sequence=place)


def in_order(taken):
    """Whether the first time each fact was taken is in the order of its subject."""
    for documents in taken.values():
        revisions = list(dict.fromkeys(each["data"]["revision"] for each in documents))
        if revisions != sorted(revisions):
            return False
    return True


async def test_all_arrive_once_and_in_order_at_an_endpoint_that_fails_half_the_time(
    add, hear, working, receiver, ended, states, database
):
    await add(receiver.url, "gift.reversed")
    answers = random.Random(7)
    receiver.answer = lambda _: answers.choice([200, 204, 200, 500, 503, 404])
    stories = [of_one_gift(4) for _ in range(SUBJECTS)]
    await hear_all(hear, stories)
    assert await states() == {"pending": DELIVERIES}

    async with working(per_endpoint=16), working(per_endpoint=16):
        assert await ended(seconds=10 * MINUTES) == {"delivered": DELIVERIES}

    wanted = {str(event.id) for story in stories for event in story}
    assert receiver.times_taken() == dict.fromkeys(wanted, 1)
    assert in_order(receiver.taken_by_subject())
    async with database.transaction() as tx:
        recorded = await tx.execute(
            text("SELECT event FROM attempts WHERE status BETWEEN 200 AND 299")
        )
        (numbers,) = await tx.execute(
            text("SELECT count(*) AS n, sum(attempts) AS made FROM deliveries")
        )
        (kept,) = await tx.execute(text("SELECT count(*) AS n FROM attempts"))
    assert Counter(str(row.event) for row in recorded) == dict.fromkeys(wanted, 1)
    assert kept.n == numbers.made == len(receiver.received)


class TestKilled:
    """Kill -9 in the middle of everything."""

    @pytest.fixture
    def key(self):
        return new_key()

    @pytest.fixture
    def keys(self, key):
        return Keyring(key)

    @pytest.fixture
    async def start(self, database, postgres, credentials, key):
        started = []

        async def start_worker():
            password = credentials.database["webhooks"]
            dsn = postgres.dsn(database.name, user="webhooks", password=password)
            environment = {**os.environ, "DATABASE": dsn, "KEY": key}
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.webhooks.worker"),
                env=environment,
                stdout=asyncio.subprocess.DEVNULL,
            )
            started.append(process)
            return process

        yield start_worker
        for process in started:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def test_nothing_is_lost_and_what_comes_twice_has_the_same_id(
        self, add, hear, start, receiver, ended
    ):
        made = await add(receiver.url, "gift.reversed")
        stories = [of_one_gift(3) for _ in range(80)]
        await hear_all(hear, stories)

        async def slowly(_):
            await asyncio.sleep(0.01)
            return 200

        receiver.answer = slowly
        for number in range(1, KILLS + 1):
            process = await start()

            async def some_more(least=20 * number):
                return len(receiver.received) >= least

            await eventually(some_more)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        await start()

        assert await ended(seconds=5 * MINUTES) == {"delivered": 240}
        taken = receiver.times_taken()
        assert taken.keys() == {str(event.id) for story in stories for event in story}
        # What was in flight when a process died, and nothing else.
        assert sum(taken.values()) - len(taken) <= KILLS * 8
        assert in_order(receiver.taken_by_subject())
        assert all(each.verify(made["secret"]) for each in receiver.taken)


async def test_a_delivery_that_two_workers_see_is_made_by_one(add, hear, working, receiver, ended):
    await add(receiver.url)
    async with working(), working(), working():
        for _ in range(10):
            await hear(*gifts(20))
        assert await ended() == {"delivered": 200}

    assert set(receiver.times_taken().values()) == {1}
