"""
Where each coin of a viewer is, derived from the facts and decisions that are known.

Facts about purchases come in any order and more than once. So nothing here adds or subtracts what
one fact says: `derive` works out from all of them where the coins have to be, and the caller posts
the difference. Decisions are facts as well: which coins paid a gift, how many coins a refund
request found unspent.

Coins of one lot go, in this order, to: gifts, corrections and expiry (decided, for good); refunds
whose money went back; disputes; refunds under way; warnings of fraud; the debts of other lots. What
is left can be spent, or is forfeited if its owner gave the lot up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from services.wallet.domain.coins import (
    DISPUTED,
    EXPIRED,
    FORFEITED,
    REFUNDED,
    Legs,
    Lot,
    Origin,
    spending_order,
)
from shared.ledger.entries import DEBT, HELD, MAIN
from shared.money import Rounding, prorate

# How many coins of which lot pay the debt of which lot: (debtor, payer).
Repayments: TypeAlias = dict[tuple[UUID, UUID], int]
WARNING_PREFIX = "risk:"


class HoldState(StrEnum):
    """What became of the reason for which coins are held."""

    HELD = "held"
    RELEASED = "released"
    VOIDED = "voided"


@dataclass(slots=True)
class Hold:
    """
    Coins of one purchase that are held: for a refund that was asked for, or because of a warning.

    `answered` are the coins, by lot, that the wallet answered to a refund request; None
    while the purchase is not known. `held` are those held now, `refunded` those whose money went
    back, and `refunded_coins` is how many that should be, as `purchase.refunded` says.
    """

    purchase: UUID
    state: HoldState
    is_warning: bool
    answered: dict[UUID, int] | None = None
    held: dict[UUID, int] = field(default_factory=dict)
    refunded: dict[UUID, int] = field(default_factory=dict)
    refunded_coins: int | None = None

    @property
    def is_open(self) -> bool:
        return self.state is HoldState.HELD


@dataclass(frozen=True, slots=True)
class Claim:
    """What the newest revision of a dispute claims of a purchase's price; 0 once it is won."""

    revision: int
    minor: int
    # None of disputes that were recorded before the currency was.
    currency: str | None = None


@dataclass(slots=True)
class PurchaseFacts:
    """What is known about one viewer's purchases, changing as a batch is decided."""

    # By purchase and dispute.
    claims: dict[tuple[UUID, str], Claim] = field(default_factory=dict)
    # By refund or warning.
    holds: dict[str, Hold] = field(default_factory=dict)
    repayments: Repayments = field(default_factory=dict)

    def claims_of(self, purchase: UUID) -> list[Claim]:
        return [claim for (about, _), claim in self.claims.items() if about == purchase]

    def holds_of(self, purchase: UUID) -> dict[str, Hold]:
        """The holds of a purchase in a fixed order, whichever was known first."""
        return {key: hold for key, hold in sorted(self.holds.items()) if hold.purchase == purchase}


def derive(lots: Mapping[UUID, Lot], facts: PurchaseFacts) -> Legs:
    """Put every coin of these lots where the facts say it is; return what moved for that."""
    before = _accounts(lots.values())
    left: dict[UUID, int] = {}
    for purchase in {lot.purchase for lot in lots.values()}:
        of_purchase = _in_order(lot for lot in lots.values() if lot.purchase == purchase)
        holds = list(facts.holds_of(purchase).values())
        excess = _refund(of_purchase, holds)
        _claim(of_purchase, facts.claims_of(purchase), excess)
        for lot in of_purchase:
            if lot.expired:
                # Its time is over: what comes back of it expires, too.
                lot.expired += _unspent(lot) - lot.charged_back
            left[lot.id] = _unspent(lot) - lot.charged_back
            _hold(lot, left[lot.id], holds)
    facts.repayments = {
        **dict.fromkeys(facts.repayments, 0),
        **_repay(lots.values(), left),
    }
    for lot in lots.values():
        lot.remaining = left[lot.id] - lot.paid_debts
        lot.forfeited = lot.spendable if lot.is_forfeit else 0
        lot.remaining -= lot.forfeited
        lot.check()
    after = _accounts(lots.values())
    return Legs({account: after[account] - before[account] for account in after})


def unspent_for_refund(lots: Iterable[Lot], holds: Iterable[Hold]) -> dict[UUID, int]:
    """
    Return how many coins of each lot a new refund may freeze.

    Coins that are held because of a warning count, those of another refund or lent to a debt not.
    """
    open_refunds = [hold for hold in holds if hold.is_open and not hold.is_warning]
    return {
        lot.id: lot.remaining - sum(hold.held.get(lot.id, 0) for hold in open_refunds)
        for lot in lots
    }


def has_foreign_claim(lots: Iterable[Lot], claims: Iterable[Claim]) -> bool:
    """Whether a dispute is in another currency than the purchase was paid in."""
    return any(_is_foreign(lot, claim) for lot in lots for claim in claims)


def _in_order(lots: Iterable[Lot]) -> list[Lot]:
    """Paid coins before bonus coins: money goes back for those it was paid for."""
    return sorted(lots, key=lambda lot: (lot.origin is not Origin.PAID, lot.id))


def _unspent(lot: Lot) -> int:
    return lot.coins - lot.spent - lot.adjusted - lot.expired - lot.refunded


