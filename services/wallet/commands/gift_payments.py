"""Paying for gifts: each once, or refused for good."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.wallet.commands.facts import (
    limit_facts,
    request_hash,
    require_same,
    write_gift_paid,
)
from services.wallet.domain import gift_payments
from services.wallet.domain.coins import COINS, Lot
from services.wallet.domain.limits import Budget, LimitExceeded, Rules
from services.wallet.store import limits as limit_store
from services.wallet.store import lots as lot_store
from services.wallet.store.gift_payments import save_payments
from shared.contracts.envelope import Envelope, WrittenEvent
from shared.contracts.gift import GiftRequested
from shared.contracts.spending_controls import LimitEvent, LimitHit
from shared.contracts.wallet import GiftPaid, GiftPaymentRefused
from shared.errors import Refusal
from shared.ledger.book import open_book
from shared.ledger.entries import GIFT_PREFIX, MAIN, Entry, LockedAccounts
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction


async def pay_for_gifts(
    tx: Transaction, received: Sequence[Envelope[GiftRequested]], rules: Rules
) -> None:
    """
    Pay each gift, or publish for good why not, in the order of the requests.

    The answer to a gift that was decided before is published again, word for word.
    """
    asked = [(each.data.viewer, GIFT_PREFIX + each.subject) for each in received]
    book = await open_book(tx, COINS, asked)
    lots = await lot_store.open_lots(tx, book.users)
    now = book.recorded_at
    budgets = await limit_store.budgets(tx, book.users, rules, today=rules.day_of(now), now=now)
    facts: list[Fact] = []
    limits: list[Fact] = []
    spent: dict[UUID, tuple[str, Lot]] = {}
    made: dict[tuple[str, str], WrittenEvent | GiftPaymentRefused] = {}
    for (user, reference), envelope in zip(asked, received, strict=True):
        accounts, budget, cause = book.users[user], budgets[user], envelope.cause
        request_hash = _gift_hash(envelope.data)
        known = accounts.outcomes.get(reference)
        if known is not None:
            require_same(known, request_hash)
            event = made.get((user, reference)) or _replayed(known)
            facts.append(Fact(event, known.number, cause))
            continue
        decided = made[user, reference] = _decide(
            accounts,
            lots[user],
            budget,
            envelope,
            reference=reference,
            request_hash=request_hash,
            now=now,
            spent=spent,
            rules=rules,
        )
        # What was paid follows from the entry; only a refusal has more to tell.
        is_paid = isinstance(decided, WrittenEvent)
        entry = accounts.record_result(None if is_paid else decided.to_json().decode())
        facts.append(Fact(decided, entry.number, cause, now))
        if budget.marks:
            reached = list(limit_facts(accounts, budget, cause, now))
            limits += reached
            facts += reached
    await book.write(tx)
    await save_payments(tx, spent.values(), budgets)
    if limits:
        facts = _once(facts, await archive.store_facts(tx, limits))
    await publish(tx, facts)


def _once(facts: Sequence[Fact], new: set[UUID]) -> list[Fact]:
    """Return the facts without limits that were reached before, in this window."""
    kept = []
    for fact in facts:
        if isinstance(fact.event, LimitEvent):
            if fact.event.id not in new:
                continue
            new.discard(fact.event.id)
        kept.append(fact)
    return kept


def _decide(
    accounts: LockedAccounts,
    lots: Sequence[Lot],
    budget: Budget,
    envelope: Envelope[GiftRequested],
    *,
    reference: str,
    request_hash: bytes,
    now: datetime,
    spent: dict[UUID, tuple[str, Lot]],
    rules: Rules,
) -> WrittenEvent | GiftPaymentRefused:
    """Decide one gift against what the gifts before it left; nothing is written yet."""
    asked = envelope.data
    try:
        slices = gift_payments.pay_for_gift(
            accounts,
            lots,
            budget,
            reference=reference,
            coins=asked.coins,
            request_hash=request_hash,
            expires_at=asked.expires_at,
            now=now,
            extra_limits=rules.for_age(asked.age_verified),
        )
    except Refusal as no:
        accounts.refuse(reference=reference, request_hash=request_hash)
        return _gift_refused(accounts, asked, no)
    for piece in slices:
        spent[piece.lot.id] = asked.viewer, piece.lot
    return write_gift_paid(
        viewer=asked.viewer,
        # As text already: it is the subject of its request.
        gift=envelope.subject,
        coins=asked.coins,
        slices=slices,
        balance_coins=accounts.balance(MAIN, COINS),
    )


def _gift_refused(
    accounts: LockedAccounts, asked: GiftRequested, no: Refusal
) -> GiftPaymentRefused:
    shortfall = no.facts.get("shortfall_coins", 0)
    assert isinstance(shortfall, int)
    return GiftPaymentRefused(
        viewer=asked.viewer,
        gift=asked.gift,
        coins=asked.coins,
        reason=no.code(),
        shortfall_coins=shortfall,
        balance_coins=accounts.balance(MAIN, COINS),
        limit_hit=LimitHit.model_validate(no.facts) if isinstance(no, LimitExceeded) else None,
    )


def _replayed(outcome: Entry) -> GiftPaid | GiftPaymentRefused:
    contract = GiftPaid if outcome.moved else GiftPaymentRefused
    return contract.model_validate_json(outcome.known_result)


def _gift_hash(asked: GiftRequested) -> bytes:
    """The attempt is left out: asking again is the same question."""
    return request_hash(asked.creator, asked.gift_type, asked.count, asked.coins)
