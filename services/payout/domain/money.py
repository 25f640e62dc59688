"""
What creators are owed, in money, beside every movement of their diamonds.

Diamonds that are free (pending or available) are owed at the rate in force, rounded down; a new
rate revalues them. Reserved ones are owed as what their payout promised, whatever the rate becomes.
So a payout takes exactly what is owed for it. Liabilities are negative.
"""

from collections import Counter

from services.payout.domain.rates import DIAMONDS, Rules
from shared.ledger.entries import MAIN, PENDING, Holder, Posting

PAYABLE = "@creator_payable"
REWARDS = "@creator_rewards"
CLEARING = "@provider_clearing"
FEES = "@payout_fees"
# The rate at which a holder's free diamonds stand in the books; absent if nobody posted any yet.
RATE_NOTE = "value_minor_per_1000"


def diamonds_of(holder: Holder) -> int:
    """The free diamonds of a creator: all but those that a payout has reserved."""
    return sum(holder.balance(account, DIAMONDS) for account in (PENDING, MAIN))


def money_of(
    holder: Holder,
    change: int,
    rules: Rules,
    *,
    paid_minor: int = 0,
    fee_minor: int = 0,
    reserved_minor: int = 0,
    currency: str | None = None,
) -> tuple[Posting, ...]:
    """
    Return the money side of a movement that changes a creator's free diamonds.

    `reserved_minor` is what becomes owed for a payout (or, negative, is no longer). What was paid
    to the creator and kept as a fee left the provider's account, or came back to it if negative;
    both are in the payout's `currency`. All else is a reward, or one taken back.
    """
    rate = holder.notes.get(RATE_NOTE, rules.value_minor_per_1000)
    before = diamonds_of(holder)
    owed = rules.value_minor(before + change) - before * rate // 1000
    paid_in = currency or rules.currency
    amounts: Counter[tuple[str, str]] = Counter()
    amounts[PAYABLE, rules.currency] -= owed
    amounts[REWARDS, rules.currency] += owed
    amounts[PAYABLE, paid_in] -= reserved_minor
    amounts[CLEARING, paid_in] -= paid_minor
    amounts[FEES, paid_in] -= fee_minor
    amounts[REWARDS, paid_in] += reserved_minor + paid_minor + fee_minor
    return tuple(
        Posting(account, unit, amount) for (account, unit), amount in amounts.items() if amount
    )


def revalue(holder: Holder, owed_minor: dict[str, int], rules: Rules, *, cause: str) -> bool:
    """
    Let a creator be owed what their free diamonds are worth at the rate in force.

    `owed_minor` is what stands in the books for them, by currency. Returns whether anything moved.
    """
    amounts: Counter[tuple[str, str]] = Counter()
    for currency, minor in owed_minor.items():
        amounts[PAYABLE, currency] += minor
        amounts[REWARDS, currency] -= minor
    worth = rules.value_minor(diamonds_of(holder))
    amounts[PAYABLE, rules.currency] -= worth
    amounts[REWARDS, rules.currency] += worth
    holder.notes[RATE_NOTE] = rules.value_minor_per_1000
    postings = tuple(
        Posting(account, unit, amount) for (account, unit), amount in amounts.items() if amount
    )
    if postings:
        holder.post(kind="revalue", cause=cause, postings=postings, request_hash=b"revalue")
        holder.conclude("{}")
    return bool(postings)
