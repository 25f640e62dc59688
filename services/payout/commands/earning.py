"""
Gifts become diamonds, and diamonds follow their gifts' coins: a whole batch in one transaction.

What is said about a gift may arrive before the gift. It is kept, and the diamonds come to what all
that was heard says, whatever came first.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.payout.commands import holding
from services.payout.domain import earnings as domain
from services.payout.domain.earnings import CauseReused, Clawback, Earning
from services.payout.domain.rates import DIAMONDS, FUNDING_RISK, Rules
from services.payout.store import earnings as store
from services.payout.store.earnings import Heard
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.gift import GiftEvent, GiftSent, ReversalEvent
from shared.contracts.payout import (
    ClawbackEvent,
    DiamondsClawedBack,
    DiamondsEarned,
    DiamondsRestored,
)
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.contracts.wallet import LotKind, lot_id
from shared.database import Transaction
from shared.ledger.book import open_book
from shared.ledger.rules import MAIN, Holder
from shared.messaging import chronicle
from shared.messaging.outbox import Fact, announce

GIFT_CAUSE = "gift:{}"
REVERSAL_CAUSE = "reversal:{}:{}:{}"


@dataclass(slots=True)
class Desk:
    """Everything a batch needs to know, changing as it is decided."""

    heard: Heard
    rules: Rules
    recorded_at: datetime
    facts: list[Fact] = field(default_factory=list)
    # Creators who lost diamonds that they do not have any more.
    short: set[str] = field(default_factory=set)


async def follow_gifts(
    tx: Transaction, received: Sequence[Envelope[GiftEvent]], rules: Rules
) -> set[UUID]:
    """
    Book the diamonds of each gift, and let them follow each reversal, in order of arrival.

    Returns the reversals that were old news.
    """
    stale: set[UUID] = set()
    reversals = [heard.data for heard in received if isinstance(heard.data, ReversalEvent)]
    gifts = {(heard.data.creator, heard.data.gift) for heard in received}
    earlier = await store.reversed_before(tx, gifts)
    causes = [
        (heard.data.creator, cause) for heard in received for cause in _causes(heard.data, earlier)
    ]
    book = await open_book(tx, DIAMONDS, causes)
    sent = [heard.data for heard in received if isinstance(heard.data, GiftSent)]
    desk = Desk(
        heard=await store.heard(
            tx,
            book.holders,
            gifts,
            reversed_gifts={(each.creator, each.gift) for each in reversals},
            lots={piece.lot for gift in sent for piece in gift.slices},
        ),
        rules=rules,
        recorded_at=book.recorded_at,
    )
    for heard in received:
        holder = book[heard.data.creator]
        if isinstance(heard.data, GiftSent):
            _earn(desk, holder, heard.data, heard)
        elif isinstance(heard.data, ReversalEvent):
            if not _keep(desk, heard.data):
                stale.add(heard.id)
            _reverse(desk, holder, heard.data.gift, heard.data.lot, heard.cause)
    await book.write(tx)
    await store.write(tx, desk.heard)
    desk.facts += await holding.hold(tx, sorted(desk.short), desk.recorded_at)
    await chronicle.remember(
        tx, [fact for fact in desk.facts if not isinstance(fact.event, DiamondsEarned)]
    )
    await announce(tx, desk.facts)
    return stale


async def heed_warnings(
    tx: Transaction, received: Sequence[Envelope[PurchaseRiskFlagged]], rules: Rules
) -> None:
    """Let diamonds wait longer whose payment somebody warns of, known or still to come."""
    flagged = {
        lot_id(heard.data.purchase, kind): heard.time
        for heard in received
        for kind in (LotKind.PAID, LotKind.BONUS)
    }
    until = {lot: rules.holds.after_warning(at) for lot, at in flagged.items()}
    await store.warn(tx, flagged, until, reason=FUNDING_RISK)


def _causes(event: GiftEvent, earlier: store.Reversals) -> Iterator[str]:
    yield GIFT_CAUSE.format(event.gift)
    if isinstance(event, ReversalEvent):
        yield REVERSAL_CAUSE.format(event.gift, event.lot, event.revision)
    for (creator, gift, lot), (revision, _) in earlier.items():
        if (creator, gift) == (event.creator, event.gift):
            yield REVERSAL_CAUSE.format(gift, lot, revision)


def _earn(desk: Desk, holder: Holder, gift: GiftSent, sent: Envelope[GiftEvent]) -> None:
    cause = GIFT_CAUSE.format(gift.gift)
    request_hash = _request_hash(gift)
    known = holder.outcomes.get(cause)
    if known is not None:
        if known.request_hash != request_hash:
            raise CauseReused(cause=cause)
        desk.heard.repeated[gift.creator, gift.gift] = gift.anonymous
        return
    earnings = _earnings(desk, holder, gift, sent.time)
    domain.earn(holder, earnings, desk.rules, cause=cause, request_hash=request_hash)
    diamonds = sum(earning.diamonds for earning in earnings)
    event = DiamondsEarned(
        creator=gift.creator,
        gift=gift.gift,
        viewer=gift.viewer,
        coins=gift.coins,
        diamonds=diamonds,
        matures_at=max(earning.matures_at for earning in earnings),
        balance_diamonds=holder.balance(MAIN, DIAMONDS),
    )
    version = holder.conclude(event.model_dump_json()).version
    desk.facts.append(Fact(event, version, sent.cause, desk.recorded_at))
    desk.heard.add(earnings, sent.time)
    for earning in earnings:
        _reverse(desk, holder, gift.gift, earning.lot, sent.cause)


def _earnings(desk: Desk, holder: Holder, gift: GiftSent, sent_at: datetime) -> list[Earning]:
    rules = desk.rules
    known = desk.heard.creators.get(gift.creator)
    matures_at, reason = rules.holds.matures_at(
        sent_at,
        first_earned_at=known.first_earned_at if known else None,
        lifetime_minor=rules.value_minor(known.lifetime_diamonds) if known else 0,
    )
    earnings = []
    for number, piece in enumerate(gift.slices):
        unlocks, why = matures_at, reason
        if (flagged_at := desk.heard.warnings.get(piece.lot)) is not None:
            risky = rules.holds.after_warning(flagged_at)
            unlocks, why = max((unlocks, why), (risky, FUNDING_RISK))
        earnings.append(
            Earning(
                creator=gift.creator,
                gift=gift.gift,
                slice=number,
                lot=piece.lot,
                lot_kind=piece.kind.value,
                viewer=gift.viewer,
                coins=piece.coins,
                rate_bp=piece.diamond_rate_bp,
                diamonds=domain.diamonds_of_coins(piece.coins, piece.diamond_rate_bp),
                decision=holder.version + 1,
                occurred_at=sent_at,
                matures_at=unlocks,
                hold_reason=why,
                # Nothing to wait for: it is available at once.
                matured=unlocks <= sent_at,
                anonymous=gift.anonymous,
            )
        )
    return earnings


def _keep(desk: Desk, event: ReversalEvent) -> bool:
    """Keep what a reversal says; return whether it is news."""
    key = (event.creator, event.gift, event.lot)
    revision, _ = desk.heard.reversals.get(key, (0, 0))
    if event.revision > revision:
        desk.heard.reversals[key] = (event.revision, event.reversed_coins)
    return event.revision > revision


def _reverse(desk: Desk, holder: Holder, gift: UUID, lot: UUID, cause: Cause) -> None:
    """Let the diamonds of one gift's slice come to what the newest revision says."""
    revision, coins = desk.heard.reversals.get((holder.user, gift, lot), (0, 0))
    earning = desk.heard.earnings.get((holder.user, gift, lot))
    named = REVERSAL_CAUSE.format(gift, lot, revision)
    if not revision or earning is None or named in holder.outcomes:
        return
    taken = domain.follow_reversal(
        holder, earning, coins, desk.rules, cause=named, request_hash=lot.bytes
    )
    event = _clawback_event(holder, earning, revision, taken)
    version = holder.conclude(event.model_dump_json()).version
    if taken != Clawback():
        desk.facts.append(Fact(event, version, cause, desk.recorded_at))
    if taken.loss_diamonds > 0:
        desk.short.add(holder.user)


def _clawback_event(
    holder: Holder, earning: Earning, revision: int, taken: Clawback
) -> ClawbackEvent:
    took = taken.diamonds + taken.loss_diamonds > 0
    contract = DiamondsClawedBack if took else DiamondsRestored
    return contract(
        creator=earning.creator,
        gift=earning.gift,
        lot=earning.lot,
        revision=revision,
        diamonds=abs(taken.diamonds),
        loss_diamonds=abs(taken.loss_diamonds),
        balance_diamonds=holder.balance(MAIN, DIAMONDS),
    )


def _request_hash(gift: GiftSent) -> bytes:
    said = repr((gift.viewer, gift.coins, [(piece.lot, piece.coins) for piece in gift.slices]))
    return hashlib.blake2b(said.encode(), digest_size=16).digest()
