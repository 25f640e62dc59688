"""Reports of banks: an operator brings them, and the attempts that they name are polled."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import structlog

from services.payout.domain.bank_files import (
    BankReport,
    FiledOrder,
    ReportedStatus,
    StoredReport,
    is_self_contradiction,
    match_report,
    needs_colleague,
    report_of,
)
from services.payout.providers.bank_file import BankFileProvider
from services.payout.providers.bank_reports import read_report, unpack_report
from services.payout.store import attempts, bank_files, bank_orders
from shared.backoffice.adjustments import audit
from shared.identity.people import SEVERAL_PEOPLE, require_other_person, same_person
from shared.observability.metrics import CONTRADICTIONS
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

CONTRADICTION = "bank-report"
CONTRADICTIONS.labels(CONTRADICTION)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class IncomingReport:
    """A report, and its bytes as they came."""

    id: UUID
    content: bytes
    report: BankReport


async def open_report(content: bytes) -> IncomingReport:
    """Read a report, compressed or not; refuse what no bank writes."""
    if content.startswith(_GZIP):
        content = await asyncio.to_thread(unpack_report, content)
    report = await asyncio.to_thread(read_report, content)
    return IncomingReport(report_of(hashlib.sha256(content).digest()), content, report)


async def apply_report(
    database: Database, bank: BankFileProvider, incoming: IncomingReport, *, operator: str
) -> StoredReport:
    """
    Store what a report says, once; the same report again changes nothing.

    One that ends a large payment waits, and counts once a colleague brings the same bytes: whoever
    confirms it has seen the bank's own words. What is true of an attempt is concluded later, from
    all that was ever said of it. A report that names the operator's own payout is refused.
    """
    async with database.transaction() as tx:
        orders = await _orders_of(tx, incoming.report)
        reported, wrong = match_report(incoming.report, orders)
        # A report that nobody else has seen could say that one's own payment never arrived.
        for each in reported:
            require_other_person(operator=operator, user=each.creator)
        report, is_new = await _store(tx, bank, incoming, operator, len(reported), len(wrong))
        if report.applied_at is not None:
            return report
        is_first = same_person(operator, report.received_by)
        waits = is_first and needs_colleague(reported, bank.rules)
        if not waits:
            wrong += await _apply(tx, report, reported)
            report = replace(
                report,
                statuses=len(reported),
                contradictions=len(wrong),
                confirmed_by=None if is_first else operator,
                applied_at=datetime.now(UTC),
            )
            await bank_files.save_applied(tx, report)
            _report_contradictions(tx, report, wrong)
        if is_new or not waits:
            await _audit(tx, report, operator)
    return report


async def _store(
    tx: Transaction,
    bank: BankFileProvider,
    incoming: IncomingReport,
    operator: str,
    statuses: int,
    contradictions: int,
) -> tuple[StoredReport, bool]:
    """Store a report, or lock the one that is here; the second value is whether it is new."""
    report = StoredReport(
        id=incoming.id,
        message_id=incoming.report.message_id,
        kind=incoming.report.kind,
        statuses=statuses,
        contradictions=contradictions,
        received_by=operator,
        key_id=bank.keys.newest,
        encrypted=bank.keys.encrypt(incoming.content),
    )
    if await bank_files.add_report(tx, report):
        return report, True
    return await bank_files.lock_report(tx, incoming.id), False


async def _apply(
    tx: Transaction, report: StoredReport, reported: Sequence[ReportedStatus]
) -> list[str]:
    """Let a report count; return what the bank contradicts itself in, in words."""
    # Locks the attempts: of two reports about one, the second sees what the first says.
    await attempts.make_due(tx, [each.attempt for each in reported])
    if not reported:
        return []
    await bank_orders.add_statuses(tx, report.id, reported)
    codes = await bank_orders.codes_of(tx, reported)
    return [
        f"{attempt} is {' and '.join(sorted(each))}"
        for (_, attempt), each in codes.items()
        if is_self_contradiction(each)
    ]


def _report_contradictions(tx: Transaction, report: StoredReport, wrong: Sequence[str]) -> None:
    for problem in wrong:
        log.error("bank_report.contradicted", report=str(report.id), problem=problem)
        tx.after_commit(CONTRADICTIONS.labels(CONTRADICTION).inc)


async def _audit(tx: Transaction, report: StoredReport, operator: str) -> None:
    await audit(
        tx,
        operator=operator,
        action="bank_report.received" if report.confirmed_by is None else "bank_report.confirmed",
        user=SEVERAL_PEOPLE,
        reason=report.kind,
        report=report.id,
        message_id=report.message_id,
        statuses=report.statuses,
        contradictions=report.contradictions,
        waits=report.applied_at is None,
    )


async def _orders_of(tx: Transaction, report: BankReport) -> list[FiledOrder]:
    """Return the orders that a report names, and those of the files that it names as a whole."""
    named = {_uuid(status.attempt) for status in report.statuses if status.attempt is not None}
    files = {_uuid(status.file) for status in report.statuses if status.attempt is None}
    return await bank_orders.of_report(
        tx,
        attempts=[each for each in named if each is not None],
        files=[each for each in files if each is not None],
    )


def _uuid(text: str | None) -> UUID | None:
    """Read an id of ours as the bank repeats it; None if it is none of ours."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
