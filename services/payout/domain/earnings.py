"""
When a gift's diamonds may be used, and how they follow its coins.

Diamonds are pending until their money is safe. When the money behind coins is taken back, so are
the diamonds they earned: pending ones always, available ones as far as they go; what is gone
already is the operator's loss, and remembered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.payout.domain.money import money_of
from services.payout.domain.rates import DIAMONDS, Rules
from shared.errors import Kind, Refusal
from shared.ledger.rules import MAIN, PENDING, Holder, Posting

EARNED = "@earned"
DISPUTE_LOSS = "@dispute_loss"
ADJUSTED = "@adjusted"
BASIS_POINTS = 10_000


class CauseReused(Refusal):
    """The same gift came again with other contents."""

    kind = Kind.CONFLICT


@dataclass(slots=True)
class Earning:
    """
    What one slice of a gift brought, changing as a batch is decided.

    Of `reversed_diamonds`, `lost_diamonds` could not be taken from the creator any more.
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
    reversed_diamonds: int = 0
    lost_diamonds: int = 0
    # None of gifts that were earned before this was remembered.
    anonymous: bool | None = None

    def worth(self, reversed_coins: int) -> int:
        """The diamonds that are left when so many coins have no money behind them."""
        return diamonds_of_coins(self.coins - min(reversed_coins, self.coins), self.rate_bp)


@dataclass(frozen=True, slots=True)
class Clawback:
    """What a reversal took (or, negative, gave): from the creator, and from the operator."""

    diamonds: int = 0
    loss_diamonds: int = 0


def diamonds_of_coins(coins: int, rate_bp: int) -> int:
    """Turn coins of one slice into diamonds, rounded down."""
    return coins * rate_bp // BASIS_POINTS


def earn(
    holder: Holder, earnings: Sequence[Earning], rules: Rules, *, cause: str, request_hash: bytes
) -> None:
    """Let the diamonds of a gift arrive; coins that earn nothing are a decision too."""
    amounts = {PENDING: 0, MAIN: 0}
    for earning in earnings:
        amounts[MAIN if earning.matured else PENDING] += earning.diamonds
    diamonds = sum(amounts.values())
    if not diamonds:
        holder.refuse(cause=cause, request_hash=request_hash)
        return
    amounts[EARNED] = -diamonds
    post(holder, amounts, rules, kind="earn", cause=cause, request_hash=request_hash)


def follow_reversal(
    holder: Holder,
    earning: Earning,
    reversed_coins: int,
    rules: Rules,
    *,
    cause: str,
    request_hash: bytes,
) -> Clawback:
    """Take diamonds back, or give them again, until what is left is what its coins are worth."""
    change = earning.diamonds - earning.worth(reversed_coins) - earning.reversed_diamonds
    place = MAIN if earning.matured else PENDING
    if change > 0:
        left = change
        if earning.matured:
            left = holder.balance(MAIN, DIAMONDS) if rules.clawback_available else 0
        taken = Clawback(min(change, left), change - min(change, left))
    else:
        forgiven = min(-change, earning.lost_diamonds)
        taken = Clawback(change + forgiven, -forgiven)
    earning.reversed_diamonds += change
    earning.lost_diamonds += taken.loss_diamonds
    if not change:
        holder.refuse(cause=cause, request_hash=request_hash)
        return taken
    amounts = {place: -taken.diamonds, DISPUTE_LOSS: -taken.loss_diamonds, EARNED: change}
    kind = "clawback" if change > 0 else "restore"
    post(holder, amounts, rules, kind=kind, cause=cause, request_hash=request_hash)
    return taken


def settle_losses(
    holder: Holder,
    lost: Sequence[Earning],
    available: int,
    rules: Rules,
    *,
    cause: str,
    request_hash: bytes,
) -> int:
    """Let diamonds that came back to a creator make up for losses first, the oldest first."""
    settled = 0
    for earning in lost:
        diamonds = min(earning.lost_diamonds, available - settled)
        earning.lost_diamonds -= diamonds
        settled += diamonds
    if settled:
        amounts = {MAIN: -settled, DISPUTE_LOSS: settled}
        post(holder, amounts, rules, kind="settle", cause=cause, request_hash=request_hash)
    return settled


def post(
    holder: Holder,
    amounts: dict[str, int],
    rules: Rules,
    *,
    kind: str,
    cause: str,
    request_hash: bytes,
    paid_minor: int = 0,
    fee_minor: int = 0,
) -> None:
    """Move diamonds between accounts, and what is owed for them with it."""
    own = sum(amount for account, amount in amounts.items() if not account.startswith("@"))
    postings = tuple(
        Posting(account, DIAMONDS, amount) for account, amount in amounts.items() if amount
    )
    money = money_of(holder, own, rules, paid_minor=paid_minor, fee_minor=fee_minor)
    holder.post(kind=kind, cause=cause, postings=postings + money, request_hash=request_hash)
