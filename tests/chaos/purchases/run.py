"""One run: purchases and faults at once, then quiet, then the checks."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.books import Books
from tests.chaos.checks import Check
from tests.chaos.purchases.books import PaymentBooks
from tests.chaos.purchases.checks import check
from tests.chaos.purchases.load import Load
from tests.chaos.purchases.plan import Plan
from tests.chaos.purchases.stage import PaymentSystem, paying
from tests.chaos.purchases.strikes import choose_call
from tests.chaos.purchases.vendors import Vendors
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
    paid: int
    seconds: float

    @property
    def holds(self) -> bool:
        return not any(each.figure for each in self.checks)


async def run(plan: Plan, *, logs: Path, say: Say = print) -> Outcome:
    """Carry out a plan on a system of its own; if it fails, its logs are kept in a folder."""
    say("Starting the providers, PostgreSQL, RabbitMQ, and purchase and wallet twice ...")
    async with Vendors() as vendors, paying(vendors) as system:
        try:
            outcome = await _play(system, vendors, plan, say)
        except BaseException:
            keep_logs(system, logs, say)
            raise
        finally:
            # They are in the checks.
            for fake in vendors.fakes.values():
                fake.take_violations()
        if not outcome.holds:
            keep_logs(system, logs, say)
        return outcome


async def _play(system: PaymentSystem, vendors: Vendors, plan: Plan, say: Say) -> Outcome:
    load = Load(system, vendors, plan)
    strikers = Strikers(Striker(system), VendorStriker(vendors.by_name, choose_call))
    books = PaymentBooks(Books(system.postgres), system.installation, vendors)
    say(f"{plan.purchases} purchases of {len(plan.viewers)} viewers, {len(plan.all_faults)} faults")
    await load.prepare()
    seconds = await play(load, plan.all_faults, strikers, say)
    say(f"All answered after {seconds:.0f} s; waiting until all is quiet ...")
    await books.end_time_to_pay()
    left = await until_quiet(books, say)
    say("Checking ...")
    died, forged = strikers.system.died, strikers.vendors.taken
    checks = await check(system, books, load, left=left, died=died, forged=forged)
    return Outcome(plan, checks, load.stories, len(load.paid), seconds)
