"""One run: payouts and faults at once, then quiet, then the checks."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.books import Books
from tests.chaos.checks import Check
from tests.chaos.payouts.books import PayoutBooks
from tests.chaos.payouts.checks import check
from tests.chaos.payouts.load import Load
from tests.chaos.payouts.plan import Plan
from tests.chaos.payouts.stage import PayoutSystem, paying_out
from tests.chaos.payouts.strikes import choose_call
from tests.chaos.payouts.vendors import Vendors
from tests.chaos.rounds import Say, Strikers, play, until_quiet
from tests.chaos.run import keep_logs
from tests.chaos.strikes import Striker
from tests.chaos.vendor_faults import VendorStriker


@dataclass(slots=True)
class Outcome:
    """What came of a plan."""

    plan: Plan
    checks: list[Check]
    stories: Counter[str]
    seconds: float

    @property
    def holds(self) -> bool:
        return not any(each.figure for each in self.checks)


async def run(plan: Plan, *, logs: Path, say: Say = print) -> Outcome:
    """Carry out a plan on a system of its own; if it fails, its logs are kept in a folder."""
    say("Starting the providers, PostgreSQL, RabbitMQ, and payout twice ...")
    async with Vendors() as vendors, paying_out(vendors) as system:
        try:
            outcome = await _play(system, vendors, plan, say)
        except BaseException:
            keep_logs(system, logs, say)
            raise
        finally:
            # They are in the checks.
            for driver in vendors.by_name.values():
                driver.fake.take_violations()
        if not outcome.holds:
            keep_logs(system, logs, say)
        return outcome


async def _play(system: PayoutSystem, vendors: Vendors, plan: Plan, say: Say) -> Outcome:
    books = PayoutBooks(Books(system.postgres), system.installation, vendors)
    load = Load(system, vendors, books, plan)
    strikers = Strikers(Striker(system), VendorStriker(vendors.by_name, choose_call))
    say(f"{len(plan.creators)} creators get their diamonds ...")
    await load.prepare()
    say(f"{plan.payouts} payouts, {len(plan.all_faults)} faults ...")
    seconds = await play(load, plan.all_faults, strikers, say)
    say(f"All ended after {seconds:.0f} s; waiting until all is quiet ...")
    left = await until_quiet(books, say)
    say("Checking ...")
    died, forged = strikers.system.died, strikers.vendors.taken
    checks = await check(system, books, load, plan, left=left, died=died, forged=forged)
    return Outcome(plan, checks, load.stories, seconds)
