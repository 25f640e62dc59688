"""
What creators are owed, in money, beside every entry of their diamonds.

Diamonds that are free (pending or available) are owed at their creator's rate, rounded down; a new
rate revalues them. Reserved ones are owed as what their payout promised, at any later rate.
So a payout takes exactly what is owed for it. Liabilities are negative.

A payout in another currency is owed in that currency: what it is worth in the books' goes against
the account of exchanges, which holds both sides at the rate of the quote.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from services.payout.domain.rate_plans import Rate
from services.payout.domain.rates import DIAMONDS, Rules
from shared.ledger.entries import MAIN, PENDING, LockedAccounts, Posting

PAYABLE = "@creator_payable"
REWARDS = "@creator_rewards"
CLEARING = "@provider_clearing"
FEES = "@payout_fees"
EXCHANGE = "@exchange"
# The rate at which the free diamonds of locked accounts are valued in the books.
RATE_NOTE = "rate"


@dataclass(frozen=True, slots=True)
class PayoutMoney:
    """
    What a step of a payout moves, in its `currency`.

    `reserved_minor` becomes owed for it (or, negative, is no longer). What was paid to the creator
    and kept as a fee left the provider's account, or came back to it if negative. In the books the
    payout counts `value_minor` in `value_currency`.
    """

    currency: str
    value_minor: int
    value_currency: str
    reserved_minor: int = 0
    paid_minor: int = 0
    fee_minor: int = 0


def diamonds_of(accounts: LockedAccounts) -> int:
    """The free diamonds of a creator: all but those that a payout has reserved."""
    return accounts.balance(PENDING, DIAMONDS) + accounts.balance(MAIN, DIAMONDS)


def note_rate(accounts: LockedAccounts, rate: Rate) -> None:
    """Remember at which rate these accounts are valued while they are locked."""
    accounts.notes[RATE_NOTE] = rate


def rate_of(accounts: LockedAccounts, rules: Rules) -> Rate:
    """Return the rate that was noted for accounts when they were locked, or that of the rules."""
    rate = accounts.notes.get(RATE_NOTE, rules.rate)
    assert isinstance(rate, Rate), f"{accounts.user} has no rate: open their accounts by open_books"
    return rate


def money_of(
    accounts: LockedAccounts, change: int, rules: Rules, *, of_payout: PayoutMoney | None = None
) -> list[Posting]:
    """
    Return the money side of an entry that changes a creator's free diamonds.

    What is neither owed for a payout nor paid is a reward, or one taken back.
    """
    rate, before = rate_of(accounts, rules), diamonds_of(accounts)
    owed = rate.value_minor(before + change) - rate.value_minor(before)
    amounts: Counter[tuple[str, str]] = Counter()
    amounts[PAYABLE, rate.currency] -= owed
    amounts[REWARDS, rate.currency] += owed
    if of_payout is not None:
        _add_payout(amounts, of_payout)
    return _postings(amounts)


def _add_payout(amounts: Counter[tuple[str, str]], money: PayoutMoney) -> None:
    """Add what a payout's step moves; it sums to zero in each currency."""
    amounts[PAYABLE, money.currency] -= money.reserved_minor
    amounts[CLEARING, money.currency] -= money.paid_minor
    amounts[FEES, money.currency] -= money.fee_minor
    came_minor = money.reserved_minor + money.paid_minor + money.fee_minor
    if money.currency == money.value_currency:
        amounts[REWARDS, money.currency] += came_minor
        return
    # Nothing moves between currencies when what was reserved is paid.
    exchanged_minor = money.value_minor * ((came_minor > 0) - (came_minor < 0))
    amounts[EXCHANGE, money.currency] += came_minor
    amounts[EXCHANGE, money.value_currency] -= exchanged_minor
    amounts[REWARDS, money.value_currency] += exchanged_minor


def revalue(accounts: LockedAccounts, old: Rate, new: Rate, *, reference: str) -> bool:
    """
    Let a creator be owed what their free diamonds are worth at another rate than until now.

    Returns whether anything moved.
    """
    free = diamonds_of(accounts)
    amounts: Counter[tuple[str, str]] = Counter()
    for rate, sign in ((old, 1), (new, -1)):
        amounts[PAYABLE, rate.currency] += sign * rate.value_minor(free)
        amounts[REWARDS, rate.currency] -= sign * rate.value_minor(free)
    postings = _postings(amounts)
    if postings:
        accounts.post(
            kind="revalue", reference=reference, postings=postings, request_hash=b"revalue"
        )
        accounts.record_result("{}")
    return bool(postings)


def _postings(amounts: Mapping[tuple[str, str], int]) -> list[Posting]:
    return [
        Posting(account, asset, amount) for (account, asset), amount in amounts.items() if amount
    ]
