"""
Three instances of every service and three broker nodes: rolled, and killed, while gifts are sent.

`make scale` runs it; it builds all images, so `make test` leaves it out.
"""

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from deploy.config.services import ROLLED
from deploy.ctl.roll import roll
from deploy.harness.containers import engine_answers
from tests.chaos.books import Books
from tests.chaos.checks import UNLOGGED, check
from tests.chaos.load import WAITING, Answers, Load
from tests.chaos.people import People
from tests.chaos.plan import POOR, Plan
from tests.chaos.quiet import until_quiet
from tests.deploy.cluster import NODES, Cluster
from tests.deploy.installation import STAYING, installed

OVERLAY = "deploy/compose.scale.yml"
VIEWERS = 40
# How many gifts are asked for at once: while everything is there twice, and while some is missing.
ROLLED_REQUESTS, KILLED_REQUESTS = 4, 16
# More than anybody gives: the load ends when the story does.
GIFTS_MAX = 1_000_000
# How long nothing happens before and after each strike, but gifts.
CALM_SECONDS = 8.0
BETWEEN_SERVICES_SECONDS = 2.0
LOOK_SECONDS = 0.02

pytestmark = [
    pytest.mark.compose,
    pytest.mark.skipif(not engine_answers(), reason="NO DOCKER ENGINE ANSWERS: nothing deployed"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Three of everything, up and healthy, from a fresh copy."""
    parent = tmp_path_factory.mktemp("ovation")
    with installed(
        parent, version="scale", overlays=[OVERLAY], staying=sorted({*STAYING, *NODES})
    ) as everything:
        yield Cluster(*everything)


async def test_nothing_is_lost_and_nothing_happens_twice(cluster):
    """Every service is rolled, then two nodes and an instance of each service are killed."""
    await asyncio.to_thread(cluster.wait_until_whole)
    people = People(cluster, _plan(1))
    try:
        await people.fund()
        rolled = await _roll(cluster, people)
        killed = await _kill(cluster, people)
        answers = Answers(rolled.wishes | killed.wishes, rolled.given | killed.given)
        left = await until_quiet(Books(cluster.postgres), cluster.installation, people)
        checks = await check(cluster, answers, people, left=left, died=())
    finally:
        await people.leave()

    wrong = {each.name: (each.figure, each.detail) for each in checks if each.figure}
    unlogged = {each.name for each in checks if each.kind == UNLOGGED} & wrong.keys()
    _say(f"{len(checks)} checks; the logs lack: { {name: wrong[name] for name in unlogged} }")
    assert {name: wrong[name] for name in wrong.keys() - unlogged} == {}


async def _roll(cluster, people):
    """Replace every instance of every service; nobody has to ask twice."""
    async with _giving(people, 2, "rolled", ROLLED_REQUESTS) as (load, _):
        await asyncio.to_thread(
            roll, cluster.compose, ROLLED, tell=lambda line: _say(f"{line} ({load.answered})")
        )

    assert load.retries.keys() <= {WAITING}, await asyncio.to_thread(cluster.unanswered)
    return load.answers


async def _kill(cluster, people):
    async with _giving(people, 3, "killed", KILLED_REQUESTS) as (load, pulse):
        await asyncio.sleep(CALM_SECONDS)
        first = await _kill_a_node(cluster, pulse, *NODES)
        for service in ROLLED:
            async with pulse.around(f"an instance of {service} killed"):
                container = await asyncio.to_thread(cluster.kill, service)
                await asyncio.sleep(BETWEEN_SERVICES_SECONDS)
            await asyncio.to_thread(cluster.start, container)
        await _kill_a_node(cluster, pulse, *(node for node in NODES if node != first))
        await asyncio.sleep(CALM_SECONDS)
    return load.answers


async def _kill_a_node(cluster, pulse, *nodes):
    """Kill the node of these that leads most queues, and let it come back; return its name."""
    leaders = await asyncio.to_thread(cluster.leaders)
    node = max(nodes, key=lambda each: leaders[each])
    async with pulse.around(f"{node} killed, which led {leaders[node]} of {leaders.total()}"):
        container = await asyncio.to_thread(cluster.kill, node)
        await asyncio.sleep(CALM_SECONDS)
    async with pulse.around(f"{node} came back"):
        await asyncio.to_thread(cluster.start, container)
        await asyncio.to_thread(cluster.wait_until_whole)
    return node


@asynccontextmanager
async def _giving(people, seed, chapter, open_requests):
    """Let everybody give until the chapter ends and all is answered; say what came of it."""
    load = Load(people, _plan(seed), open_requests=open_requests)
    started = time.monotonic()
    giving, pulse = asyncio.create_task(load.run()), _Pulse(load)
    watching = asyncio.create_task(pulse.watch())
    try:
        yield load, pulse
        load.end()
        await giving
    finally:
        watching.cancel()
        giving.cancel()
    seconds = time.monotonic() - started
    answers = Counter(load.answers.given.values())
    _say(
        f"{chapter}: {answers.total()} gifts in {seconds:.0f} s, {answers.total() / seconds:.0f}/s;"
        f" answers {dict(answers)}, asked again after {dict(load.retries)}"
    )


class _Pulse:
    """When gifts were answered, and how long none was."""

    def __init__(self, load):
        self._load = load
        self._moments = []

    async def watch(self):
        answered = -1
        while True:
            if self._load.answered != answered:
                answered = self._load.answered
                self._moments.append(time.monotonic())
            await asyncio.sleep(LOOK_SECONDS)

    @asynccontextmanager
    async def around(self, what):
        """Say how long nothing was answered while something happened."""
        began = time.monotonic()
        before = self._load.answered
        yield
        ended = time.monotonic()
        moments = [began, *(it for it in self._moments if began < it < ended), ended]
        silent = max(after - moment for moment, after in pairwise(moments))
        answered = self._load.answered - before
        _say(f"{what}: {answered} answers in {ended - began:.1f} s, none for {silent:.1f} s")


def _plan(seed):
    return Plan(seed=seed, gifts=GIFTS_MAX, viewers=VIEWERS + POOR, faults=(), errands=())


def _say(line):
    print(line, flush=True)
