"""
Payments: provider statuses, applied to purchases, their disputes, warnings, refunds and books.

Each is decided alone, under the lock of its purchase, for each source: a webhook event, a due
status poll, or the attempt of a refund. A batch of them is written together.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
from prometheus_client import Counter as Metric

from services.purchase.commands.acceptances import add_acceptances
from services.purchase.commands.books import post
from services.purchase.commands.changes import Change, PolledStatus, decide_change
from services.purchase.commands.questions import record_questions
from services.purchase.commands.receipts import issue_receipts
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.country_evidence import Verdict
from services.purchase.domain.invoices import PLAIN, InvoiceRules
from services.purchase.domain.known_money import KnownMoney
from services.purchase.domain.purchases import Payment, ProviderStatus, Purchase, State
from services.purchase.store import (
    answers,
    country_evidence,
    disputes,
    payments,
    purchases,
    refunds,
)
from services.purchase.store.known_money import known_money
from shared.messaging.outbox import publish
from shared.observability.metrics import CONTRADICTIONS
from shared.postgres.database import Transaction

log = structlog.get_logger()

SALES_JUDGED = Metric(
    "ovation_sales_judged",
    "Sales by what the evidence of the buyer's country is worth; again when it changes.",
    ["verdict"],
)
for known in Verdict:
    # An alert looks at the increase: it needs the zero before the first one.
    SALES_JUDGED.labels(known.value)


@dataclass(frozen=True, slots=True)
class Applied:
    """
    A purchase as it is now, and whether the status was used.

    One that may be older than what is known is not, and has to be polled again. `lapsed` is the
    promise of a campaign that the purchase has lost.
    """

    purchase: Purchase
    is_used: bool
    lapsed: UUID | None = None


async def apply_statuses(
    tx: Transaction, polled: Sequence[PolledStatus], invoices: InvoiceRules = PLAIN
) -> list[Applied]:
    """Take the steps that provider statuses allow, and publish each once."""
    applied: dict[int, Change] = {}
    for places in _rounds(polled):
        changes = await _apply_one_each(tx, [polled[place] for place in places], invoices)
        applied |= dict(zip(places, changes, strict=True))
    await issue_receipts(tx, [each for change in applied.values() for each in change.receipts])
    return [_applied(applied[place]) for place in range(len(polled))]


def _applied(change: Change) -> Applied:
    is_lapsed = change.before.promo_coins > change.purchase.promo_coins
    lapsed = change.before.promise if is_lapsed else None
    return Applied(change.purchase, change.is_used, lapsed)


def report(
    tx: Transaction,
    contradiction: Contradiction,
    *,
    purchase: Purchase,
    status: ProviderStatus | None = None,
) -> None:
    """Log a contradiction for a person to look at; it is counted once it is committed."""
    log.error(
        "purchase.contradicted",
        kind=contradiction.value,
        purchase=str(purchase.id),
        payment=status.id if isinstance(status, Payment) else purchase.payment,
    )
    tx.after_commit(lambda: CONTRADICTIONS.labels(contradiction.value).inc())


def _rounds(polled: Sequence[PolledStatus]) -> Iterator[list[int]]:
    """Yield the places of the first status of each purchase, then of the second, and so on."""
    times = Counter(each.key for each in polled)
    seen: Counter[object] = Counter()
    rounds: list[list[int]] = [[] for _ in range(max(times.values(), default=0))]
    for place, each in enumerate(polled):
        rounds[seen[each.key]].append(place)
        seen[each.key] += 1
    yield from rounds


async def _apply_one_each(
    tx: Transaction, polled: Sequence[PolledStatus], invoices: InvoiceRules
) -> list[Change]:
    now = datetime.now(UTC)
    locked = await purchases.lock(tx, sorted(each.key for each in polled))
    # Without a payment no answer was applied before: of a new purchase nothing else is known.
    new = {key for key, it in locked.items() if it.state is State.CREATED and it.payment is None}
    money = await known_money(tx, [key for key in locked if key not in new])
    changes = [
        decide_change(locked[each.key], money.get(each.key, KnownMoney()), each, now, invoices)
        for each in polled
    ]
    await _write(tx, changes, now)
    await record_questions(
        tx,
        [
            (change.purchase, each.status, each.webhook_event)
            for each, change in zip(polled, changes, strict=True)
            if each.webhook_event is not None and change.is_used
        ],
        now=now,
    )
    for each, change in zip(polled, changes, strict=True):
        for contradiction in change.contradictions:
            report(tx, contradiction, purchase=change.before, status=each.status)
        _count_verdict(tx, change)
    return changes


def _count_verdict(tx: Transaction, change: Change) -> None:
    """Count what a sale's evidence of a country is worth; say which sale has contradictory one."""
    verdict = change.verdict
    if verdict is None:
        return
    if verdict is Verdict.CONTRADICT:
        log.warning("purchase.country_contradicted", purchase=str(change.purchase.id))
    tx.after_commit(lambda: SALES_JUDGED.labels(verdict.value).inc())


async def _write(tx: Transaction, changes: Sequence[Change], now: datetime) -> None:
    """Write what changed, each table once, and publish it."""
    moved = [each.purchase for each in changes if each.purchase != each.before]
    await purchases.save(tx, moved, now=now)
    await add_acceptances(tx, moved, now=now)
    await disputes.save(tx, [(it.purchase, each) for it in changes for each in it.disputes])
    await payments.add_warnings(tx, [(it.purchase, each) for it in changes for each in it.warnings])
    await refunds.save(tx, [each for it in changes for each in it.refunds], now=now)
    await payments.add(
        tx, [(it.purchase, *it.received) for it in changes if it.received is not None], now=now
    )
    await country_evidence.add(tx, [(it.purchase, each) for it in changes for each in it.evidence])
    await answers.save_answers(
        tx, [(it.purchase, it.applied) for it in changes if it.applied is not None]
    )
    await post(tx, [(it.purchase.viewer, each) for it in changes for each in it.entries])
    await publish(tx, [fact for it in changes for fact in it.facts], archive=True)
