"""How a primary is lost under load, and what is measured of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from deploy.harness.patroni import Node, PatroniCluster
from tests.chaos.load import Load

# Long after another server leads: its Patroni and its sessions still believe that it does.
SILENT_SECONDS = 45.0
POLL_SECONDS = 0.02
# So many gifts are answered before the primary is lost, and once another leads.
GIFTS_BETWEEN = 60


class Strike(StrEnum):
    """What happens to a primary."""

    KILLED = "killed"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Outage:
    """
    What was seen of one lost primary.

    `gap_seconds` is the longest time without an answered gift; `late_sessions` counts those that
    were led to the old primary after its return.
    """

    strike: Strike
    lost: str
    promoted: str
    promoted_after_seconds: float
    gap_seconds: float
    late_sessions: int


class GapMeter:
    """The longest time without an answered gift since it was made."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.seconds = 0.0

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        answered, since = self._load.answered, time.monotonic()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            now = time.monotonic()
            self.seconds = max(self.seconds, now - since)
            if self._load.answered != answered:
                answered, since = self._load.answered, now


@asynccontextmanager
async def measured(load: Load) -> AsyncIterator[GapMeter]:
    meter = GapMeter(load)
    task = asyncio.create_task(meter.run())
    try:
        yield meter
    finally:
        task.cancel()


async def lose_primary(cluster: PatroniCluster, load: Load, strike: Strike) -> Outage:
    """Lose the primary while gifts are given, and let it return as a standby."""
    await load.reach(load.answered + GIFTS_BETWEEN)
    lost = await asyncio.to_thread(cluster.leader)
    async with measured(load) as meter:
        started = time.monotonic()
        await asyncio.to_thread(lost.kill if strike is Strike.KILLED else lost.silence)
        promoted = await asyncio.to_thread(_another_leader, cluster, lost)
        promoted_after_seconds = time.monotonic() - started
        await load.reach(load.answered + GIFTS_BETWEEN)
        if strike is Strike.SILENT:
            await asyncio.sleep(max(0.0, started + SILENT_SECONDS - time.monotonic()))
        before = cluster.sessions()[lost.name]
        await asyncio.to_thread(lost.start if strike is Strike.KILLED else lost.wake)
        await asyncio.to_thread(cluster.wait_until_complete)
        await load.reach(load.answered + GIFTS_BETWEEN)
    return Outage(
        strike=strike,
        lost=lost.name,
        promoted=promoted.name,
        promoted_after_seconds=promoted_after_seconds,
        gap_seconds=meter.seconds,
        late_sessions=cluster.sessions()[lost.name] - before,
    )


def _another_leader(cluster: PatroniCluster, lost: Node) -> Node:
    def leads(node: Node) -> bool:
        leaders = [each.name for each in cluster.members() if each.role == "leader" and each.works]
        return node.name in leaders

    others = [node for node in cluster.nodes.values() if node is not lost]
    cluster.wait_until(lambda: any(map(leads, others)))
    return next(node for node in others if leads(node))
