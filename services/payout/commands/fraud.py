"""
Fraud: what purchases tell of cards is remembered, and payouts are looked at when requested.

Everything that decides was consumed before: a few bounded statements read it, under the lock of
the creator.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from services.payout.commands.metrics import FRAUD_FINDINGS
from services.payout.domain.fraud_rules import Finding, FraudFacts, FraudRules, Income, find
from services.payout.store import fraud as store
from services.payout.store.fraud import Funding
from shared.contracts.envelope import Envelope
from shared.contracts.purchase import PurchasePaid
from shared.contracts.wallet import LotKind, lot_id
from shared.postgres.database import Transaction

log = structlog.get_logger()


async def record_fundings(tx: Transaction, received: Sequence[Envelope[PurchasePaid]]) -> None:
    """Remember which card paid for which lots, and when each viewer first paid."""
    await store.add_fundings(tx, [each for message in received for each in _fundings(message.data)])


async def find_fraud(
    tx: Transaction, creator: str, payout: UUID, rules: FraudRules, *, now: datetime
) -> list[Finding]:
    """Look for signs of fraud behind a payout, keep and return them; the creator is locked."""
    if not rules.rules:
        return []
    income = await store.income_of(
        tx, creator, since=now - rules.window, slices_max=rules.slices_max
    )
    facts = FraudFacts(
        creator,
        tuple(income),
        own_fingerprints=await store.own_fingerprints(tx, creator),
        edges=tuple(await store.edges_to(tx, creator, _largest(income, rules.givers_max))),
    )
    findings = find(facts, rules)
    await store.add_findings(tx, creator, payout, findings)
    for each in findings:
        rule, mode = each.rule.value, each.mode.value
        log.warning("payout.risk_found", payout=str(payout), rule=rule, mode=mode)
        tx.after_commit(FRAUD_FINDINGS.labels(rule, mode).inc)
    return findings


def _fundings(paid: PurchasePaid) -> list[Funding]:
    coins = {
        LotKind.PAID: paid.coins,
        LotKind.BONUS: paid.bonus_coins,
        LotKind.PROMO: paid.promo_coins,
    }
    return [
        Funding(
            viewer=paid.viewer,
            lot=lot_id(paid.purchase, kind),
            purchase=paid.purchase,
            paid_at=paid.paid_at,
            fingerprint=paid.payment_fingerprint,
        )
        for kind, amount in coins.items()
        if amount
    ]


def _largest(income: Sequence[Income], givers_max: int) -> list[str]:
    given: Counter[str] = Counter()
    for each in income:
        given[each.viewer] += each.diamonds
    ordered = sorted(given, key=lambda viewer: (-given[viewer], viewer))
    return ordered[:givers_max]
