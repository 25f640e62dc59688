"""Giving gifts their outcome: what the wallet decided, written once and announced."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from services.gift.commands.reversing import announce_waiting
from services.gift.domain import Catalogue, Gift, State, UnknownOutcome
from services.gift.store import gifts as store
from services.gift.store import reversals
from services.gift.store.reversals import Reversal
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.gift import GiftRefused, GiftSent
from shared.contracts.wallet import GiftPaid, GiftPaymentRefused, Slice
from shared.database import Transaction
from shared.messaging import chronicle
from shared.messaging.outbox import Fact, announce

Outcome: TypeAlias = GiftPaid | GiftPaymentRefused
Listener: TypeAlias = Callable[[Sequence[Gift]], None]


async def settle_gifts(
    tx: Transaction,
    received: Sequence[Envelope[Outcome]],
    *,
    catalogue: Catalogue,
    tell: Listener,
) -> None:
    """
    Settle the gifts that are still open, and tell those who wait, after the commit.

    An outcome that is heard again, or after the gift was settled, changes nothing.
    """
    open_gifts = await store.lock(tx, [(heard.data.viewer, heard.data.gift) for heard in received])
    known = await reversals.waiting(tx, list(open_gifts.values()))
    settled: dict[UUID, Gift] = {}
    told: list[Reversal] = []
    slices: dict[Any, list[dict[str, Any]]] = {}
    facts: list[Fact] = []
    reversed_early: list[Fact] = []
    now = datetime.now(UTC)
    for heard in received:
        gift = open_gifts.get(heard.data.gift)
        if gift is None:
            raise UnknownOutcome(gift=heard.data.gift)
        if gift.state is not State.REQUESTED:
            continue
        if isinstance(heard.data, GiftPaid):
            gift = replace(gift, state=State.SENT, settled_at=now, paid_at=heard.time)
            slices[gift.id] = [piece.model_dump(mode="json") for piece in heard.data.slices]
        else:
            gift = replace(gift, state=State.REFUSED, settled_at=now, refusal=_said(heard.data))
        facts.append(_outcome(gift, heard, catalogue, now))
        if gift.state is State.SENT and gift.id in known:
            told += known[gift.id]
            gift, early = announce_waiting(gift, known[gift.id], heard.cause, now)
            facts += early
            reversed_early += early
        open_gifts[gift.id] = settled[gift.id] = gift
    if not settled:
        return
    await store.settle(tx, list(settled.values()), slices)
    await reversals.save(tx, told, [])
    await chronicle.remember(tx, reversed_early)
    await announce(tx, facts)
    # A caller is answered from a row that is final, so nobody is told before the commit.
    tx.after_commit(lambda: tell(list(settled.values())))


def _said(refused: GiftPaymentRefused) -> dict[str, Any]:
    said = {"reason", "shortfall_coins", "balance_coins", "limit_hit"}
    return refused.model_dump(mode="json", include=said)


def _outcome(gift: Gift, heard: Envelope[Outcome], catalogue: Catalogue, now: datetime) -> Fact:
    # The story began with the viewer's request; the step before this one was the wallet's.
    cause = Cause(gift.correlation_id, str(heard.id), heard.traceparent)
    if isinstance(heard.data, GiftPaymentRefused):
        return refused(gift, heard.data.reason, cause, now)
    return sent(gift, heard.data.slices, catalogue, cause, now)


def sent(
    gift: Gift, slices: Sequence[Slice], catalogue: Catalogue, cause: Cause, at: datetime
) -> Fact:
    """Say that the gift is given; `slices` are the coins that paid it."""
    shown = catalogue.find(gift.gift_type)
    event = GiftSent(
        **_about(gift),
        slices=tuple(slices),
        tier=shown.tier if shown else None,
        display_name=shown.name if shown else None,
        message=gift.message,
        anonymous=gift.anonymous,
        requested_at=gift.requested_at,
    )
    return Fact(event, gift.attempt + 1, cause, at)


def refused(gift: Gift, reason: str, cause: Cause, at: datetime) -> Fact:
    """Say that the gift will not be given."""
    return Fact(GiftRefused(**_about(gift), reason=reason), gift.attempt + 1, cause, at)


def _about(gift: Gift) -> dict[str, Any]:
    return {
        "gift": gift.id,
        "viewer": gift.viewer,
        "creator": gift.creator,
        "room": gift.room,
        "gift_type": gift.gift_type,
        "count": gift.count,
        "coins": gift.coins,
    }
