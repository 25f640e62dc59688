"""
Diamonds follow their gifts' coins, in every order in which the events arrive.

Of the revisions of one lot of one gift the newest counts, and of all of them the most coins: the
difference has come back. A revision that arrives after a newer one has the result that it would
have had in its turn: what it takes comes back, and waits. Of a gift that is shared each party
follows with its share, which depends on the coins alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.payout.commands.shares import RESTORED, Reversed, Sharing
from services.payout.domain import earnings as domain
from services.payout.domain.earnings import Clawback, Earning
from services.payout.domain.rates import DIAMONDS, Rules
from services.payout.store.earnings import KnownEarnings
from services.payout.store.reversals import Reversal
from services.payout.store.shares import SentShare
from shared.contracts.envelope import Cause
from shared.contracts.payout import ClawbackEvent, DiamondsClawedBack, DiamondsRestored
from shared.contracts.shares import ShareReversalEvent
from shared.ledger.book import Book
from shared.ledger.entries import MAIN, LockedAccounts
from shared.messaging.facts import Fact

REVERSAL_REFERENCE = "reversal:{}:{}:{}"
RESTORATION_REFERENCE = "restoration:{}:{}:{}"


@dataclass(slots=True)
class EarningsBatch:
    """Everything a batch needs to know, changing as it is decided."""

    known: KnownEarnings
    rules: Rules
    book: Book
    sharing: Sharing
    facts: list[Fact] = field(default_factory=list)
    sent_shares: list[SentShare] = field(default_factory=list)
    # Creators who lost diamonds that they do not have any more.
    short: set[str] = field(default_factory=set)

    @property
    def recorded_at(self) -> datetime:
        return self.book.recorded_at


def references_of(gift: UUID, lot: UUID, revision: int) -> Iterator[str]:
    """Yield the references under which diamonds may follow a revision."""
    yield REVERSAL_REFERENCE.format(gift, lot, revision)
    yield RESTORATION_REFERENCE.format(gift, lot, revision)


def follow_reversal(batch: EarningsBatch, event: Reversed, at: datetime, cause: Cause) -> bool:
    """Keep a reversal and let the diamonds follow; return whether it is the newest."""
    key = (event.creator, event.gift, event.lot)
    sharer = event.shared_by if isinstance(event, ShareReversalEvent) else None
    known = batch.known.reversals.setdefault(key, Reversal(shared_by=sharer))
    is_first = known.note(event.revision)
    if event.revision > known.revision:
        known.revision, known.reversed_coins = event.revision, event.reversed_coins
        known.newest_at = at
    known.most_coins = max(known.most_coins, event.reversed_coins)
    is_later = False
    if isinstance(event, RESTORED):
        is_later = known.restored_at is None or at > known.restored_at
        known.restored_at = max(known.restored_at or at, at)
    most = event.reversed_coins if is_first else known.reversed_coins
    for party in batch.sharing.parties_of(event):
        earning = batch.known.earnings.get((party, event.gift, event.lot))
        if earning is None:
            continue
        _follow(batch, earning, most, known, event.revision, at, cause)
        if is_later and earning.restored.pending:
            earning.restored.matures_at, _ = _wait(batch, earning, known, at)
    return event.revision == known.revision


def follow_earlier(
    batch: EarningsBatch, creator: str, earning: Earning, at: datetime, cause: Cause
) -> None:
    """Let a new earning of a creator's gift follow the reversals that arrived before it."""
    known = batch.known.reversals.get((creator, earning.gift, earning.lot))
    if known is not None:
        _follow(batch, earning, known.most_coins, known, known.revision, at, cause)


def _follow(
    batch: EarningsBatch,
    earning: Earning,
    most_coins: int,
    known: Reversal,
    revision: int,
    at: datetime,
    cause: Cause,
) -> None:
    """Take back the most that was ever reversed, then give back what was restored since."""
    accounts = batch.book[earning.creator]
    taking, giving = references_of(earning.gift, earning.lot, revision)
    about = {"request_hash": earning.lot.bytes}
    lowest = earning.worth(max(most_coins, known.reversed_coins))
    now = earning.worth(known.reversed_coins)
    creator = batch.known.creators[earning.creator]
    lost_before = earning.lost_diamonds
    if lowest < earning.backed and taking not in accounts.outcomes:
        before = earning.backed
        taken = domain.take_back(accounts, earning, lowest, batch.rules, reference=taking, **about)
        _record_result(batch, accounts, earning, DiamondsClawedBack, revision, taken, cause)
        creator.lifetime_diamonds -= before - earning.backed
    if now > earning.backed and giving not in accounts.outcomes:
        before = earning.backed
        matures_at, waits = _wait(batch, earning, known, at)
        given = domain.restore(
            accounts,
            earning,
            now,
            batch.rules,
            matures_at=matures_at,
            waits=waits,
            losses=batch.known.losses_of(earning.creator),
            reference=giving,
            **about,
        )
        _record_result(batch, accounts, earning, DiamondsRestored, revision, given, cause)
        creator.lifetime_diamonds += earning.backed - before
    if earning.lost_diamonds > lost_before:
        batch.short.add(accounts.user)


def _wait(
    batch: EarningsBatch, earning: Earning, known: Reversal, at: datetime
) -> tuple[datetime, bool]:
    """
    Return until when diamonds that came back wait, as new ones would; and whether they do.

    If the restoration itself did not arrive yet, the newest revision is the latest it can be.
    """
    restored_at = known.restored_at or known.newest_at or at
    maturity = batch.rules.maturity
    creator = batch.known.creators[earning.creator]
    matures_at, _ = maturity.matures_at(
        restored_at,
        first_earned_at=creator.first_earned_at,
        lifetime_minor=creator.rate.value_minor(creator.lifetime_diamonds),
    )
    # A warning is not part of it: it is looked at again wherever this time is used.
    return matures_at, matures_at > restored_at


def _usable_at(batch: EarningsBatch, earning: Earning) -> datetime:
    """Return when what came back of an earning can be paid out, warnings included."""
    assert earning.restored.matures_at is not None
    until = batch.known.warnings.get(earning.lot, earning.restored.matures_at)
    return max(earning.restored.matures_at, until)


def _record_result(
    batch: EarningsBatch,
    accounts: LockedAccounts,
    earning: Earning,
    contract: type[ClawbackEvent],
    revision: int,
    moved: Clawback,
    cause: Cause,
) -> None:
    """Record and publish what was taken or given."""
    about: dict[str, object] = {}
    if contract is DiamondsRestored and earning.restored.pending:
        about["matures_at"] = _usable_at(batch, earning)
    event = contract(
        creator=earning.creator,
        gift=earning.gift,
        lot=earning.lot,
        revision=revision,
        diamonds=abs(moved.diamonds),
        loss_diamonds=abs(moved.loss_diamonds),
        balance_diamonds=accounts.balance(MAIN, DIAMONDS),
        **about,
    )
    version = accounts.record_result(event.model_dump_json()).number
    batch.facts.append(Fact(event, version, cause, batch.recorded_at))
