"""
What creators are owed, in money, beside every entry of their diamonds.

Diamonds that are free (pending or available) are owed at the rate in force, rounded down; a new
rate revalues them. Reserved ones are owed as what their payout promised, at any later rate.
So a payout takes exactly what is owed for it. Liabilities are negative.
"""

from collections import Counter
from collections.abc import Mapping

from services.payout.domain.rates import DIAMONDS, Rules, worth_minor
from shared.ledger.entries import MAIN, PENDING, LockedAccounts, Posting

PAYABLE = "@creator_payable"
REWARDS = "@creator_rewards"
CLEARING = "@provider_clearing"
FEES = "@payout_fees"
# The rate at which free diamonds are valued in the books; absent before the first posting.
RATE_NOTE = "value_minor_per_1000"


def diamonds_of(accounts: LockedAccounts) -> int:
    """The free diamonds of a creator: all but those that a payout has reserved."""
    return accounts.balance(PENDING, DIAMONDS) + accounts.balance(MAIN, DIAMONDS)


def money_of(
    accounts: LockedAccounts,
    change: int,
    rules: Rules,
    *,
    paid_minor: int = 0,
    fee_minor: int = 0,
    reserved_minor: int = 0,
    currency: str | None = None,
) -> list[Posting]:
    """
    Return the money side of an entry that changes a creator's free diamonds.

    `reserved_minor` is what becomes owed for a payout (or, negative, is no longer). What was paid
    to the creator and kept as a fee left the provider's account, or came back to it if negative;
    both are in the payout's `currency`. All else is a reward, or one taken back.
    """
    rate = accounts.notes.get(RATE_NOTE, rules.value_minor_per_1000)
    before = diamonds_of(accounts)
    owed = rules.value_minor(before + change) - worth_minor(before, rate)
    amounts = {(PAYABLE, rules.currency): -owed, (REWARDS, rules.currency): owed}
    if reserved_minor or paid_minor or fee_minor:
        of_payout = {
            PAYABLE: -reserved_minor,
            CLEARING: -paid_minor,
            FEES: -fee_minor,
            REWARDS: reserved_minor + paid_minor + fee_minor,
        }
        for account, minor in of_payout.items():
            key = account, currency or rules.currency
            amounts[key] = amounts.get(key, 0) + minor
    return _postings(amounts)


def revalue(
    accounts: LockedAccounts, currency: str, owed_minor: int, rules: Rules, *, reference: str
) -> bool:
    """
    Let a creator be owed what their free diamonds are worth at the rate in force.

    `owed_minor` in `currency` is what stands in the books for them. Returns whether anything moved.
    """
    amounts: Counter[tuple[str, str]] = Counter()
    amounts[PAYABLE, currency] += owed_minor
    amounts[REWARDS, currency] -= owed_minor
    worth = rules.value_minor(diamonds_of(accounts))
    amounts[PAYABLE, rules.currency] -= worth
    amounts[REWARDS, rules.currency] += worth
    accounts.notes[RATE_NOTE] = rules.value_minor_per_1000
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
