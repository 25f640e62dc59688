"""
What creators are owed, in money, beside every movement of their diamonds.

The debt to a creator is always what all their diamonds are worth today, rounded down; so a movement
of diamonds posts the difference it makes. Liabilities are negative, as what is owed.
"""

from services.payout.domain.rates import DIAMONDS, Rules
from shared.ledger.rules import HELD, MAIN, PENDING, Holder, Posting

PAYABLE = "@creator_payable"
REWARDS = "@creator_rewards"
CLEARING = "@provider_clearing"
FEES = "@payout_fees"


def diamonds_of(holder: Holder) -> int:
    """All diamonds that are a creator's, wherever they stand."""
    return sum(holder.balance(account, DIAMONDS) for account in (PENDING, MAIN, HELD))


def money_of(
    holder: Holder, change: int, rules: Rules, *, paid_minor: int = 0, fee_minor: int = 0
) -> tuple[Posting, ...]:
    """
    Return the money side of a movement that changes a creator's diamonds.

    What was paid to the creator and kept as a fee left the provider's account, or came back to
    it if negative; all else is a reward, or one taken back.
    """
    before = diamonds_of(holder)
    owed = rules.value_minor(before + change) - rules.value_minor(before)
    amounts = {
        PAYABLE: -owed,
        CLEARING: -paid_minor,
        FEES: -fee_minor,
        REWARDS: owed + paid_minor + fee_minor,
    }
    return tuple(
        Posting(account, rules.currency, amount) for account, amount in amounts.items() if amount
    )
