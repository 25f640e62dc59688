"""Gauges of what waits (payouts, payees, decisions), and what fraud rules found."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from services.payout.domain.fraud_rules import Mode, RuleName
from services.payout.domain.payouts import OPEN_STATES, State
from services.payout.store import attempts, bank_orders, metrics
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
    BANK_WAITING_SECONDS.set(max(each.bank_seconds for each in parts))
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
