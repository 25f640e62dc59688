"""Giving money back for coins that were not used: asked for, frozen, refunded, burnt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

import structlog

from services.purchase.commands.books import Entry, post
from services.purchase.domain import money
from services.purchase.domain.purchases import NoSuchPurchase, Purchase
from services.purchase.domain.refunds import (
    NOTHING_UNUSED,
    Refund,
    RefundOpen,
    RefundPolicy,
    RefundState,
    refund_minor,
    require_paid,
)
from services.purchase.providers import Provider, ProviderSilent, RefundRefused
from services.purchase.store import purchases, refunds
from services.purchase.store.refunds import Due
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.purchase import (
    PurchaseRefundDeclined,
    PurchaseRefunded,
    PurchaseRefundRequested,
    RefundEvent,
)
from shared.contracts.wallet import CoinsFrozen, CoinsRefunded, LotKind
from shared.database import Transaction
from shared.http import Key, KeyReused, count_key
from shared.ledger.operators import audit
from shared.messaging.chronicle import announce
from shared.messaging.outbox import Fact

log = structlog.get_logger()

CLAIMED_MAX = 50
ROUTE = "/v1/purchases/{purchase}/refunds"
OPERATOR_ROUTE = "/v1/operator/purchases/{viewer}/{purchase}/refunds"


@dataclass(frozen=True, slots=True)
class RefundWish:
    """Which purchase somebody wants money back for; `operator` if it is not its viewer."""

    viewer: str
    purchase: UUID
    key: str
    request_hash: bytes
    operator: str | None = None
    reason: str = ""

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE, f"refund|{self.viewer}\n{self.key}")

    @property
    def route(self) -> str:
        """By which door it came."""
        return ROUTE if self.operator is None else OPERATOR_ROUTE


async def request_refund(tx: Transaction, wish: RefundWish, policy: RefundPolicy) -> Refund:
    """Remember who wants money back for what; the wallet answers what is unused."""
    if (known := await refunds.of_key(tx, wish.viewer, wish.key)) is not None:
        refund, request_hash = known
        if request_hash != wish.request_hash:
            raise KeyReused(refund=refund.id)
        tx.after_commit(lambda: count_key(wish.route, Key.REPEATED))
        return refund
    found = await purchases.lock(tx, [(wish.viewer, wish.purchase)])
    purchase = found.get((wish.viewer, wish.purchase))
    if purchase is None:
        raise NoSuchPurchase(purchase=wish.purchase)
    now = datetime.now(UTC)
    if wish.operator is None:
        policy.require_refundable(purchase, now=now)
    else:
        require_paid(purchase)
    refund = Refund(
        viewer=wish.viewer,
        purchase=wish.purchase,
        id=wish.id,
        requested_by="viewer" if wish.operator is None else "operator",
        currency=purchase.currency,
        requested_at=now,
    )
    if not await refunds.add(tx, refund, key=wish.key, request_hash=wish.request_hash):
        # The same key at the same moment, or another refund of this purchase.
        if (known := await refunds.of_key(tx, wish.viewer, wish.key)) is not None:
            tx.after_commit(lambda: count_key(wish.route, Key.REPEATED))
            return known[0]
        raise RefundOpen(purchase=wish.purchase)
    if wish.operator is not None:
        await audit(
            tx,
            operator=wish.operator,
            action="refund.requested",
            user=wish.viewer,
            reason=wish.reason,
            purchase=wish.purchase,
            refund=refund.id,
        )
    event = PurchaseRefundRequested(
        purchase=purchase.id,
        viewer=purchase.viewer,
        refund=refund.id,
        requested_by=refund.requested_by,
    )
    await _announce(tx, [(purchase, event)], Cause(purchase.correlation_id), now)
    tx.after_commit(lambda: count_key(wish.route, Key.NEW))
    return refund


async def read_refunds(tx: Transaction, viewer: str, purchase: UUID) -> list[Refund]:
    return await refunds.of_purchase(tx, viewer, purchase)


async def weigh_frozen(tx: Transaction, received: Sequence[Envelope[CoinsFrozen]]) -> None:
    """Work out what unused coins are worth; without any, decline."""
    frozen = {_uuid(heard.data.freeze): heard for heard in received}
    known = await refunds.by_id(tx, [each for each in frozen if each is not None])
    locked = await purchases.lock(
        tx, sorted({(refund.viewer, refund.purchase) for refund in known.values()})
    )
    # Read again now that nobody else can change them.
    known = await refunds.by_id(tx, list(known))
    now = datetime.now(UTC)
    settled = []
    for refund in known.values():
        if refund.state is not RefundState.REQUESTED:
            continue
        heard, purchase = frozen[refund.id], locked[refund.viewer, refund.purchase]
        unused = sum(lot.coins for lot in heard.data.lots if lot.kind is LotKind.PAID)
        amount_minor = refund_minor(purchase, unused)
        if not amount_minor:
            declined = _declined(refund, NOTHING_UNUSED, now)
            settled.append(declined)
            locked[refund.viewer, refund.purchase] = await _announce(
                tx, [(purchase, _decline(declined))], heard.cause, now
            )
        else:
            settled.append(
                replace(
                    refund,
                    state=RefundState.FROZEN,
                    coins=heard.data.coins,
                    amount_minor=amount_minor,
                )
            )
    await refunds.save(tx, settled, now=now)


async def mark_burnt(tx: Transaction, received: Sequence[Envelope[CoinsRefunded]]) -> None:
    """Remember that the coins of these refunds are gone as well."""
    ids = [_uuid(heard.data.freeze) for heard in received]
    await refunds.burnt(tx, [each for each in ids if each is not None], now=datetime.now(UTC))


async def claim_refunds(tx: Transaction) -> list[Due]:
    """Take the refunds it is time to ask the provider for."""
    return await refunds.claim(tx, now=datetime.now(UTC), limit=CLAIMED_MAX)


async def ask_provider(provider: Provider, due: Due) -> str | bool | None:
    """
    Ask the provider to give money back, under the refund's id: however often, it is once.

    True: it did. A word: it never will. None: we do not know, and ask again.
    """
    try:
        await provider.refund(due.payment, due.refund.id, amount_minor=due.refund.amount_minor)
    except ProviderSilent as error:
        log.warning("refund.unanswered", refund=str(due.refund.id), error=str(error)[:200])
        return None
    except RefundRefused as refused:
        log.warning("refund.refused", refund=str(due.refund.id), reason=refused.reason)
        return refused.reason
    return True


async def settle_refund(tx: Transaction, due: Due, answer: str | bool) -> None:
    """Write what the provider did, with its money, and say so once."""
    key = (due.refund.viewer, due.refund.purchase)
    purchase = (await purchases.lock(tx, [key]))[key]
    refund = (await refunds.by_id(tx, [due.refund.id]))[due.refund.id]
    if refund.state is not RefundState.FROZEN:
        return
    now = datetime.now(UTC)
    event: RefundEvent
    if answer is True:
        refund = replace(refund, state=RefundState.REFUNDED, settled_at=now)
        event = PurchaseRefunded(
            purchase=purchase.id,
            viewer=purchase.viewer,
            refund=refund.id,
            coins=refund.coins,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
        )
        legs = money.refunded(refund.amount_minor)
        entry = Entry(f"refund:{refund.id}", "refund", legs, refund.currency)
        await post(tx, purchase.viewer, [entry])
    else:
        refund = _declined(refund, str(answer), now)
        event = _decline(refund)
    await refunds.save(tx, [refund], now=now)
    await _announce(tx, [(purchase, event)], Cause(purchase.correlation_id), now)


async def _announce(
    tx: Transaction, said: Sequence[tuple[Purchase, RefundEvent]], cause: Cause, now: datetime
) -> Purchase:
    """Announce facts about one locked purchase, each its next version."""
    facts = []
    for purchase, event in said:
        purchase = replace(purchase, version=purchase.version + 1)  # noqa: PLW2901
        facts.append(Fact(event, purchase.version, cause, now))
    await purchases.save(tx, [purchase], now=now)
    await announce(tx, facts)
    return purchase


def _declined(refund: Refund, reason: str, now: datetime) -> Refund:
    return replace(refund, state=RefundState.DECLINED, reason=reason, settled_at=now)


def _decline(refund: Refund) -> PurchaseRefundDeclined:
    assert refund.reason is not None
    return PurchaseRefundDeclined(
        purchase=refund.purchase, viewer=refund.viewer, refund=refund.id, reason=refund.reason
    )


def _uuid(freeze: str) -> UUID | None:
    """A freeze that is no id of ours was made for another reason."""
    try:
        return UUID(freeze)
    except ValueError:
        return None
