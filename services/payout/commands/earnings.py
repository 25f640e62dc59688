"""
Gifts become diamonds, and diamonds follow their gifts' coins: a whole batch in one transaction.

A reversal may arrive before its gift. It is kept, and the diamonds end the same for every order of
arrival. The gifts of some creators are shared: each party earns its own part of them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from services.payout.commands.clawbacks import (
    EarningsBatch,
    follow_earlier,
    follow_reversal,
    references_of,
)
from services.payout.commands.losses import review_unsent
from services.payout.commands.valuations import open_known_books
from services.payout.domain import earnings as domain
from services.payout.domain.earnings import CauseReused, Earning
from services.payout.domain.rates import DIAMONDS, FUNDING_RISK, Rules
from services.payout.domain.reviews import CLAWBACK
from services.payout.domain.splits import Part, Splits, parts_of, possible_parties
from services.payout.store import earnings as store
from services.payout.store import maturity
from services.payout.store import splits as splits_store
from services.payout.store.reversals import Key
from shared.contracts.envelope import Envelope
from shared.contracts.gift import GiftEvent, GiftRestored, GiftSent, ReversalEvent
from shared.contracts.payout import DiamondsEarned
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.contracts.wallet import LotKind, lot_id
from shared.ledger.book import open_book
from shared.ledger.entries import GIFT_PREFIX, MAIN, LockedAccounts
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

# Of a party's part of a gift that another creator received.
SHARE_REFERENCE = "share:{}"


async def follow_gifts(
    tx: Transaction, received: Sequence[Envelope[GiftEvent]], rules: Rules
) -> set[UUID]:
    """
    Book the diamonds of each gift, and let them follow each reversal, in order of arrival.

    Returns the ids of the stale reversals.
    """
    stale: set[UUID] = set()
    # Known here already: a lock is taken before anything is read that decides.
    splits = await splits_store.read(tx, (message.data.creator for message in received))
    references = [
        pair for message in received for pair in _references(message.data, message.time, splits)
    ]
    book, creators = await open_known_books(tx, references, rules)
    pieces = [
        piece for message in received for piece in _pieces(message.data, message.time, splits)
    ]
    known = await store.load(
        tx,
        creators,
        Counter(key for key, _ in pieces),
        {key: diamonds for key, diamonds in pieces if diamonds is not None},
        has_reversals=any(isinstance(message.data, ReversalEvent) for message in received),
        may_restore=_may_restore([message.data for message in received]),
    )
    batch = EarningsBatch(known, rules, book, splits)
    for message in received:
        if isinstance(message.data, GiftSent):
            _earn(batch, message.data, message)
        elif isinstance(message.data, ReversalEvent) and not follow_reversal(
            batch, message.data, message.time, message.cause
        ):
            stale.add(message.id)
    await book.write(tx)
    await store.write(tx, batch.known)
    batch.facts += await review_unsent(
        tx, sorted(batch.short), batch.recorded_at, reason=CLAWBACK, rules=rules
    )
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


def _may_restore(events: Sequence[GiftEvent]) -> bool:
    """Whether diamonds may come back in a batch, of gifts that had no reversal before it."""
    reversals = [event for event in events if isinstance(event, ReversalEvent)]
    about = {(event.creator, event.gift, event.lot) for event in reversals}
    return len(about) < len(reversals) or any(isinstance(each, GiftRestored) for each in reversals)


def _references(event: GiftEvent, at: datetime, splits: Splits) -> Iterator[tuple[str, str]]:
    """Yield under which references of whom an event may be booked."""
    yield event.creator, f"{GIFT_PREFIX}{event.gift}"
    if isinstance(event, ReversalEvent):
        for party in possible_parties(splits, event.creator):
            for reference in references_of(event.gift, event.lot, event.revision):
                yield party, reference
    else:
        for party, _ in parts_of(splits, event.creator, at)[:-1]:
            yield party, SHARE_REFERENCE.format(event.gift)


def _pieces(event: GiftEvent, at: datetime, splits: Splits) -> Iterator[tuple[Key, int | None]]:
    """Yield which slices of whom an event is about, with the diamonds that it brings."""
    if isinstance(event, GiftSent):
        for party, shares_bp in parts_of(splits, event.creator, at):
            for piece in event.slices:
                diamonds = domain.diamonds_of_coins(piece.coins, piece.diamond_rate_bp, shares_bp)
                yield (party, event.gift, piece.lot), diamonds
    elif isinstance(event, ReversalEvent):
        for party in possible_parties(splits, event.creator):
            yield (party, event.gift, event.lot), None


def _earn(batch: EarningsBatch, gift: GiftSent, sent: Envelope[GiftEvent]) -> None:
    """Book a gift for all parties; whether it is booked is known under its creator's reference."""
    reference = f"{GIFT_PREFIX}{gift.gift}"
    request_hash = _request_hash(gift)
    known = batch.book[gift.creator].outcomes.get(reference)
    if known is not None:
        if known.request_hash != request_hash:
            raise CauseReused(cause=reference)
        return
    for part in parts_of(batch.splits, gift.creator, sent.time):
        _earn_part(batch, gift, sent, part, request_hash)


