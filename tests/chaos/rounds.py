"""A run with faults of providers: load and faults at once, then quiet."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from tests.chaos.plan import Fault
from tests.chaos.strikes import Striker
from tests.chaos.vendor_faults import VendorFault, VendorStriker

# A list of events leaves out the newest two minutes; a message that failed may wait five.
QUIET_SECONDS_MAX = 900
STEADY_SECONDS = 6.0
TURN_SECONDS = 3.0
# So many turns are left to those who are at work, before what waits for its time gets it.
TURNS_BETWEEN = 5

Say = Callable[[str], None]


class Load(Protocol):
    """What people do, and how much of it is done."""

    done: int

    async def run(self) -> None: ...


class MovingBooks(Protocol):
    """What is on its way, and how time passes for it."""

    async def on_its_way(self) -> Mapping[str, int]: ...
    async def let_time_pass(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Strikers:
    """Who strikes the system, and who its providers."""

    system: Striker
    vendors: VendorStriker

    def of(self, fault: Fault | VendorFault) -> Awaitable[str]:
        if isinstance(fault, VendorFault):
            return self.vendors.strike(fault)
        return self.system.strike(fault)


async def play(
    load: Load, faults: Sequence[Fault | VendorFault], strikers: Strikers, say: Say
) -> float:
    """Let everything happen at once; return after how many seconds the load was done."""
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        loading = group.create_task(load.run())
        for fault in faults:
            group.create_task(_strike(load, fault, strikers, started, say))
        await loading
        return time.monotonic() - started


async def reach(load: Load, done: int) -> None:
    """Return once so much of a load is done."""
    while load.done < done:
        await asyncio.sleep(0.05)


async def until_quiet(books: MovingBooks, say: Say) -> dict[str, int]:
    """Return what has not come to an end: nothing, or all there is after a long wait."""
    deadline = time.monotonic() + QUIET_SECONDS_MAX
    quiet_since: float | None = None
    for turn in count(1):
        moving, now = dict(await books.on_its_way()), time.monotonic()
        if moving:
            quiet_since = None
            if turn % TURNS_BETWEEN == 0:
                say(f"Still on its way: {moving}")
                await books.let_time_pass()
        elif quiet_since is None:
            quiet_since = now
        elif now - quiet_since > STEADY_SECONDS:
            return {}
        if now > deadline:
            return moving
        await asyncio.sleep(TURN_SECONDS)
    raise AssertionError


async def _strike(load: Load, fault: Any, strikers: Strikers, started: float, say: Say) -> None:
    await reach(load, fault.at_answers)
    at, done = time.monotonic() - started, load.done
    said = await strikers.of(fault)
    say(f"{at:6.1f} s {done:5} done  {fault.kind:17} {fault.target:17} {said}")
