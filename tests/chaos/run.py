"""One run: gifts, faults and errands at once, then quiet, then the checks."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.harness.system import System
from tests.chaos.books import Books
from tests.chaos.checks import Check, check
from tests.chaos.load import Load
from tests.chaos.people import People
from tests.chaos.plan import Doing, Fault, Plan
from tests.chaos.quiet import until_quiet
from tests.chaos.stage import DisturbedSystem, running
from tests.chaos.strikes import Striker

Say = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What came of a plan."""

    plan: Plan
    checks: list[Check]
    answers: Counter[int]
    retries: int
    injected: int
    seconds: float
    figures: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self.figures = Counter()
        for each in self.checks:
            self.figures[each.kind] += each.figure

    @property
    def holds(self) -> bool:
        return not any(each.figure for each in self.checks)


async def run(plan: Plan, *, logs: Path, say: Say = print) -> Outcome:
    """Carry out a plan on a system of its own; if it fails, its logs are kept in a folder."""
    say("Starting PostgreSQL, RabbitMQ and all services ...")
    async with running() as system:
        try:
            outcome = await _play(system, plan, say)
        except BaseException:
            keep_logs(system, logs, say)
            raise
        if not outcome.holds:
            keep_logs(system, logs, say)
        return outcome


async def _play(system: DisturbedSystem, plan: Plan, say: Say) -> Outcome:
    people = People(system, plan)
    load, striker = Load(people, plan), Striker(system)
    try:
        say(f"{plan.buyers} viewers buy coins ...")
        await people.fund()
        say(f"{plan.gifts} gifts, {len(plan.faults)} faults, {len(plan.errands)} errands ...")
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            giving = group.create_task(load.run())
            for number, fault in enumerate(plan.faults, start=1):
                group.create_task(_strike(load, striker, fault, f"{number:3}", started, say))
            for number, doing in enumerate(plan.errands):
                group.create_task(_do(load, people, doing, f"errand-{plan.seed}-{number}"))
            await giving
            seconds = time.monotonic() - started
        say(f"All answered after {seconds:.0f} s; waiting until all is quiet ...")
        left = await until_quiet(Books(system.postgres), system.installation, people)
        say("Checking ...")
        checks = await check(system, load.answers, people, left=left, died=striker.died)
    finally:
        await people.leave()
    return Outcome(
        plan=plan,
        checks=checks,
        answers=Counter(load.answers.given.values()),
        retries=load.retries.total(),
        injected=striker.injected,
        seconds=seconds,
    )


async def _strike(
    load: Load, striker: Striker, fault: Fault, number: str, started: float, say: Say
) -> None:
    await load.reach(fault.at_answers)
    at, answered = time.monotonic() - started, load.answered
    done = await striker.strike(fault)
    say(f"{number} {at:6.1f} s {answered:6} answered  {fault.kind:17} {fault.target:15} {done}")


async def _do(load: Load, people: People, doing: Doing, key: str) -> None:
    await load.reach(doing.at_answers)
    await people.do(doing.errand, people.viewers[doing.viewer], key)


def keep_logs(system: System, folder: Path, say: Say) -> None:
    """Copy what every process wrote: the system's own folder ends with it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for log in system.folder.glob("*.log"):
        shutil.copy(log, folder)
    (folder / "rabbitmq.log").write_text(system.rabbit.last_words())
    say(f"The logs of all processes are in {folder}")
