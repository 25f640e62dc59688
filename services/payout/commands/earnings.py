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
from services.payout.commands.shares import (
    RESTORED,
    Earned,
    Followed,
    IsHere,
    Reversed,
    Sharing,
    everybody,
    share_fact,
    shared_by,
)
from services.payout.commands.valuations import open_known_books
from services.payout.domain import earnings as domain
from services.payout.domain.earnings import CauseReused, Earning
from services.payout.domain.rates import DIAMONDS, FUNDING_RISK, Rules
from services.payout.domain.reviews import CLAWBACK
from services.payout.domain.splits import Part
from services.payout.store import earnings as store
from services.payout.store import maturity
from services.payout.store import shares as shares_store
from services.payout.store import splits as splits_store
from services.payout.store.reversals import Key
from services.payout.store.shares import SentShare
from shared.contracts.envelope import Envelope
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
    tx: Transaction,
    received: Sequence[Envelope[Followed]],
    rules: Rules,
    *,
    is_here: IsHere = everybody,
) -> set[UUID]:
    """
    Book the diamonds of each gift or share, and let them follow each reversal, as they arrive.

    `is_here` says which parties are in the part of the transaction. Returns the ids of the stale
    reversals.
    """
    stale: set[UUID] = set()
    # Known here already: a lock is taken before anything is read that decides.
    splits = await splits_store.read(tx, (message.data.creator for message in received))
    sharing = Sharing(splits, is_here)
    references = [
        pair for message in received for pair in _references(message.data, message.time, sharing)
    ]
    book, creators = await open_known_books(tx, references, rules)
    pieces = [
        piece for message in received for piece in _pieces(message.data, message.time, sharing)
    ]
    known = await store.load(
        tx,
        creators,
        Counter(key for key, _ in pieces),
        {key: diamonds for key, diamonds in pieces if diamonds is not None},
        has_reversals=any(isinstance(message.data, Reversed) for message in received),
        may_restore=_may_restore([message.data for message in received]),
    )
    batch = EarningsBatch(known, rules, book, sharing)
    for message in received:
        if isinstance(message.data, Earned):
            _earn(batch, message.data, message)
        elif isinstance(message.data, Reversed):
            # One that comes again is told again: it is the same message.
            batch.facts += sharing.reversals_elsewhere(message.data, message)
            if not follow_reversal(batch, message.data, message.time, message.cause):
                stale.add(message.id)
    await book.write(tx)
    await store.write(tx, batch.known)
    await shares_store.add(tx, batch.sent_shares)
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


def _may_restore(events: Sequence[Followed]) -> bool:
    """Whether diamonds may come back in a batch, of gifts that had no reversal before it."""
    reversals = [event for event in events if isinstance(event, Reversed)]
    about = {(event.creator, event.gift, event.lot) for event in reversals}
    return len(about) < len(reversals) or any(isinstance(each, RESTORED) for each in reversals)


def _references(event: Followed, at: datetime, sharing: Sharing) -> Iterator[tuple[str, str]]:
    """Yield under which references of whom an event may be booked."""
    if isinstance(event, Reversed):
        # Whoever received the gift is locked, whether anything is booked or not.
        yield event.creator, f"{GIFT_PREFIX}{event.gift}"
        for party in sharing.parties_of(event):
            for reference in references_of(event.gift, event.lot, event.revision):
                yield party, reference
    elif isinstance(event, Earned):
        for party, _ in sharing.shares_of(event, at):
            yield party, _reference(event, party)


def _reference(gift: Earned, party: str) -> str:
    """Return under which reference a party earns of a gift."""
    is_own = shared_by(gift, party) is None
    return f"{GIFT_PREFIX}{gift.gift}" if is_own else SHARE_REFERENCE.format(gift.gift)


def _pieces(event: Followed, at: datetime, sharing: Sharing) -> Iterator[tuple[Key, int | None]]:
    """Yield which slices of whom an event is about, with the diamonds that it brings."""
    if isinstance(event, Earned):
        for party, shares_bp in sharing.shares_of(event, at):
            for piece in event.slices:
                diamonds = domain.diamonds_of_coins(piece.coins, piece.diamond_rate_bp, shares_bp)
                yield (party, event.gift, piece.lot), diamonds
    elif isinstance(event, Reversed):
        for party in sharing.parties_of(event):
            yield (party, event.gift, event.lot), None


def _earn(batch: EarningsBatch, gift: Earned, sent: Envelope[Followed]) -> None:
    """
    Book a gift for its parties here, and send the shares of the others.

    Whether it is booked is known under its creator's reference.
    """
    reference = _reference(gift, gift.creator)
    request_hash = _request_hash(gift)
    known = batch.book[gift.creator].outcomes.get(reference)
    if known is not None:
        if known.request_hash != request_hash:
            raise CauseReused(cause=reference)
        return
    for part in batch.sharing.shares_of(gift, sent.time):
        _earn_part(batch, gift, sent, part, request_hash)
    for share in batch.sharing.shares_elsewhere(gift, sent.time):
        party, shares_bp = share
        batch.sent_shares.append(SentShare(gift.creator, gift.gift, party, shares_bp or ()))
        batch.facts.append(share_fact(gift, share, sent))


def _earn_part(
    batch: EarningsBatch, gift: Earned, sent: Envelope[Followed], part: Part, request_hash: bytes
) -> None:
    party, _ = part
    reference = _reference(gift, party)
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
        shared_by=shared_by(gift, party),
    )
    version = accounts.record_result(event.model_dump_json()).number
    cause = sent.cause
    batch.facts.append(Fact(event, version, cause, batch.recorded_at))
    batch.known.add(earnings, sent.time)
    for earning in earnings:
        follow_earlier(batch, gift.creator, earning, sent.time, cause)


def _earnings(
    batch: EarningsBatch, accounts: LockedAccounts, gift: Earned, sent_at: datetime, part: Part
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
                gift_type=gift.gift_type,
                count=gift.count,
                room=gift.room,
                combo=gift.combo,
                shared_by=shared_by(gift, party),
                shares_bp=shares_bp,
            )
        )
    return earnings


def _request_hash(gift: Earned) -> bytes:
    paid = [f"{piece.lot.int} {piece.coins}" for piece in gift.slices]
    content = "\n".join((gift.viewer, str(gift.coins), *paid))
    return hashlib.blake2b(content.encode(), digest_size=16).digest()
