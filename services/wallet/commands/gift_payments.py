"""Paying for gifts: each once, or refused for good."""

from collections.abc import Sequence
from datetime import datetime

from services.wallet.commands.facts import limit_facts, request_hash, require_same
from services.wallet.domain import gift_payments
from services.wallet.domain.coins import COINS, Lot
from services.wallet.domain.limits import Budget, LimitExceeded, Rules
from services.wallet.store import limits as limit_store
from services.wallet.store import lots as lot_store
from services.wallet.store.lots import Payment
from shared.contracts import wallet
from shared.contracts.envelope import Envelope
from shared.contracts.gift import GiftRequested
from shared.contracts.wallet import GiftPaid, GiftPaymentRefused, LimitHit, LotKind
from shared.errors import Refusal
from shared.ledger.book import open_book
from shared.ledger.entries import MAIN, LockedAccounts, Outcome
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

GIFT_REFERENCE = "gift:{}"


async def pay_for_gifts(
    tx: Transaction, received: Sequence[Envelope[GiftRequested]], rules: Rules
) -> None:
    """
    Pay each gift, or announce for good why not, in the order in which they were asked.

    A gift that was decided before is announced again, word for word.
    """
    book = await open_book(
        tx,
        COINS,
        ((asked.data.viewer, GIFT_REFERENCE.format(asked.data.gift)) for asked in received),
    )
    lots = await lot_store.open_lots(tx, book.users)
    now = book.recorded_at
    budgets = await limit_store.budgets(tx, book.users, rules, today=rules.day_of(now), now=now)
    facts: list[Fact] = []
    limits: list[Fact] = []
    payments: list[Payment] = []
    for asked in received:
        accounts, reference = book[asked.data.viewer], GIFT_REFERENCE.format(asked.data.gift)
        asked_hash = _gift_hash(asked.data)
        outcome = accounts.outcomes.get(reference)
        if outcome is None:
            budget = budgets[accounts.user]
            event, payment = _decide(
                accounts,
                lots[accounts.user],
                budget,
                asked.data,
                reference=reference,
                request_hash=asked_hash,
                now=now,
                rules=rules,
            )
            outcome = accounts.record_result(event.model_dump_json())
            payments += [payment] if payment else []
            facts.append(Fact(event, outcome.version, asked.cause, now))
            reached = list(limit_facts(accounts, budget, asked.cause, now))
            limits += reached
            facts += reached
        else:
            require_same(outcome, asked_hash)
            facts.append(Fact(_replayed(outcome), outcome.version, asked.cause))
    await book.write(tx)
    await lot_store.record_payments(tx, payments)
    await limit_store.count_spendings(tx, budgets)
    await archive.store_facts(tx, limits)
    await publish(tx, facts)


def _decide(
    accounts: LockedAccounts,
    lots: Sequence[Lot],
    budget: Budget,
    asked: GiftRequested,
    *,
    reference: str,
    request_hash: bytes,
    now: datetime,
    rules: Rules,
) -> tuple[GiftPaid | GiftPaymentRefused, Payment | None]:
    """Decide one gift against what the gifts before it left; nothing is written yet."""
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
        return _gift_refused(accounts, asked, no), None
    paid = GiftPaid(
        viewer=asked.viewer,
        gift=asked.gift,
        coins=asked.coins,
        slices=tuple(
            [
                wallet.Slice(
                    lot=piece.lot.id,
                    kind=LotKind(piece.lot.origin.value),
                    coins=piece.coins,
                    diamond_rate_bp=piece.lot.diamond_rate_bp,
                )
                for piece in slices
            ]
        ),
        balance_coins=accounts.balance(MAIN, COINS),
    )
    return paid, Payment(asked.viewer, asked.gift, accounts.version, slices)


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


def _replayed(outcome: Outcome) -> GiftPaid | GiftPaymentRefused:
    contract = GiftPaid if outcome.moved else GiftPaymentRefused
    return contract.model_validate_json(outcome.result)


def _gift_hash(asked: GiftRequested) -> bytes:
    """The attempt is left out: asking again is the same question."""
    return request_hash(asked.creator, asked.gift_type, asked.count, asked.coins)
