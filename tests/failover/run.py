"""One run: gifts while primaries are lost, then quiet, then the checks of every chaos run."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.books import Books
from tests.chaos.checks import Check, check
from tests.chaos.load import Load
from tests.chaos.people import People
from tests.chaos.plan import Plan
from tests.chaos.quiet import until_quiet
from tests.chaos.rounds import Say
from tests.chaos.run import keep_logs
from tests.failover.stage import FailoverSystem, running
from tests.failover.strikes import Outage, Strike, lose_primary

OPEN_REQUESTS = 16
# Patroni's ttl is 20 s; the rest is for HAProxy and the services to notice.
GAP_SECONDS_MAX = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    outages: Sequence[Outage]
    checks: Sequence[Check]
    answers: Counter[int]
    retries: Counter[int | None]

    @property
    def holds(self) -> bool:
        return not any(each.figure for each in self.checks)


async def run(plan: Plan, strikes: Sequence[Strike], *, logs: Path, say: Say = print) -> Outcome:
    """Lose a primary once for each strike; if something does not hold, logs are kept."""
    say("Starting three PostgreSQL, Patroni, etcd, HAProxy, RabbitMQ and all services ...")
    async with running() as system:
        try:
            outcome = await _play(system, plan, strikes, say)
        except BaseException:
            _keep_logs(system, logs, say)
            raise
        if not outcome.holds:
            _keep_logs(system, logs, say)
        return outcome


async def _play(system: FailoverSystem, plan: Plan, strikes: Sequence[Strike], say: Say) -> Outcome:
    people = People(system, plan)
    load = Load(people, plan, open_requests=OPEN_REQUESTS)
    outages = []
    try:
        say(f"{plan.buyers} viewers buy coins ...")
        await people.fund()
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            for strike in strikes:
                say(f"The primary is {strike} ...")
                outages.append(await lose_primary(system.cluster, load, strike))
                say(_told(outages[-1], load))
            load.end()
        say("All answered; waiting until all is quiet ...")
        left = await until_quiet(Books(system.postgres), system.installation, people)
        say("Checking ...")
        checks = await check(system, load.answers, people, left=left, died=[])
    finally:
        await people.leave()
    return Outcome(
        outages=outages,
        checks=[*checks, *(each for outage in outages for each in _checks(outage))],
        answers=Counter(load.answers.given.values()),
        retries=load.retries,
    )


def _checks(outage: Outage) -> list[Check]:
    """Return what has to be zero of one lost primary."""
    late = max(0, round(outage.gap_seconds - GAP_SECONDS_MAX))
    return [
        Check("late", f"{outage.strike}: sessions to {outage.lost} later", outage.late_sessions),
        Check("gap", f"{outage.strike}: seconds above {GAP_SECONDS_MAX}", late),
    ]


def _told(outage: Outage, load: Load) -> str:
    return (
        f"{outage.lost} was {outage.strike}: {outage.promoted} led after"
        f" {outage.promoted_after_seconds:.1f} s, the longest time without an answered gift was"
        f" {outage.gap_seconds:.1f} s ({load.answered} gifts answered so far)"
    )


def _keep_logs(system: FailoverSystem, folder: Path, say: Say) -> None:
    keep_logs(system, folder, say)
    system.cluster.copy_logs(folder)
