"""Verifying an installation: ledgers, seals, and services compared. A difference is exit 1."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib import import_module

import asyncpg
import httpx
from prometheus_client import Counter, Gauge
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.config.services import LEDGERS, SEALED
from deploy.ctl.installation import Installation
from deploy.ctl.output import tell
from deploy.ctl.reconcile import Compared, reconcile
from deploy.ctl.report import Report
from shared.ledger.archive_verification import broken_archives, count_archives
from shared.ledger.sealing import broken_seals, count_blocks
from shared.ledger.verification import Invariant, Violation, count_users, verify_ledger
from shared.ledger.verification import Progress as Verified

INVARIANTS: Mapping[str, Sequence[Invariant]] = {
    name: import_module(f"services.{name}.store.invariants").INVARIANTS for name in LEDGERS
}
GRACE = timedelta(minutes=1)
SERVICES_AGREE = Gauge("ovation_services_agree", "0: something is lost, or has another amount.")
# Neither 0 nor 1 before the first comparison: an alert needs a result.
SERVICES_AGREE.set(float("nan"))
RECONCILED_AT = Gauge("ovation_reconciled_timestamp_seconds", "When services were last compared.")
RECONCILE_FAILURES = Counter("ovation_reconcile_failures", "Comparisons that could not be made.")


def _bar(report: Report) -> Progress:
    columns = (
        *(TextColumn("{task.description}"), BarColumn()),
        *(MofNCompleteColumn(), TimeRemainingColumn()),
    )
    # On standard error: what was found can be piped.
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=report.as_json)


async def verify(installation: Installation, service: str, report: Report | None = None) -> bool:
    """
    Derive every balance, lot and outcome again from the postings; return whether all agree.

    Those in archives are brought forward as balances: the archives say whether these are right.
    """
    report = report or Report()
    violations, users, postings, started = 0, 0, 0, datetime.now(UTC)
    async with installation.opened(service) as database:
        with _bar(report) as bar:
            total = sum(await database.read_each(count_users))
            task = bar.add_task(f"{service}: users", total=total)
            for part in database.parts:
                verified = Verified(0, 0)
                async with part.snapshot() as tx:
                    async for found in verify_ledger(tx, INVARIANTS[service]):
                        if isinstance(found, Violation):
                            violations += 1
                            _add(report, found)
                        else:
                            verified = found
                            bar.update(task, completed=users + verified.users)
                users, postings = users + verified.users, postings + verified.postings
    seconds = (datetime.now(UTC) - started).total_seconds()
    held = f"{len(INVARIANTS[service])} invariants, {violations} violations"
    report.fact(
        f"{service}: {postings} postings, {held}, {seconds:.1f} s",
        service=service,
        postings=postings,
        invariants=len(INVARIANTS[service]),
        violations=violations,
    )
    return await _verify_what_left(installation, service, report) and not violations


async def verify_seals(
    installation: Installation, service: str, report: Report | None = None
) -> bool:
    """Recompute the hash chain over a ledger's history; return whether it is unbroken."""
    report = report or Report()
    violations, blocks = 0, 0
    async with installation.opened(service) as database:
        with _bar(report) as bar:
            total = sum(await database.read_each(count_blocks))
            task = bar.add_task(f"{service}: blocks", total=total)
            for part in database.parts:
                async with part.snapshot() as tx:
                    async for found in broken_seals(tx):
                        if isinstance(found, Violation):
                            violations += 1
                            _add(report, found)
                        else:
                            blocks += 1
                            bar.update(task, completed=blocks)
    report.fact(
        f"{service}: {blocks} blocks, {violations} violations",
        service=service,
        blocks=blocks,
        violations=violations,
    )
    return await _verify_what_left(installation, service, report) and not violations


async def _verify_what_left(installation: Installation, service: str, report: Report) -> bool:
    """Verify archives, of a ledger that has some; return whether there is nothing wrong."""
    if service not in SEALED:
        return True
    async with installation.opened(service) as database:
        has_archives = any(await database.read_each(count_archives))
    return not has_archives or await verify_archives(installation, service, report)


async def verify_archives(
    installation: Installation, service: str, report: Report | None = None
) -> bool:
    """Read every archive and compare it with its seals; return whether all of it is right."""
    report = report or Report()
    violations, archives = 0, 0
    async with installation.opened(service) as database:
        with _bar(report) as bar:
            total = sum(await database.read_each(count_archives))
            task = bar.add_task(f"{service}: archives", total=total)
            for part in database.parts:
                async with part.snapshot() as tx:
                    async for found in broken_archives(tx):
                        if isinstance(found, Violation):
                            violations += 1
                            _add(report, found)
                        else:
                            archives += 1
                            bar.update(task, completed=archives)
    report.fact(
        f"{service}: {archives} archives, {violations} violations",
        service=service,
        archives=archives,
        archive_violations=violations,
    )
    return not violations


async def compare(
    installation: Installation,
    *,
    hours: int,
    grace: timedelta = GRACE,
    report: Report | None = None,
) -> bool:
    """Compare the services hour by hour; return whether nothing is lost and all amounts agree."""
    report = report or Report()
    until = datetime.now(UTC) - grace
    since = datetime.fromtimestamp(0, UTC) if hours == 0 else until - timedelta(hours=hours)
    alarms, in_flight, compared = 0, 0, 0
    async for found in reconcile(installation, since=since, until=until):
        if isinstance(found, Compared):
            compared += found.count
            continue
        alarms += found.is_alarm
        in_flight += not found.is_alarm
        report.item(
            f"{found.flow} {found.id}: {found.where}"
            f" (published {found.published}, applied {found.applied})",
            style="red" if found.is_alarm else "yellow",
            **asdict(found),
        )
    report.fact(
        f"{compared} amounts compared, {in_flight} in flight, {alarms} lost or wrong",
        compared=compared,
        in_flight=in_flight,
        wrong=alarms,
    )
    return not alarms


async def compare_and_report(installation: Installation, *, hours: int) -> None:
    """Compare the services and set the metrics; an unreachable server counts as a failure."""
    try:
        agreed = await compare(installation, hours=hours)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx.HTTPError) as error:
        tell(f"could not compare: {error!r}", style="red")
        RECONCILE_FAILURES.inc()
        return
    RECONCILED_AT.set(time.time())
    SERVICES_AGREE.set(agreed)


def _add(report: Report, violation: Violation) -> None:
    text = f"{violation.invariant}: {violation.user} {violation.detail}"
    report.item(text, style="red", **asdict(violation))
