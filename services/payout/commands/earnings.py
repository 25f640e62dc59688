"""
Gifts become diamonds, and diamonds follow their gifts' coins: a whole batch in one transaction.

A reversal may arrive before its gift. It is kept, and the diamonds end the same for every order of
arrival.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from services.payout.commands.clawbacks import (
    EarningsBatch,
    follow_earlier,
    follow_reversal,
    references_of,
)
from services.payout.commands.losses import CLAWBACK, review_unsent
from services.payout.commands.valuations import open_known_books
from services.payout.domain import earnings as domain
from services.payout.domain.earnings import CauseReused, Earning
from services.payout.domain.rates import DIAMONDS, FUNDING_RISK, Rules
from services.payout.store import earnings as store
from services.payout.store import maturity
from services.payout.store.reversals import Key
from shared.contracts.envelope import Envelope
from shared.contracts.gift import GiftEvent, GiftSent, ReversalEvent
from shared.contracts.payout import DiamondsEarned
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.contracts.wallet import LotKind, lot_id
from shared.ledger.book import open_book
from shared.ledger.entries import MAIN, LockedAccounts
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

GIFT_REFERENCE = "gift:{}"


async def follow_gifts(
    tx: Transaction, received: Sequence[Envelope[GiftEvent]], rules: Rules
) -> set[UUID]:
    """
    Book the diamonds of each gift, and let them follow each reversal, in order of arrival.

    Returns the ids of the stale reversals.
    """
    stale: set[UUID] = set()
    # Known here already: a lock is taken before anything is read that decides.
    references = [
        (message.data.creator, reference)
        for message in received
        for reference in _references(message.data)
    ]
    book, creators = await open_known_books(tx, references, rules)
    known = await store.load(
        tx,
        creators,
        {key for message in received for key in _slices(message.data)},
        has_reversals=any(isinstance(message.data, ReversalEvent) for message in received),
    )
    batch = EarningsBatch(known, rules, book.recorded_at)
    for message in received:
        accounts = book[message.data.creator]
        if isinstance(message.data, GiftSent):
            _earn(batch, accounts, message.data, message)
        elif isinstance(message.data, ReversalEvent) and not follow_reversal(
            batch, accounts, message.data, message.time, message.cause
        ):
            stale.add(message.id)
    await book.write(tx)
    await store.write(tx, batch.known)
    batch.facts += await review_unsent(tx, sorted(batch.short), batch.recorded_at, reason=CLAWBACK)
    await archive.store_facts(
        tx, [fact for fact in batch.facts if not isinstance(fact.event, DiamondsEarned)]
    )
    await publish(tx, batch.facts)
    return stale


async def apply_fraud_warnings(
    tx: Transaction, received: Sequence[Envelope[PurchaseRiskFlagged]], rules: Rules
) -> None:
    """Let diamonds wait longer whose payment has a fraud warning, also those still to come."""
    flagged: dict[UUID, datetime] = {}
    for message in received:
        for kind in (LotKind.PAID, LotKind.BONUS):
            lot = lot_id(message.data.purchase, kind)
            flagged[lot] = max(flagged.get(lot, message.time), message.time)
    until = {lot: rules.maturity.after_warning(at) for lot, at in flagged.items()}
    # The lock keeps others from booking, taking back or maturing what is about to change.
    creators = await maturity.pending_creators(tx, sorted(flagged))
    if creators:
        await open_book(tx, DIAMONDS, [(creator, "warning") for creator in creators])
    await maturity.add_warnings(tx, flagged, until, reason=FUNDING_RISK)


def _references(event: GiftEvent) -> Iterator[str]:
    yield GIFT_REFERENCE.format(event.gift)
    if isinstance(event, ReversalEvent):
        yield from references_of(event.gift, event.lot, event.revision)


def _slices(event: GiftEvent) -> Iterator[Key]:
    if isinstance(event, GiftSent):
        for piece in event.slices:
            yield event.creator, event.gift, piece.lot
    elif isinstance(event, ReversalEvent):
        yield event.creator, event.gift, event.lot


def _earn(
    batch: EarningsBatch, accounts: LockedAccounts, gift: GiftSent, sent: Envelope[GiftEvent]
) -> None:
    reference = GIFT_REFERENCE.format(gift.gift)
    request_hash = _request_hash(gift)
    known = accounts.outcomes.get(reference)
    if known is not None:
        if known.request_hash != request_hash:
            raise CauseReused(cause=reference)
        return
    earnings = _earnings(batch, accounts, gift, sent.time)
    diamonds = domain.earn(
        accounts, earnings, batch.rules, reference=reference, request_hash=request_hash
    )
    event = DiamondsEarned(
        creator=gift.creator,
        gift=gift.gift,
        viewer=gift.viewer,
        coins=gift.coins,
        diamonds=diamonds,
        matures_at=max(earning.matures_at for earning in earnings),
        balance_diamonds=accounts.balance(MAIN, DIAMONDS),
    )
    version = accounts.record_result(event.model_dump_json()).number
    cause = sent.cause
    batch.facts.append(Fact(event, version, cause, batch.recorded_at))
    batch.known.add(earnings, sent.time)
    for earning in earnings:
        follow_earlier(batch, accounts, earning, sent.time, cause)


def _earnings(
    batch: EarningsBatch, accounts: LockedAccounts, gift: GiftSent, sent_at: datetime
) -> list[Earning]:
    rules = batch.rules
    known = batch.known.creators[gift.creator]
    matures_at, reason = rules.maturity.matures_at(
        sent_at,
        first_earned_at=known.first_earned_at,
        lifetime_minor=rules.value_minor(known.lifetime_diamonds),
    )
    earnings = []
    for number, piece in enumerate(gift.slices):
        unlocks, why = matures_at, reason
        if (risky := batch.known.warnings.get(piece.lot)) is not None:
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
                decision=accounts.version + 1,
                occurred_at=sent_at,
                matures_at=unlocks,
                hold_reason=why,
                # Nothing to wait for: it is available at once.
                matured=unlocks <= sent_at,
                anonymous=gift.anonymous,
            )
        )
    return earnings


def _request_hash(gift: GiftSent) -> bytes:
    paid = [f"{piece.lot.int} {piece.coins}" for piece in gift.slices]
    content = "\n".join((gift.viewer, str(gift.coins), *paid))
    return hashlib.blake2b(content.encode(), digest_size=16).digest()