def _refund(lots: Sequence[Lot], holds: Sequence[Hold]) -> int:
    """
    Take the coins whose money went back; return for how many of them there were none.

    A refund takes what its request had held, then what else is unspent.
    """
    for hold in holds:
        for lot in lots:
            lot.refunded -= hold.refunded.get(lot.id, 0)
        hold.refunded = dict.fromkeys(hold.refunded, 0)
    room = {lot.id: _unspent(lot) for lot in lots}
    voided = [hold for hold in holds if hold.state is HoldState.VOIDED]
    # None where the coins were taken before what a refund says was kept: they are gone already.
    wanted = [hold.refunded_coins or 0 for hold in voided]
    for held_only in (True, False):
        for number, hold in enumerate(voided):
            for lot in lots:
                coins = min(wanted[number], room[lot.id])
                if held_only:
                    coins = min(coins, (hold.answered or {}).get(lot.id, 0))
                if coins:
                    hold.refunded[lot.id] = hold.refunded.get(lot.id, 0) + coins
                    lot.refunded += coins
                    room[lot.id] -= coins
                    wanted[number] -= coins
    return sum(wanted)


def _claim(lots: Sequence[Lot], claims: Sequence[Claim], excess: int) -> None:
    """
    Take the coins whose money a bank claims, and owe those that are spent already.

    A part of the price takes the same part of every lot of the purchase, rounded up. Coins of that
    part that were refunded cannot be taken twice: other coins of the purchase are, because both
    moneys are gone. `excess` coins were refunded although they were spent: as well.
    """
    price = sum(lot.price_minor for lot in lots)
    claimed: dict[UUID, int] = {}
    for lot in lots:
        claimed_minor = sum(price if _is_foreign(lot, each) else each.minor for each in claims)
        share = min(_share(lot.coins, claimed_minor, price), lot.coins - lot.adjusted - lot.expired)
        claimed[lot.id] = min(share, _at_risk(lot))
        excess += share - claimed[lot.id]
    for lot in lots:
        unbacked = min(excess, _at_risk(lot) - claimed[lot.id])
        excess -= unbacked
        claimed[lot.id] += unbacked
        lot.charged_back = min(claimed[lot.id], _unspent(lot))
        lot.owed = claimed[lot.id] - lot.charged_back


def _at_risk(lot: Lot) -> int:
    """How many coins of a lot a bank may claim: their money is still there."""
    return lot.coins - lot.refunded - lot.adjusted - lot.expired


def _share(coins: int, claimed_minor: int, price_minor: int) -> int:
    if claimed_minor >= price_minor:
        return coins if claimed_minor else 0
    return prorate(coins, claimed_minor, price_minor, Rounding.UP)


def _is_foreign(lot: Lot, claim: Claim) -> bool:
    """
    Whether a claim is in another currency, so that its amount says nothing about the price.

    It claims all of the purchase until a person has decided: coins that were spent meanwhile
    would not come back.
    """
    return claim.minor > 0 and claim.currency not in (None, lot.currency)


def _hold(lot: Lot, left: int, holds: Sequence[Hold]) -> None:
    """Hold what pending refunds hold, and because of a warning all the rest that may be spent."""
    free = left
    for hold in sorted(holds, key=lambda hold: hold.is_warning):
        if hold.is_warning:
            wanted = 0 if lot.is_forfeit else free
        else:
            wanted = (hold.answered or {}).get(lot.id, 0)
        coins = min(wanted, free) if hold.is_open else 0
        if coins or lot.id in hold.held:
            hold.held[lot.id] = coins
        free -= coins
    lot.held = left - free


def _repay(lots: Iterable[Lot], left: Mapping[UUID, int]) -> Repayments:
    """
    Pay debts, the oldest first, with the coins that are free.

    In both, bonus coins come before paid ones: of one purchase they were spent first, so their
    debt is the older one. Promotional coins cost nothing and earn no creator anything: a
    gift whose money was taken back would be worth something again by them. So they pay no debts.
    """
    repayments: Repayments = {}
    for lot in lots:
        lot.repaid = lot.paid_debts = 0
    debtors = sorted(
        (lot for lot in lots if lot.owed),
        key=lambda lot: (lot.funded_at, lot.purchase, lot.origin is Origin.PAID, lot.id),
    )
    payers = spending_order(lot for lot in lots if lot.origin is not Origin.PROMO)
    for debtor in debtors:
        for payer in payers:
            free = left[payer.id] - payer.held - payer.paid_debts
            coins = min(debtor.debt, free)
            if coins > 0:
                payer.paid_debts += coins
                debtor.repaid += coins
                repayments[debtor.id, payer.id] = coins
    return repayments


def _accounts(lots: Iterable[Lot]) -> dict[str, int]:
    """What these lots are in a viewer's accounts, and in those they have gone to."""
    sums = dict.fromkeys((MAIN, HELD, DEBT, REFUNDED, DISPUTED, EXPIRED, FORFEITED), 0)
    for lot in lots:
        sums[MAIN] += lot.spendable
        sums[HELD] += lot.held
        sums[DEBT] -= lot.debt
        sums[REFUNDED] += lot.refunded
        sums[DISPUTED] += lot.charged_back + lot.owed
        sums[EXPIRED] += lot.expired
        sums[FORFEITED] += lot.forfeited
    return sums
