"""All purchases in a few numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.purchase.domain.purchases import State
from shared.postgres.database import Transaction
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Amount:
    """Money of one currency."""

    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Account:
    """What a money account holds: assets positive, liabilities and income negative."""

    currency: str
    amount_minor: int
    account: str


@dataclass(frozen=True, slots=True)
class Books:
    """
    All purchases: what was paid, what was sold for it, and what the wallet has credited.

    `accounts` is where the money is, in double entry: `postings_sum` is zero. Each part was counted
    at one instant.
    """

    purchases_by_state: Mapping[State, int]
    paid_amounts: list[Amount]
    coins_sold: int
    bonus_coins_sold: int
    promo_coins_given: int
    coins_credited: int
    disputes_open: int
    postings_sum: int
    accounts: list[Account]


_BOOKS = text("""
    SELECT
        coalesce(CAST(sum(coins) FILTER (WHERE paid_at IS NOT NULL) AS bigint), 0) AS coins_sold,
        coalesce(CAST(sum(bonus_coins + first_purchase_coins)
            FILTER (WHERE paid_at IS NOT NULL) AS bigint), 0) AS bonus_coins_sold,
        coalesce(CAST(sum(promo_coins) FILTER (WHERE paid_at IS NOT NULL) AS bigint), 0)
            AS promo_coins_given,
        coalesce(CAST(sum(coins + bonus_coins + first_purchase_coins + promo_coins)
            FILTER (WHERE state = 'completed') AS bigint), 0) AS coins_credited,
        (SELECT count(*) FROM disputes WHERE state = 'open') AS disputes_open,
        (SELECT coalesce(jsonb_object_agg(state, number), '{}')
         FROM (SELECT state, count(*) AS number FROM purchases GROUP BY state) AS s) AS states,
        (SELECT coalesce(jsonb_object_agg(currency, amount_minor), '{}')
         FROM (SELECT currency, sum(amount_minor) AS amount_minor
               FROM payments WHERE allocation = 'applied' GROUP BY currency) AS a) AS paid,
        (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY account, currency), '[]')
         FROM (SELECT account, asset AS currency, CAST(sum(amount) AS bigint) AS amount_minor
               FROM postings GROUP BY account, asset) AS a) AS accounts
    FROM purchases
""")


async def read_books(tx: Transaction) -> Books:
    """Count everything of a part, in one statement and so at one instant."""
    row = (await tx.execute(_BOOKS)).one()
    return Books(
        purchases_by_state={state: row.states.get(state.value, 0) for state in State},
        paid_amounts=[Amount(currency, row.paid[currency]) for currency in sorted(row.paid)],
        coins_sold=row.coins_sold,
        bonus_coins_sold=row.bonus_coins_sold,
        promo_coins_given=row.promo_coins_given,
        coins_credited=row.coins_credited,
        disputes_open=row.disputes_open,
        postings_sum=sum(each["amount_minor"] for each in row.accounts),
        accounts=[Account(**each) for each in row.accounts],
    )


def add_books(parts: Sequence[Books]) -> Books:
    """Add the books of all parts up."""
    states, paid, accounts = Counter[State](), Counter[str](), Counter[tuple[str, str]]()
    for each in parts:
        states.update(each.purchases_by_state)
        paid.update({line.currency: line.amount_minor for line in each.paid_amounts})
        accounts.update({(it.account, it.currency): it.amount_minor for it in each.accounts})
    return Books(
        purchases_by_state={state: states[state] for state in State},
        paid_amounts=[Amount(currency, paid[currency]) for currency in sorted(paid)],
        coins_sold=sum(each.coins_sold for each in parts),
        bonus_coins_sold=sum(each.bonus_coins_sold for each in parts),
        promo_coins_given=sum(each.promo_coins_given for each in parts),
        coins_credited=sum(each.coins_credited for each in parts),
        disputes_open=sum(each.disputes_open for each in parts),
        postings_sum=sum(each.postings_sum for each in parts),
        accounts=[
            Account(currency, accounts[account, currency], account)
            for account, currency in sorted(accounts)
        ],
    )
