"""
Fraud: what purchases tell of cards is remembered, and payouts are looked at when requested.

Everything that decides was consumed before, and a few bounded statements read it. A creator's own
income is read under the lock of the creator. Viewers' cards and their gifts among themselves are in
their own parts: they are read before, as no transaction is of two parts. A gift that arrives in
between counts, without its card.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

import structlog

from services.payout.commands.metrics import FRAUD_FINDINGS
from services.payout.domain.fraud_rules import (
    FactsOfOthers,
    Finding,
    FraudFacts,
    FraudRules,
    GiftEdge,
    GivenSlice,
    find,
    income_of,
)
from services.payout.store import fraud as store
from services.payout.store.fraud import Funding
from shared.contracts.envelope import Envelope
from shared.contracts.purchase import PurchasePaid
from shared.contracts.wallet import LotKind, lot_id
from shared.postgres.database import Database, Part, Transaction

log = structlog.get_logger()

# Of those who gave to the givers, so many are looked at.
PARTNERS_MAX = 20
Thing = TypeVar("Thing")


async def record_fundings(tx: Transaction, received: Sequence[Envelope[PurchasePaid]]) -> None:
    """Remember which card paid for which lots, and when each viewer first paid."""
    await store.add_fundings(tx, [each for message in received for each in _fundings(message.data)])


async def read_facts_of_others(
    database: Database, creator: str, rules: FraudRules, *, now: datetime
) -> FactsOfOthers | None:
    """Read what is known of the people around a creator; None where no rule wants to know."""
    if not rules.rules:
        return None
    async with database.part_for(creator).transaction() as tx:
        slices = await _read_slices(tx, creator, rules, now)
    lots = {(each.viewer, each.lot) for each in slices}
    cards: dict[tuple[str, UUID], str | None] = {}
    first_paid_at: dict[str, datetime] = {}
    for part, of_part in _by_part(database, lots, lambda lot: lot[0]):
        async with part.transaction() as tx:
            cards |= await store.cards_of(tx, of_part)
            first_paid_at |= await store.first_payments_of(tx, {viewer for viewer, _ in of_part})
    near = await _edges_to(database, _largest(slices, rules.givers_max))
    partners = Counter[str]()
    for edge in near:
        partners[edge.viewer] += edge.diamonds
    far = await _edges_to(database, _first(partners, PARTNERS_MAX))
    edges = {*near, *(edge for edge in far if edge.viewer == creator)}
    ordered = sorted(edges, key=attrgetter("creator", "viewer", "diamonds"))
    return FactsOfOthers(cards, first_paid_at, tuple(ordered))


async def find_fraud(
    tx: Transaction,
    creator: str,
    payout: UUID,
    rules: FraudRules,
    others: FactsOfOthers | None,
    *,
    now: datetime,
) -> list[Finding]:
    """Look for signs of fraud behind a payout, keep and return them; the creator is locked."""
    if not rules.rules:
        return []
    assert others is not None, "the rules need what read_facts_of_others returns"
    slices = await _read_slices(tx, creator, rules, now)
    facts = FraudFacts(
        creator,
        tuple(income_of(slices, others)),
        own_fingerprints=await store.own_fingerprints(tx, creator),
        edges=others.edges,
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


async def _read_slices(
    tx: Transaction, creator: str, rules: FraudRules, now: datetime
) -> list[GivenSlice]:
    return await store.newest_slices(
        tx, creator, since=now - rules.window, slices_max=rules.slices_max
    )


async def _edges_to(database: Database, creators: Iterable[str]) -> list[GiftEdge]:
    """Return who gave these creators their newest gifts."""
    edges: list[GiftEdge] = []
    for part, of_part in _by_part(database, creators, str):
        async with part.transaction() as tx:
            edges += await store.edges_to(tx, of_part)
    return edges


def _by_part(
    database: Database, things: Iterable[Thing], user_of: Callable[[Thing], str]
) -> Collection[tuple[Part, list[Thing]]]:
    found: dict[Part, list[Thing]] = {}
    for each in things:
        found.setdefault(database.part_for(user_of(each)), []).append(each)
    return found.items()


def _largest(slices: Iterable[GivenSlice], givers_max: int) -> list[str]:
    given: Counter[str] = Counter()
    for each in slices:
        given[each.viewer] += each.diamonds
    return _first(given, givers_max)


def _first(diamonds: Counter[str], number: int) -> list[str]:
    """Return those with the most diamonds; equal ones in the order of their names."""
    return sorted(diamonds, key=lambda name: (-diamonds[name], name))[:number]