def _earn_part(
    batch: EarningsBatch, gift: GiftSent, sent: Envelope[GiftEvent], part: Part, request_hash: bytes
) -> None:
    party, _ = part
    is_own = party == gift.creator
    reference = f"{GIFT_PREFIX}{gift.gift}" if is_own else SHARE_REFERENCE.format(gift.gift)
    accounts = batch.book[party]
    earnings = _earnings(batch, accounts, gift, sent.time, part)
    diamonds = domain.earn(
        accounts, earnings, batch.rules, reference=reference, request_hash=request_hash
    )
    event = DiamondsEarned(
        creator=party,
        gift=gift.gift,
        viewer=gift.viewer,
        coins=gift.coins,
        diamonds=diamonds,
        matures_at=max(earning.matures_at for earning in earnings),
        balance_diamonds=accounts.balance(MAIN, DIAMONDS),
        shared_by=None if is_own else gift.creator,
    )
    version = accounts.record_result(event.model_dump_json()).number
    cause = sent.cause
    batch.facts.append(Fact(event, version, cause, batch.recorded_at))
    batch.known.add(earnings, sent.time)
    for earning in earnings:
        follow_earlier(batch, gift.creator, earning, sent.time, cause)


def _earnings(
    batch: EarningsBatch, accounts: LockedAccounts, gift: GiftSent, sent_at: datetime, part: Part
) -> list[Earning]:
    party, shares_bp = part
    known = batch.known.creators[party]
    matures_at, reason = batch.rules.maturity.matures_at(
        sent_at,
        first_earned_at=known.first_earned_at,
        lifetime_minor=known.rate.value_minor(known.lifetime_diamonds),
    )
    earnings = []
    for number, piece in enumerate(gift.slices):
        unlocks, why = matures_at, reason
        if (risky := batch.known.warnings.get(piece.lot)) is not None:
            unlocks, why = max((unlocks, why), (risky, FUNDING_RISK))
        earnings.append(
            Earning(
                creator=party,
                gift=gift.gift,
                slice=number,
                lot=piece.lot,
                lot_kind=piece.kind.value,
                viewer=gift.viewer,
                coins=piece.coins,
                rate_bp=piece.diamond_rate_bp,
                diamonds=domain.diamonds_of_coins(piece.coins, piece.diamond_rate_bp, shares_bp),
                decision=accounts.version + 1,
                occurred_at=sent_at,
                matures_at=unlocks,
                hold_reason=why,
                # Nothing to wait for: it is available at once.
                matured=unlocks <= sent_at,
                anonymous=gift.anonymous,
                shared_by=None if party == gift.creator else gift.creator,
                shares_bp=shares_bp,
            )
        )
    return earnings


def _request_hash(gift: GiftSent) -> bytes:
    paid = [f"{piece.lot.int} {piece.coins}" for piece in gift.slices]
    content = "\n".join((gift.viewer, str(gift.coins), *paid))
    return hashlib.blake2b(content.encode(), digest_size=16).digest()
