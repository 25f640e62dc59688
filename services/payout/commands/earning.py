"""Gifts become diamonds, a whole batch in one transaction, once each."""

import hashlib
from collections.abc import Sequence

from services.payout import domain
from services.payout.domain import DIAMONDS, CauseReused
from services.payout.store import earnings
from shared.contracts.envelope import Envelope
from shared.contracts.gift import GiftSent
from shared.contracts.payout import DiamondsEarned
from shared.database import Transaction
from shared.ledger.book import open_book
from shared.ledger.rules import MAIN, Holder
from shared.messaging.outbox import Fact, announce

GIFT_CAUSE = "gift:{}"


async def earn_diamonds(tx: Transaction, received: Sequence[Envelope[GiftSent]]) -> None:
    """Book the diamonds of each gift for its creator; a gift booked before is booked no more."""
    book = await open_book(
        tx, DIAMONDS, ((sent.data.creator, GIFT_CAUSE.format(sent.data.gift)) for sent in received)
    )
    facts: list[Fact] = []
    booked: list[earnings.NewEarning] = []
    for sent in received:
        holder, cause = book[sent.data.creator], GIFT_CAUSE.format(sent.data.gift)
        request_hash = _request_hash(sent.data)
        known = holder.outcomes.get(cause)
        if known is not None:
            if known.request_hash != request_hash:
                raise CauseReused(cause=cause)
            continue
        earning, event = _earn(holder, sent, cause=cause, request_hash=request_hash)
        holder.conclude(event.model_dump_json())
        booked.append(earning)
        facts.append(Fact(event, earning.decision, sent.cause))
    await book.write(tx)
    await earnings.add(tx, booked)
    await announce(tx, facts)


def _earn(
    holder: Holder, sent: Envelope[GiftSent], *, cause: str, request_hash: bytes
) -> tuple[earnings.NewEarning, DiamondsEarned]:
    gift = sent.data
    slices = domain.earned_of([piece.model_dump() for piece in gift.slices])
    diamonds = sum([piece.diamonds for piece in slices])
    decision = domain.earn(holder, cause=cause, diamonds=diamonds, request_hash=request_hash)
    earning = earnings.NewEarning(
        creator=gift.creator,
        gift=gift.gift,
        viewer=gift.viewer,
        decision=decision,
        occurred_at=sent.time,
        # Available at once. Holding diamonds back until the money behind them is safe comes
        # with its own rules; this is where the date will be set.
        matures_at=sent.time,
        slices=slices,
    )
    event = DiamondsEarned(
        creator=gift.creator,
        gift=gift.gift,
        viewer=gift.viewer,
        coins=gift.coins,
        diamonds=diamonds,
        matures_at=sent.time,
        balance_diamonds=holder.balance(MAIN, DIAMONDS),
    )
    return earning, event


def _request_hash(gift: GiftSent) -> bytes:
    said = repr((gift.viewer, gift.coins, [(piece.lot, piece.coins) for piece in gift.slices]))
    return hashlib.blake2b(said.encode(), digest_size=16).digest()
