"""
How long an event waits to be published, when one instance writes it and another owns its share.

Two instances of every service take requests and messages by turns, and divide the shares of every
outbox. An event's commit is the line that its writer logs right after it; it is published when it
arrives in another team's queue. Traces are sampled, so that each event has a line.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import httpx

from shared.messaging.outbox import SHARES, share_of
from tests.performance.installation import Installation
from tests.performance.latency import listening, percentile
from tests.performance.results import Result
from tests.performance.through_http import funded

SECONDS, GIFTS_PER_SECOND = 20.0, 20.0
CONNECTIONS = 16
RELOAD_SECONDS = 2.0
WAIT_SECONDS_MAX = 30.0
# Services that publish something about each gift.
SERVICES = ("wallet", "gift", "payout")
TRACEPARENT = f"traceparent: 00-{1:032x}-{1:016x}-01\r\n"
LEADER = re.compile(r'ovation_relay_leader\{share="(\d+)"\} 1\.0')


@dataclass(frozen=True, slots=True)
class Written:
    """An event that an instance has committed, at a time of the clock."""

    instance: str
    at: float


async def published_by_another(installation: Installation) -> list[Result]:
    """Give at a calm rate; say how long events waited, by whether their writer published them."""
    crowd = await funded(installation)
    arrived: dict[str, tuple[float, int]] = {}

    def note(event: Mapping[str, str]) -> None:
        arrived.setdefault(event["id"], (time.time(), share_of(event["partitionkey"])))

    with installation.doubled():
        # The gateway reads its new configuration, and closes connections that are older.
        await asyncio.sleep(RELOAD_SECONDS)
        async with listening(installation, dict.fromkeys(SERVICES, "#"), note):
            await crowd.give_steadily(
                rate=GIFTS_PER_SECOND,
                seconds=SECONDS,
                connections=CONNECTIONS,
                headers=TRACEPARENT,
            )
            written = await _until_all_arrived(installation, arrived)
        owners = {service: _owners(installation, service) for service in SERVICES}
    waits: dict[bool, list[float]] = {True: [], False: []}
    counted: Counter[tuple[str, bool]] = Counter()
    for event, by in written.items():
        at, share = arrived[event]
        service = by.instance.removesuffix("-2")
        is_other = owners[service][share] != by.instance
        # The line is written after the commit that wakes the relay.
        waits[is_other].append(max(0.0, at - by.at) * 1000)
        counted[service, is_other] += 1
    for (service, is_other), number in sorted(counted.items()):
        print(f"  {service}, {'another' if is_other else 'the same'}: {number} events", flush=True)
    longest = Result(
        "committed until another instance published it, longest", max(waits[True]), "ms"
    )
    return [
        longest,
        *(
            Result(f"committed until {who} instance published it, p{p}", percentile(each, p), "ms")
            for who, each in (("another", waits[True]), ("the same", waits[False]))
            for p in (50, 99)
        ),
    ]


async def _until_all_arrived(
    installation: Installation, arrived: Mapping[str, object]
) -> dict[str, Written]:
    """Return what was written, once all of it has arrived and nothing follows."""
    deadline = time.perf_counter() + WAIT_SECONDS_MAX
    before: dict[str, Written] = {}
    while True:
        await asyncio.sleep(1)
        written = await asyncio.to_thread(lambda: dict(_written(installation)))
        if len(written) == len(before) and written.keys() <= arrived.keys():
            return written
        assert time.perf_counter() < deadline, "some events were never received"
        before = written


def _written(installation: Installation) -> Iterator[tuple[str, Written]]:
    for service in SERVICES:
        for instance in (service, f"{service}-2"):
            with installation.log_of(instance).open() as log:
                for line in log:
                    if '"message.published"' in line:
                        said = json.loads(line)
                        at = datetime.fromisoformat(said["timestamp"]).timestamp()
                        yield said["message_id"], Written(instance, at)


def _owners(installation: Installation, service: str) -> dict[int, str]:
    """Return which instance publishes each share of a service's outbox."""
    owners: dict[int, str] = {}
    for instance in (service, f"{service}-2"):
        metrics = httpx.get(f"{installation.urls[instance]}/metrics", trust_env=False).text
        owners |= {int(share): instance for share in LEADER.findall(metrics)}
    assert len(owners) == SHARES, f"shares of {service} are free: {sorted(owners)}"
    return owners
