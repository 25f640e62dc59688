"""How lots pay for gifts: coin by coin, in a fixed order, each remembered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.wallet.domain.coins import COINS, ISSUED, SPENT, Lot
from services.wallet.domain.limits import Budget, Limit
from shared.errors import Kind, Refusal
from shared.ledger.entries import DEBT, MAIN, LockedAccounts, Posting


class InsufficientCoins(Refusal):
    """The wallet holds fewer coins than the gift costs."""

    kind = Kind.PAYMENT


class TooLate(Refusal):
    """The gift was asked for too long ago; the viewer has stopped waiting for it."""

    kind = Kind.CONFLICT


class WalletInDebt(Refusal):
    """Coins were spent whose payment was taken back; the next purchase settles them first."""

    kind = Kind.FORBIDDEN


@dataclass(frozen=True, slots=True)
class Slice:
    """Coins of one lot that paid for one gift, and what they had cost, in minor units."""

    lot: Lot
    coins: int
    value_minor: int


def credit(accounts: LockedAccounts, *, reference: str, coins: int, request_hash: bytes) -> int:
    """Let newly issued coins arrive; return the number of the decision."""
    postings = (Posting(MAIN, COINS, coins), Posting(ISSUED, COINS, -coins))
    return accounts.post(
        kind="credit", reference=reference, postings=postings, request_hash=request_hash
    )


def pay_for_gift(
    accounts: LockedAccounts,
    lots: Sequence[Lot],
    budget: Budget,
    *,
    reference: str,
    coins: int,
    request_hash: bytes,
    expires_at: datetime,
    now: datetime,
    extra_limits: Sequence[Limit] = (),
) -> tuple[Slice, ...]:
    """
    Move the price of a gift out of the viewer's coins, or raise why they will not move.

    `lots` are the viewer's, in spending order; what is taken from each is returned. `extra_limits`
    are limits that hold for this gift alone.
    """
    assert coins > 0
    if now > expires_at:
        raise TooLate
    budget.require_open()
    debt = -accounts.balance(DEBT, COINS)
    if debt:
        raise WalletInDebt(debt_coins=debt)
    spendable = sum([lot.spendable for lot in lots if not _is_over(lot, now)])
    if spendable < coins:
        raise InsufficientCoins(needed_coins=coins, shortfall_coins=coins - spendable)

    slices = _choose(lots, coins, now)
    cost = [(piece.lot.currency, piece.coins, piece.value_minor) for piece in slices]
    budget.spend(cost, extra_limits=extra_limits)
    for piece in slices:
        piece.lot.remaining -= piece.coins
        piece.lot.spent += piece.coins
    postings = (Posting(MAIN, COINS, -coins), Posting(SPENT, COINS, coins))
    accounts.post(
        kind="gift",
        reference=reference,
        postings=postings,
        request_hash=request_hash,
        slices=[(piece.lot.id, piece.coins) for piece in slices],
    )
    return slices


def _choose(lots: Sequence[Lot], coins: int, now: datetime) -> tuple[Slice, ...]:
    slices = []
    for lot in lots:
        taken = min(lot.spendable, coins)
        if taken > 0 and not _is_over(lot, now):
            coins -= taken
            # Counted from the lot's first coin, so that all slices add up to its price.
            value = lot.value_minor(lot.spent + taken) - lot.value_minor(lot.spent)
            slices.append(Slice(lot, taken, value))
        if not coins:
            break
    assert not coins
    return tuple(slices)


def _is_over(lot: Lot, now: datetime) -> bool:
    return lot.expires_at is not None and lot.expires_at <= now
