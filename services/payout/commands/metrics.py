"""Gauges of what waits (payouts, payees, decisions, months), and what fraud rules found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from prometheus_client import Counter, Gauge

from services.payout.domain.fraud_rules import Mode, RuleName
from services.payout.domain.payouts import OPEN_STATES, State
from services.payout.domain.statements import last_month_end
from services.payout.providers.screenings import Screening
from services.payout.store import (
    attempts,
    bank_batches,
    bank_files,
    bank_orders,
    metrics,
    statements,
)
from shared.postgres.database import Database, Transaction

OLDEST_AGE_SECONDS = Gauge(
    "ovation_payouts_oldest_age_seconds",
    "How long the payout that waits longest has been in a state.",
    ["state"],
)
UNRESOLVED = Gauge(
    "ovation_payouts_unresolved",
    "Payouts that were submitted so long ago that only a person can say what became of them.",
)
OVERDUE_DECISIONS = Gauge(
    "ovation_payout_decisions_overdue",
    "Reviews past their due or promised time, and appeals past their due time.",
    ["deadline"],
)
BANK_WAITING_SECONDS = Gauge(
    "ovation_bank_orders_oldest_age_seconds",
    "How long the payment that waits longest for a bank file has waited.",
)
REPORTS_WAITING_SECONDS = Gauge(
    "ovation_bank_reports_oldest_age_seconds",
    "How long the bank's report that waits longest for a second person has waited.",
)
UNCLOSED = Gauge(
    "ovation_statements_unclosed",
    "Creators with a month that is over and not closed; more than 10,000 are not counted.",
)
LISTED_AT = Gauge(
    "ovation_sanctions_list_timestamp_seconds",
    "When the list of sanctions that is in use was written into its file.",
    ["list"],
)
FRAUD_FINDINGS = Counter(
    "ovation_fraud_findings",
    "How often a fraud rule found its sign behind a requested payout.",
    ["rule", "mode"],
)
PAYEES_WAITING_SECONDS = Gauge(
    "ovation_payees_waiting_seconds",
    "How long the payee that waits longest for us has waited, by what it waits for.",
    ["state"],
)
for _rule in RuleName:
    for _mode in Mode:
        # From zero on, so that the first one is an increase.
        FRAUD_FINDINGS.labels(_rule.value, _mode.value)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one part: the age of the oldest, or how many."""

    payouts_seconds: Mapping[State, float]
    unresolved: int
    overdue: Mapping[str, int]
    bank_seconds: float
    payees_seconds: Mapping[str, float]


def report_lists(screening: Screening) -> None:
    """Say how old the lists are by which names are screened."""
    for name, written_at in screening.lists.items():
        LISTED_AT.labels(name).set(written_at.timestamp())


async def report_unclosed(database: Database, *, now: datetime, zone: str) -> None:
    """Count the creators whose statements are behind."""
    count = partial(statements.count_due, month=last_month_end(now, zone))
    UNCLOSED.set(sum(await database.read_each(count)))


async def report(database: Database, *, has_lists: bool = True) -> None:
    """
    Measure the oldest payout of each open state, the unresolved ones, overdue decisions, and payees
    that wait: in all parts together.

    Without lists of sanctions no payee waits to be screened.
    """
    parts = await database.read_each(_read_waiting)
    for state in OPEN_STATES:
        oldest = max(each.payouts_seconds.get(state, 0.0) for each in parts)
        OLDEST_AGE_SECONDS.labels(state.value).set(oldest)
    UNRESOLVED.set(sum(each.unresolved for each in parts))
    for deadline in parts[0].overdue:
        OVERDUE_DECISIONS.labels(deadline).set(sum(each.overdue[deadline] for each in parts))
    async with database.reference.transaction() as tx:
        unfinished = await bank_batches.oldest_cutoff_seconds(tx)
        BANK_WAITING_SECONDS.set(max(unfinished, *(each.bank_seconds for each in parts)))
        REPORTS_WAITING_SECONDS.set(await bank_files.oldest_waiting_report_seconds(tx))
    for waits_for in parts[0].payees_seconds:
        if has_lists or waits_for != "unscreened":
            oldest = max(each.payees_seconds[waits_for] for each in parts)
            PAYEES_WAITING_SECONDS.labels(waits_for).set(oldest)


async def _read_waiting(tx: Transaction) -> Waiting:
    return Waiting(
        payouts_seconds=await metrics.oldest_seconds(tx, OPEN_STATES),
        unresolved=await attempts.count_unresolved(tx),
        overdue=await metrics.overdue_decisions(tx),
        bank_seconds=await bank_orders.oldest_waiting_seconds(tx),
        payees_seconds=await metrics.payees_waiting_seconds(tx),
    )
