"""A part of the system in which some services run twice; all else of it is away."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from deploy.config.environment import ROOT
from deploy.harness.system import PROGRAMS
from tests.chaos.stage import DisturbedSystem, running


class DoubledSystem(DisturbedSystem):
    """Few programs, each reaching the servers through links; `doubled` ones run twice."""

    def __init__(
        self,
        *,
        programs: Sequence[str],
        doubled: Sequence[str],
        additions: Mapping[str, Mapping[str, str]],
    ) -> None:
        super().__init__(programs=programs, additions=additions)
        self.doubled = doubled

    @property
    def names(self) -> list[str]:
        """Name what runs, the second instances too."""
        doubled = [f"{name}-2" for name in self.doubled if f"{name}-2" in self.urls]
        return [*super().names, *doubled]

    def _upstreams(self) -> dict[str, str]:
        """Let the gateway know also what is away: its configuration names everything."""
        own = {name: (self.urls[name], self.urls.get(f"{name}-2", "")) for name in PROGRAMS}
        return {name: " ".join(urls).replace("http://", "").strip() for name, urls in own.items()}


@asynccontextmanager
async def running_twice(system: DoubledSystem) -> AsyncIterator[None]:
    """Start a system, the second instances last, and end it."""
    async with running(system):
        await to_thread(system.join, ROOT, system.doubled)
        yield
