"""How lots pay for gifts: coin by coin, in a fixed order, each remembered."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

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


class Slice(NamedTuple):
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
) -> list[Slice]:
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
    slices, missing = _choose(lots, coins, now)
    if missing:
        raise InsufficientCoins(needed_coins=coins, shortfall_coins=missing)

    cost = [(piece.lot.currency, piece.coins, piece.value_minor) for piece in slices]
    budget.spend(cost, extra_limits=extra_limits)
    for piece in slices:
        piece.lot.remaining -= piece.coins
        piece.lot.spent += piece.coins
    accounts.post(
        kind="gift",
        reference=reference,
        postings=_postings_of_gift(coins),
        request_hash=request_hash,
        slices=[(piece.lot.id, piece.coins) for piece in slices],
    )
    return slices


@lru_cache(maxsize=1_024)
def _postings_of_gift(coins: int) -> tuple[Posting, Posting]:
    """Return what a gift moves; most gifts have one of few prices."""
    return Posting(MAIN, COINS, -coins), Posting(SPENT, COINS, coins)


def _choose(lots: Sequence[Lot], coins: int, now: datetime) -> tuple[list[Slice], int]:
    """Return which lots pay, and how many of the coins none of them has."""
    slices = []
    for lot in lots:
        spendable = lot.remaining - lot.held
        if spendable <= 0 or (lot.expires_at is not None and lot.expires_at <= now):
            continue
        taken = min(spendable, coins)
        coins -= taken
        slices.append(Slice(lot, taken, lot.value_of_next(taken)))
        if not coins:
            break
    return slices, coins
