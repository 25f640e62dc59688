"""
Withdrawals: what a viewer states is recorded for good, and the unused coins are refunded.

One transaction does both. A statement counts although there is nothing to refund.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

import structlog

from services.purchase.commands.refunds import refund_id, refund_requested
from services.purchase.domain.purchases import NoSuchPurchase, Purchase
from services.purchase.domain.refunds import DISPUTED, Refund, is_disputed
from services.purchase.domain.rules import Rules
from services.purchase.domain.withdrawals import Withdrawal, require_withdrawable
from services.purchase.store import disputes, purchases, refunds, withdrawals
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.purchase import PurchaseWithdrawalReceived
from shared.idempotency import KeyReused, record_key
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

log = structlog.get_logger()

ROUTE = "/v1/purchases/{purchase}/withdrawals"


@dataclass(frozen=True, slots=True)
class Statement:
    """
    A viewer withdraws from a purchase.

    `received_at` is when the request came: one that waits for a lock is not late for that.
    """

    viewer: str
    purchase: UUID
    key: str
    request_hash: bytes
    consumer_name: str
    reply_to: str | None
    received_at: datetime

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE, f"withdrawal|{self.viewer}\n{self.key}")

    @property
    def refund_key(self) -> str:
        """
        The key of its refund among those of the viewer's refunds.

        Neither an id nor a key contains a line break, and an operator's id is never empty: nobody
        else can take it.
        """
        return f"\nwithdrawal of {self.purchase}"


async def record_withdrawal(tx: Transaction, statement: Statement, rules: Rules) -> Withdrawal:
    """Record that a viewer withdraws from a purchase, and request the refund of what is unused."""
    if (known := await _recorded(tx, statement)) is not None:
        return known
    key = (statement.viewer, statement.purchase)
    purchase = (await purchases.lock(tx, [key])).get(key)
    if purchase is None:
        raise NoSuchPurchase(purchase=statement.purchase)
    # The same key at the same moment: the other request has committed by now.
    if (known := await _recorded(tx, statement)) is not None:
        return known
    until = require_withdrawable(purchase, rules.refunds, at=statement.received_at)
    refund, reason, is_new = await _choose_refund(tx, purchase, statement)
    withdrawal = Withdrawal(
        viewer=statement.viewer,
        purchase=statement.purchase,
        id=statement.id,
        consumer_name=statement.consumer_name,
        reply_to=statement.reply_to,
        received_at=statement.received_at,
        period_ends_at=until,
        refund=refund.id if refund is not None else None,
        reason=reason,
    )
    await withdrawals.add(tx, withdrawal, key=statement.key, request_hash=statement.request_hash)
    purchase, facts = _withdrawal_received(purchase, withdrawal)
    if refund is not None and is_new:
        purchase, requested = refund_requested(purchase, refund)
        facts.append(requested)
    await purchases.save(tx, [purchase], now=statement.received_at)
    await publish(tx, facts, archive=True)
    log.info("withdrawal.received", purchase=str(purchase.id), reason=reason)
    tx.after_commit(lambda: record_key(ROUTE, is_new=True))
    return withdrawal


async def _choose_refund(
    tx: Transaction, purchase: Purchase, statement: Statement
) -> tuple[Refund | None, str | None, bool]:
    """
    Return the refund of all unused coins, why there is none, and whether it is a new one.

    It needs no quota: a purchase is withdrawn from once.
    """
    if is_disputed(purchase, await disputes.of_purchase(tx, purchase)):
        return None, DISPUTED, False
    key = (purchase.viewer, purchase.id)
    for known in (await refunds.of_purchases(tx, [key]))[key]:
        if known.is_open:
            return known, None, False
    refund = Refund(
        viewer=purchase.viewer,
        purchase=purchase.id,
        id=refund_id(purchase.viewer, statement.refund_key),
        requested_by="viewer",
        currency=purchase.currency,
        requested_at=statement.received_at,
    )
    is_added = await refunds.add(
        tx, refund, key=statement.refund_key, request_hash=statement.request_hash
    )
    assert is_added, f"{purchase.id} has a refund of its withdrawal, and no withdrawal"
    return refund, None, True


def _withdrawal_received(purchase: Purchase, withdrawal: Withdrawal) -> tuple[Purchase, list[Fact]]:
    event = PurchaseWithdrawalReceived(
        purchase=purchase.id,
        viewer=purchase.viewer,
        withdrawal=withdrawal.id,
        received_at=withdrawal.received_at,
        consumer_name=withdrawal.consumer_name,
        reply_to=withdrawal.reply_to,
        refund=withdrawal.refund,
        reason=withdrawal.reason,
    )
    purchase = replace(purchase, withdrawn_at=withdrawal.received_at, version=purchase.version + 1)
    cause = Cause(purchase.correlation_id)
    return purchase, [Fact(event, purchase.version, cause, withdrawal.received_at)]


async def _recorded(tx: Transaction, statement: Statement) -> Withdrawal | None:
    """Return the withdrawal that was stated under this key before; refuse another statement."""
    known = await withdrawals.of_key(tx, statement.viewer, statement.key)
    if known is None:
        return None
    withdrawal, request_hash = known
    if request_hash != statement.request_hash:
        raise KeyReused(withdrawal=withdrawal.id)
    tx.after_commit(lambda: record_key(ROUTE, is_new=False))
    return withdrawal
