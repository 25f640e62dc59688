"""What can go wrong between us and a provider, when, and how it is done to the provider's fake."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import pytest

from tests.chaos.plan import SECONDS_MAX, SECONDS_MIN, in_turn, moments

LACKS = pytest.skip.Exception
TIMES_MAX = 8
# Longer than some of our calls wait, and shorter than others do.
STALL_SECONDS_MIN, STALL_SECONDS_MAX = 2.0, 8.0


class VendorKind(StrEnum):
    """What can go wrong between us and a provider."""

    LOSE_ANSWERS = "lose-answers"
    STALL_ANSWERS = "stall-answers"
    FAIL_CALLS = "fail-calls"
    LATE_WEBHOOKS = "late-webhooks"  # and in another order
    REPEAT_WEBHOOKS = "repeat-webhooks"
    LOSE_WEBHOOKS = "lose-webhooks"
    FORGE_WEBHOOK = "forge-webhook"


ANSWERS = (VendorKind.LOSE_ANSWERS, VendorKind.STALL_ANSWERS, VendorKind.FAIL_CALLS)


@dataclass(frozen=True, slots=True)
class VendorFault:
    """Something that goes wrong at one provider once so much of the load is done."""

    at_answers: int
    kind: VendorKind
    target: str
    seconds: float
    dice: int


# A driver of a conformance suite: what goes wrong at its vendor, as verbs.
Vendor: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Call:
    """Something that we ask a provider for, and the errors it may answer with."""

    action: Any
    statuses: Sequence[int]


# Chooses which call meets a fault.
Choose = Callable[[Any, random.Random], Call]


def plan_vendor_faults(
    dice: random.Random, load: int, count: int, names: Sequence[str]
) -> Iterator[VendorFault]:
    """Yield faults, so that every kind meets every provider before any comes again."""
    pairs = in_turn(dice, [(kind, name) for kind in VendorKind for name in names])
    for at_answers in moments(dice, load, count):
        kind, name = next(pairs)
        seconds = round(dice.uniform(SECONDS_MIN, SECONDS_MAX), 2)
        yield VendorFault(at_answers, kind, name, seconds, dice.randrange(1_000_000))


class VendorStriker:
    """Lets providers go wrong, one thing at a time at each of them."""

    def __init__(self, vendors: Mapping[str, Vendor], choose: Choose) -> None:
        self._vendors, self._choose = vendors, choose
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Forged webhooks that we took.
        self.taken: list[str] = []

    async def strike(self, fault: VendorFault) -> str:
        """Let a fault happen; return what came of it, in a few words."""
        vendor, started = self._vendors[fault.target], time.monotonic()
        async with self._locks[fault.target]:
            try:
                done = await self._strike(vendor, fault)
            except LACKS as lacks:
                done = str(lacks)
        return f"{done}, {time.monotonic() - started:.1f} s"

    async def _strike(self, vendor: Vendor, fault: VendorFault) -> str:
        dice = random.Random(fault.dice)
        if fault.kind in ANSWERS:
            return self._strike_answers(vendor, fault.kind, dice)
        times = 2 * dice.randint(1, TIMES_MAX)
        match fault.kind:
            case VendorKind.LATE_WEBHOOKS:
                vendor.hold_webhooks(shuffled=True)
                await asyncio.sleep(fault.seconds)
                vendor.release_webhooks()
                return f"webhooks {fault.seconds} s late, in another order"
            case VendorKind.REPEAT_WEBHOOKS:
                vendor.repeat_webhooks(times)
                return f"{times} webhooks twice"
            case VendorKind.LOSE_WEBHOOKS:
                vendor.lose_webhooks(times)
                return f"{times} webhooks lost"
        return await self._forge(vendor)

    async def _forge(self, vendor: Vendor) -> str:
        try:
            status = await vendor.forge()
        except IndexError:
            return "no webhook yet"
        if 200 <= status < 300:
            self.taken.append(vendor.name)
        return f"a forged webhook answered {status}"

    def _strike_answers(self, vendor: Vendor, kind: VendorKind, dice: random.Random) -> str:
        call, times = self._choose(vendor, dice), dice.randint(1, TIMES_MAX)
        match kind:
            case VendorKind.LOSE_ANSWERS:
                vendor.lose_answer(call.action, times)
                return f"{times} answers to {call.action} lost"
            case VendorKind.STALL_ANSWERS:
                seconds = dice.uniform(STALL_SECONDS_MIN, STALL_SECONDS_MAX)
                vendor.stall(call.action, seconds, times)
                return f"{times} answers to {call.action} {seconds:.1f} s late"
        status = dice.choice(call.statuses)
        vendor.fail(call.action, status, times)
        return f"{times} calls of {call.action} answered {status}"
