"""Giving gifts their outcome: what the wallet decided, written once and announced."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from services.gift.commands.combos import count_outcomes
from services.gift.commands.messages import hold_message
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
    Settle the gifts that are still open, and tell those who wait, after the commit.

    An outcome that is heard again, or after the gift was settled, changes nothing.
    """
    open_gifts = await store.lock(tx, [(heard.data.viewer, heard.data.gift) for heard in received])
    outcomes = _outcomes(open_gifts, received)
    if not outcomes:
        return
    now = datetime.now(UTC)
    place_of = await count_outcomes(
        tx,
        [
            Outcome(open_gifts[gift], isinstance(heard.data, GiftPaid))
            for gift, heard in outcomes.items()
        ],
    )
    settled = {
        gift: _settled(open_gifts[gift], heard, place_of.get(gift, ALONE), now)
        for gift, heard in outcomes.items()
    }
    known = await reversals.waiting(tx, list(settled.values()))
    told: list[Reversal] = []
    facts: list[Fact] = []
    # What no row remembers word for word.
    kept: list[Fact] = []
    for gift_id, heard in outcomes.items():
        gift = settled[gift_id]
        facts.append(_outcome(gift, heard, catalogue, now))
        if gift.state is State.SENT and gift_id in known:
            told += known[gift_id]
            settled[gift_id], early = apply_pending_reversals(
                gift, known[gift_id], heard.cause, now
            )
            kept += early
        if gift.state is State.SENT and gift.message_state is MessageState.HELD:
            settled[gift_id], held = hold_message(settled[gift_id], heard.cause, now)
            kept.append(held)
    await store.settle(
        tx,
        list(settled.values()),
        {
            heard.data.gift: [piece.model_dump(mode="json") for piece in heard.data.slices]
            for heard in outcomes.values()
            if isinstance(heard.data, GiftPaid)
        },
    )
    await reversals.save(tx, told, [])
    await archive.store_facts(tx, kept)
    await publish(tx, [*facts, *kept])
    # A caller is answered from a row that is final, so nobody is told before the commit.
    tx.after_commit(lambda: resolve(list(settled.values())))


def _outcomes(
    open_gifts: Mapping[UUID, Gift], received: Sequence[Envelope[Decision]]
) -> dict[UUID, Envelope[Decision]]:
    """Return the first outcome of each gift that is still open, in the order they were heard."""
    outcomes: dict[UUID, Envelope[Decision]] = {}
    for heard in received:
        gift = open_gifts.get(heard.data.gift)
        if gift is None:
            raise UnknownOutcome(gift=heard.data.gift)
        if gift.state is State.REQUESTED:
            outcomes.setdefault(gift.id, heard)
    return outcomes


def _settled(gift: Gift, heard: Envelope[Decision], place: Place, now: datetime) -> Gift:
    combo, repeat_count, combo_coins = place
    is_paid = isinstance(heard.data, GiftPaid)
    return replace(
        gift,
        state=State.SENT if is_paid else State.REFUSED,
        settled_at=now,
        paid_at=heard.time if is_paid else None,
        refusal=None if isinstance(heard.data, GiftPaid) else _said(heard.data),
        combo=combo,
        repeat_count=repeat_count,
        combo_coins=combo_coins,
    )


def _said(refused: GiftPaymentRefused) -> dict[str, Any]:
    said = {"reason", "shortfall_coins", "balance_coins", "limit_hit"}
    return refused.model_dump(mode="json", include=said)


def _outcome(gift: Gift, heard: Envelope[Decision], catalogue: Catalogue, now: datetime) -> Fact:
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


def refused(gift: Gift, reason: str, cause: Cause, at: datetime) -> Fact:
    """Say that the gift will not be given."""
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
