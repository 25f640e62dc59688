"""RabbitMQ: what is declared, alarms that stop publishers, its version and its disk."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from deploy.ctl import topology
from deploy.ctl.doctor.findings import Examined, Problem, State

VERSION_MIN, MAJOR_TRIED_MAX = (3, 10), 4
# Below so many times the limit, publishers are stopped soon.
DISK_MARGIN = 2


async def look_at_topology(examined: Examined) -> AsyncIterator[Problem]:
    """Compare exchanges, queues, bindings, policies and rights with those that are needed."""
    for row in await asyncio.to_thread(topology.differences, examined.servers):
        yield Problem(str(row["name"]), f"{row['kind']}: {row['state']}")


async def look_at_alarms(examined: Examined) -> AsyncIterator[Problem]:
    """Look whether a node stops publishers, for want of memory or disk."""
    for node in await _nodes(examined):
        if not node.get("running", True):
            yield Problem(
                node["name"], "the node does not run", "Start it: runbooks/broker-lost.md"
            )
            continue
        if node.get("mem_alarm") is None or node.get("disk_free_alarm") is None:
            missing = "it has no figures yet: it has just started"
            yield Problem(node["name"], missing, "Ask again in some seconds", State.UNKNOWN)
            continue
        if node["mem_alarm"]:
            used, limit = _megabytes(node["mem_used"]), _megabytes(node["mem_limit"])
            yield Problem(node["name"], f"memory alarm: {used} MB used, the limit is {limit} MB")
        if node["disk_free_alarm"]:
            free, limit = _megabytes(node["disk_free"]), _megabytes(node["disk_free_limit"])
            yield Problem(node["name"], f"disk alarm: {free} MB free, the limit is {limit} MB")


async def look_at_version(examined: Examined) -> AsyncIterator[Problem]:
    """Look whether the broker has a version that we know."""
    overview = await _ask(examined, "/api/overview")
    version = str(overview["rabbitmq_version"])
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) < VERSION_MIN:
        needed = ".".join(map(str, VERSION_MIN))
        yield Problem("RabbitMQ", f"version {version} is too old: {needed} is needed")
    elif major > MAJOR_TRIED_MAX:
        problem = f"version {version} was not tried; the newest that was is {MAJOR_TRIED_MAX}"
        yield Problem("RabbitMQ", problem, state=State.UNKNOWN)


async def look_at_disk(examined: Examined) -> AsyncIterator[Problem]:
    """Look how much of the broker's disk is left before publishers are stopped."""
    for node in await _nodes(examined):
        free, limit = node.get("disk_free"), node.get("disk_free_limit")
        if isinstance(free, int) and isinstance(limit, int) and limit < free < DISK_MARGIN * limit:
            yield Problem(
                node["name"],
                f"{_megabytes(free)} MB of its disk are free; below {_megabytes(limit)} MB"
                " publishers are stopped",
            )


async def _nodes(examined: Examined) -> list[Any]:
    nodes: list[Any] = await _ask(examined, "/api/nodes")
    return nodes


async def _ask(examined: Examined, path: str) -> Any:
    return await asyncio.to_thread(examined.servers.manage, "GET", path)


def _megabytes(count_bytes: int) -> int:
    return count_bytes // 1_000_000
