"""Outcomes of gifts: what the wallet decided, written once and published."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from services.gift.commands.combos import count_outcomes
from services.gift.commands.messages import hold_message
from services.gift.commands.pending_replies import DECIDED
from services.gift.commands.reversals import apply_pending_reversals
from services.gift.domain.catalogue import Catalogue, tier_of
from services.gift.domain.combos import Outcome, Place
from services.gift.domain.creators import MessageState
from services.gift.domain.gifts import Gift, State, UnknownOutcome
from services.gift.store import gifts as store
from services.gift.store import reversals
from services.gift.store.reversals import Reversal
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.gift import GiftRefused, GiftSent
from shared.contracts.wallet import GiftPaid, GiftPaymentRefused, Slice
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

Decision: TypeAlias = GiftPaid | GiftPaymentRefused
Listener: TypeAlias = Callable[[Sequence[Gift]], None]
# A gift that is part of no combo.
ALONE = Place(None, None, None)


async def apply_outcomes(
    tx: Transaction,
    received: Sequence[Envelope[Decision]],
    *,
    catalogue: Catalogue,
    resolve: Listener,
) -> None:
    """
    Write the outcomes of open gifts, and reply to waiting callers after the commit.

    A repeated outcome, or one of a decided gift, changes nothing.
    """
    keys = [(message.data.viewer, message.data.gift) for message in received]
    open_gifts = await store.lock(tx, keys)
    outcomes = _outcomes(open_gifts, received)
    if not outcomes:
        return
    now = datetime.now(UTC)
    counted = await count_outcomes(
        tx,
        [
            Outcome(open_gifts[gift], isinstance(message.data, GiftPaid))
            for gift, message in outcomes.items()
        ],
    )
    decided = {
        gift: _decided(open_gifts[gift], message, counted.places.get(gift, ALONE), now)
        for gift, message in outcomes.items()
    }
    early = [decided[gift] for gift in counted.reversed_early]
    known = await reversals.waiting(tx, early) if early else {}
    published: list[Reversal] = []
    facts: list[Fact] = []
    # Facts that no row keeps word for word.
    kept: list[Fact] = []
    for gift_id, message in outcomes.items():
        gift = decided[gift_id]
        facts.append(_outcome(gift, message, catalogue, now))
        if gift.state is State.SENT and gift_id in known:
            published += known[gift_id]
            decided[gift_id], reversed_facts = apply_pending_reversals(
                gift, known[gift_id], message.cause, now
            )
            kept += reversed_facts
        if gift.state is State.SENT and gift.message_state is MessageState.HELD:
            decided[gift_id], held = hold_message(decided[gift_id], message.cause, now)
            kept.append(held)
    await store.save_outcomes(tx, list(decided.values()), _slices(outcomes), counted.changes)
    await reversals.save(tx, published, [])
    await archive.store_facts(tx, kept)
    await publish(tx, [*facts, *kept])
    # A caller gets its reply from a committed row only; it may wait at another instance.
    tx.wake(DECIDED)
    tx.after_commit(lambda: resolve(list(decided.values())))


def _slices(outcomes: Mapping[UUID, Envelope[Decision]]) -> dict[UUID, tuple[Slice, ...]]:
    """Return the coins that paid each gift."""
    return {
        gift: message.data.slices
        for gift, message in outcomes.items()
        if isinstance(message.data, GiftPaid)
    }


def _outcomes(
    open_gifts: Mapping[UUID, Gift], received: Sequence[Envelope[Decision]]
) -> dict[UUID, Envelope[Decision]]:
    """Return the first outcome of each gift that is still open, in the order of the messages."""
    outcomes: dict[UUID, Envelope[Decision]] = {}
    for message in received:
        gift = open_gifts.get(message.data.gift)
        if gift is None:
            raise UnknownOutcome(gift=message.data.gift)
        if gift.state is State.REQUESTED:
            outcomes.setdefault(gift.id, message)
    return outcomes


def _decided(gift: Gift, message: Envelope[Decision], place: Place, now: datetime) -> Gift:
    combo, repeat_count, combo_coins = place
    is_paid = isinstance(message.data, GiftPaid)
    return replace(
        gift,
        state=State.SENT if is_paid else State.REFUSED,
        decided_at=now,
        paid_at=message.time if is_paid else None,
        refusal=None if isinstance(message.data, GiftPaid) else _refusal(message.data),
        combo=combo,
        repeat_count=repeat_count,
        combo_coins=combo_coins,
    )


def _refusal(refused: GiftPaymentRefused) -> dict[str, Any]:
    fields = {"reason", "shortfall_coins", "balance_coins", "limit_hit"}
    return refused.model_dump(mode="json", include=fields)


def _outcome(gift: Gift, message: Envelope[Decision], catalogue: Catalogue, now: datetime) -> Fact:
    # The story began with the viewer's request; the step before this one was the wallet's.
    cause = Cause(gift.correlation_id, str(message.id), message.traceparent)
    if isinstance(message.data, GiftPaymentRefused):
        return refused_fact(gift, message.data.reason, cause, now)
    return sent_fact(gift, message.data.slices, catalogue, cause, now)


def sent_fact(
    gift: Gift, slices: Sequence[Slice], catalogue: Catalogue, cause: Cause, at: datetime
) -> Fact:
    """Return the fact that the gift is sent; `slices` are the coins that paid it."""
    shown = catalogue.find(gift.gift_type)
    event = GiftSent(
        **_about(gift),
        slices=tuple(slices),
        # By what was paid for it: prices change, and a tier is one of prices.
        tier=tier_of(gift.price_coins),
        mode=gift.mode,
        display_name=shown.display_name if shown else None,
        message=gift.sent_message,
        anonymous=gift.anonymous,
        requested_at=gift.requested_at,
        repeat_count=gift.repeat_count,
        # Only `combo_ended` ends one: of a gift it is not known whether it is the last.
        repeat_end=None if gift.combo is None else False,
        combo_coins=gift.combo_coins,
        target=gift.target,
    )
    return Fact(event, gift.attempt + 1, cause, at)


def refused_fact(gift: Gift, reason: str, cause: Cause, at: datetime) -> Fact:
    """Return the fact that the gift is refused."""
    return Fact(
        GiftRefused(**_about(gift), reason=reason, anonymous=gift.anonymous),
        gift.attempt + 1,
        cause,
        at,
    )


def _about(gift: Gift) -> dict[str, Any]:
    return {
        "gift": gift.id,
        "viewer": gift.viewer,
        "creator": gift.creator,
        "room": gift.room,
        "gift_type": gift.gift_type,
        "count": gift.count,
        "coins": gift.coins,
        "combo": gift.combo,
    }
