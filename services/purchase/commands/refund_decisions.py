"""
Decisions about refunds: what unused coins are worth, and what a person or a dispute decides.

What the provider decides is in `payments`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from services.purchase.commands.facts import refund_facts
from services.purchase.commands.payments import report
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.purchases import Purchase
from services.purchase.domain.refund_evidence import made_minor
from services.purchase.domain.refunds import (
    DISPUTED,
    NOTHING_UNUSED,
    UNRESOLVED,
    NoSuchRefund,
    Refund,
    RefundResolvable,
    RefundState,
    is_disputed,
    refund_minor,
    refund_tax_minor,
)
from services.purchase.store import disputes, purchases, refunds
from shared.backoffice.adjustments import audit
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.wallet import CoinsFrozen, CoinsRefunded, LotKind
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class RefundDecision:
    """What an operator decides about a refund whose result is unknown."""

    viewer: str
    purchase: UUID
    refund: UUID
    operator: str
    reason: str


async def price_refunds(tx: Transaction, received: Sequence[Envelope[CoinsFrozen]]) -> None:
    """Work out what unused coins are worth; without any, or with a dispute, decline."""
    held = {_refund_of(envelope.data.freeze): envelope for envelope in received}
    known = await refunds.by_id(tx, [each for each in held if each is not None])
    keys = sorted({(refund.viewer, refund.purchase) for refund in known.values()})
    locked = await purchases.lock(tx, keys)
    # Read again now that they are locked.
    earlier = await refunds.of_purchases(tx, keys)
    disputed = await disputes.of_purchases(tx, keys)
    now = datetime.now(UTC)
    decided = []
    for key in keys:
        for refund in earlier[key]:
            if refund.id not in known or refund.state is not RefundState.REQUESTED:
                continue
            envelope = held[refund.id]
            _check_coins(tx, locked[key], envelope.data.coins)
            after = _priced(
                refund,
                locked[key],
                held=envelope.data,
                earlier=earlier[key],
                disputed=is_disputed(locked[key], disputed[key]),
                now=now,
            )
            decided.append((refund, after, envelope.cause))
    await write_decisions(tx, locked, decided, now)


def _priced(
    refund: Refund,
    purchase: Purchase,
    *,
    held: CoinsFrozen,
    earlier: Sequence[Refund],
    disputed: bool,
    now: datetime,
) -> Refund:
    if disputed:
        return refund.declined(DISPUTED, now=now)
    promo_coins = sum(lot.coins for lot in held.lots if lot.kind is LotKind.PROMO)
    unused_coins = held.coins - promo_coins
    amount_minor = refund_minor(purchase, unused_coins, given_back_minor=made_minor(earlier))
    if not amount_minor:
        return refund.declined(NOTHING_UNUSED, now=now)
    return replace(
        refund,
        state=RefundState.HELD,
        coins=held.coins,
        amount_minor=amount_minor,
        tax_minor=refund_tax_minor(purchase, amount_minor, earlier),
    )


def _check_coins(tx: Transaction, purchase: Purchase, coins: int) -> None:
    """The wallet cannot have found more coins unused than were sold."""
    if coins > purchase.all_coins:
        report(tx, Contradiction.COINS_UNKNOWN, purchase=purchase)


async def complete_refunds(tx: Transaction, received: Sequence[Envelope[CoinsRefunded]]) -> None:
    """Record that the coins of these refunds are gone as well."""
    ids = [each for it in received if (each := _refund_of(it.data.freeze)) is not None]
    known = await refunds.by_id(tx, ids)
    # Like every writer of refunds: lock the purchases first, in sorted order.
    await purchases.lock(tx, sorted({(each.viewer, each.purchase) for each in known.values()}))
    await refunds.mark_voided(tx, ids, now=datetime.now(UTC))


async def decline_unresolved(tx: Transaction, decision: RefundDecision) -> Refund:
    """
    Decline a refund whose money never went, as far as a person could find out.

    If it goes after all, it is money that went back without us: a dispute takes the coins.
    """
    key = (decision.viewer, decision.purchase)
    purchase = (await purchases.lock(tx, [key])).get(key)
    found = (await refunds.by_id(tx, [decision.refund])).get(decision.refund)
    if purchase is None or found is None or (found.viewer, found.purchase) != key:
        raise NoSuchRefund(refund=decision.refund)
    if found.state is RefundState.DECLINED and found.reason == UNRESOLVED:
        return found
    if found.state is not RefundState.HELD or found.unresolved_at is None:
        raise RefundResolvable(refund=found.id, state=found.state.value)
    await audit(
        tx,
        operator=decision.operator,
        action="refund.declined",
        user=found.viewer,
        reason=decision.reason,
        purchase=found.purchase,
        refund=found.id,
    )
    now = datetime.now(UTC)
    declined = found.declined(UNRESOLVED, now=now)
    await write_decisions(
        tx, {key: purchase}, [(found, declined, Cause(purchase.correlation_id))], now
    )
    return declined


async def write_decisions(
    tx: Transaction,
    locked: dict[tuple[str, UUID], Purchase],
    decided: Sequence[tuple[Refund, Refund, Cause]],
    now: datetime,
) -> None:
    """Write and publish what became of refunds of locked purchases, each its next version."""
    facts: list[Fact] = []
    for before, after, cause in decided:
        key = (after.viewer, after.purchase)
        locked[key], more = refund_facts(locked[key], [(before, after)], cause, now=now)
        facts += more
    await refunds.save(tx, [after for _, after, _ in decided], now=now)
    touched = {(after.viewer, after.purchase) for _, after, _ in decided}
    await purchases.save(tx, [locked[key] for key in sorted(touched)], now=now)
    await publish(tx, facts, archive=True)


def _refund_of(hold: str) -> UUID | None:
    """Return the refund that coins are held for; None if they are held for another reason."""
    try:
        return UUID(hold)
    except ValueError:
        return None
