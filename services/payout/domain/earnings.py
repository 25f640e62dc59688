"""
When a gift's diamonds may be used, and how they follow its coins.

Diamonds are pending until their money is safe. When the money behind coins is taken back, so are
the diamonds they earned: pending ones always, available ones as far as they go; what is gone
already is the operator's loss, and remembered. Diamonds that come back make up for losses first;
what is left of them waits as new diamonds do, also where the gift had matured before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.payout.domain.money import PayoutMoney, money_of
from services.payout.domain.rates import DIAMONDS, Rules
from services.payout.domain.splits import BASIS_POINTS, share_of
from shared.errors import Kind, Refusal
from shared.ledger.entries import MAIN, PENDING, LockedAccounts, Posting
from shared.money import Rounding, prorate

EARNED = "@earned"
DISPUTE_LOSS = "@dispute_loss"
ADJUSTED = "@adjusted"


class CauseReused(Refusal):
    """The same gift came again with other contents."""

    kind = Kind.CONFLICT


class Lost(Protocol):
    """A loss: diamonds that could not be taken from the creator any more."""

    lost_diamonds: int


@dataclass(slots=True)
class Restored:
    """Of an earning's diamonds: what was taken back and came back; some of it is still pending."""

    diamonds: int = 0
    pending: int = 0
    # None until something came back.
    matures_at: datetime | None = None


@dataclass(slots=True)
class Earning:
    """
    What one slice of a gift brought one party, changing as a batch is decided.

    Of `reversed_diamonds`, `lost_diamonds` could not be taken from the creator any more. Of a gift
    that is shared, `shares_bp` are the shares of the parties up to this one, and `shared_by` is
    the creator who received it, None for that creator's own part.
    """

    creator: str
    gift: UUID
    slice: int
    lot: UUID
    lot_kind: str
    viewer: str
    coins: int
    rate_bp: int
    diamonds: int
    decision: int
    occurred_at: datetime
    matures_at: datetime
    hold_reason: str
    matured: bool
    anonymous: bool
    reversed_diamonds: int = 0
    lost_diamonds: int = 0
    gift_type: str | None = None
    count: int | None = None
    room: str | None = None
    combo: UUID | None = None
    shared_by: str | None = None
    shares_bp: Sequence[int] | None = None
    restored: Restored = field(default_factory=Restored)

    @property
    def backed(self) -> int:
        """The diamonds that have money behind them now."""
        return self.diamonds - self.reversed_diamonds

    @property
    def untouched(self) -> int:
        """The diamonds that were never taken back."""
        return self.backed - self.restored.diamonds

    def worth(self, reversed_coins: int) -> int:
        """The diamonds that are left when so many coins have no money behind them."""
        coins = self.coins - min(reversed_coins, self.coins)
        return diamonds_of_coins(coins, self.rate_bp, self.shares_bp)


@dataclass(frozen=True, slots=True)
class Clawback:
    """What a reversal took (or, negative, gave): from the creator, and from the operator."""

    diamonds: int = 0
    loss_diamonds: int = 0


def diamonds_of_coins(coins: int, rate_bp: int, shares_bp: Sequence[int] | None = None) -> int:
    """Turn coins of one slice into diamonds, rounded down; of those, into one party's part."""
    whole = prorate(coins, rate_bp, BASIS_POINTS, Rounding.DOWN)
    return whole if shares_bp is None else share_of(whole, shares_bp)


def earn(
    accounts: LockedAccounts,
    earnings: Sequence[Earning],
    rules: Rules,
    *,
    reference: str,
    request_hash: bytes,
) -> int:
    """
    Let the diamonds of a gift arrive, and return how many.

    Coins that earn nothing are a decision too.
    """
    amounts = {PENDING: 0, MAIN: 0}
    for earning in earnings:
        amounts[MAIN if earning.matured else PENDING] += earning.diamonds
    diamonds = amounts[PENDING] + amounts[MAIN]
    if diamonds:
        amounts[EARNED] = -diamonds
        post(accounts, amounts, rules, kind="earn", reference=reference, request_hash=request_hash)
    else:
        accounts.refuse(reference=reference, request_hash=request_hash)
    return diamonds


def take_back(
    accounts: LockedAccounts,
    earning: Earning,
    worth: int,
    rules: Rules,
    *,
    reference: str,
    request_hash: bytes,
) -> Clawback:
    """
    Take diamonds back until so many stand, first those that had come back before.

    What is pending goes whole, what is available as far as it goes; the rest is a loss.
    """
    restored = earning.restored
    change = earning.backed - worth
    assert change > 0
    of_restored = min(change, restored.diamonds)
    of_untouched = change - of_restored
    pending = min(of_restored, restored.pending)
    restored.diamonds -= of_restored
    restored.pending -= pending
    if not earning.matured:
        pending += of_untouched
    available = accounts.balance(MAIN, DIAMONDS) if rules.clawback_available else 0
    from_available = min(change - pending, available)
    loss = change - pending - from_available
    earning.reversed_diamonds += change
    earning.lost_diamonds += loss
    amounts = {PENDING: -pending, MAIN: -from_available, DISPUTE_LOSS: -loss, EARNED: change}
    post(accounts, amounts, rules, kind="clawback", reference=reference, request_hash=request_hash)
    return Clawback(pending + from_available, loss)


def restore(
    accounts: LockedAccounts,
    earning: Earning,
    worth: int,
    rules: Rules,
    *,
    matures_at: datetime,
    waits: bool = True,
    losses: Sequence[Lost] = (),
    reference: str,
    request_hash: bytes,
) -> Clawback:
    """
    Give diamonds again until so many stand: they make up for losses first, then they wait.

    The loss of this very earning comes first.
    """
    change = worth - earning.backed
    assert change > 0
    left = change
    for lost in (earning, *losses):
        made_up = min(lost.lost_diamonds, left)
        lost.lost_diamonds -= made_up
        left -= made_up
    earning.reversed_diamonds -= change
    earning.restored.diamonds += change
    earning.restored.matures_at = matures_at
    if waits:
        earning.restored.pending += left
    amounts = {PENDING if waits else MAIN: left, DISPUTE_LOSS: change - left, EARNED: -change}
    post(accounts, amounts, rules, kind="restore", reference=reference, request_hash=request_hash)
    return Clawback(-left, left - change)


def recover_losses(
    accounts: LockedAccounts,
    lost: Sequence[Lost],
    available: int,
    rules: Rules,
    *,
    reference: str,
    request_hash: bytes,
) -> int:
    """Cover losses with diamonds that came back, the oldest loss first."""
    recovered = 0
    for each in lost:
        diamonds = min(each.lost_diamonds, available - recovered)
        each.lost_diamonds -= diamonds
        recovered += diamonds
    if recovered:
        amounts = {MAIN: -recovered, DISPUTE_LOSS: recovered}
        post(
            accounts, amounts, rules, kind="recover", reference=reference, request_hash=request_hash
        )
    return recovered


def post(
    accounts: LockedAccounts,
    amounts: dict[str, int],
    rules: Rules,
    *,
    kind: str,
    reference: str,
    request_hash: bytes,
    of_payout: PayoutMoney | None = None,
) -> int:
    """Move diamonds between accounts, and what is owed for them with it."""
    free = amounts.get(PENDING, 0) + amounts.get(MAIN, 0)
    postings = [Posting(account, DIAMONDS, amount) for account, amount in amounts.items() if amount]
    money = money_of(accounts, free, rules, of_payout=of_payout)
    return accounts.post(
        kind=kind, reference=reference, postings=[*postings, *money], request_hash=request_hash
    )
