"""The totals of all sales."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict

from services.purchase.domain.purchases import State
from services.purchase.store import books
from shared.contracts.base import in_unit, like
from shared.http import AllParts, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import Coins, CurrencyCode, MinorUnits
from shared.identity.tokens import Identity, Unauthenticated

BooksReader = Annotated[Identity, operator_with("books:read")]

router = APIRouter(tags=["finance"])


class _Answer(Body):
    model_config = ConfigDict(from_attributes=True)


class Amount(_Answer):
    """Money of one currency."""

    currency: CurrencyCode
    amount_minor: Annotated[MinorUnits, like(1_249_000)]
    """How much was paid in it, by payments that fit their purchase."""


class Account(_Answer):
    """What a money account holds: assets positive, liabilities and income negative."""

    currency: CurrencyCode
    amount_minor: Annotated[MinorUnits, like(1_200_000)]
    """What the account holds in this currency; below zero for liabilities and income."""
    account: Annotated[str, like("@provider_clearing", "@coin_sales")]
    """
    The account: `@provider_clearing`, `@provider_fees`, `@coin_sales`, `@unapplied_payments`,
    `@refunds`, `@dispute_loss`, `@exchange`, `@taxes_payable` or `@store_taxes`.
    """


class Books(_Answer):
    """
    All purchases: what was paid, what was sold for it, and what the wallet has credited.

    `accounts` is where the money is, in double entry: `postings_sum` is zero. Each part was counted
    at one instant.
    """

    purchases_by_state: Annotated[Mapping[State, int], like({"completed": 310, "expired": 25})]
    """How many purchases are in each state; a state of none is 0."""
    paid_amounts: list[Amount]
    """What was paid, a line for each currency."""
    coins_sold: Annotated[Coins, like(1_250_000)]
    """How many coins were paid for."""
    bonus_coins_sold: Annotated[Coins, like(0)]
    """How many coins came on top of paid purchases, with packages and first purchases."""
    promo_coins_given: Annotated[Coins, like(4_000)]
    """How many coins came with promo codes of paid purchases."""
    coins_credited: Annotated[Coins, like(1_254_000)]
    """How many of all these coins are in wallets; the others are owed."""
    disputes_open: Annotated[int, in_unit("disputes", 1)]
    """How many disputes still run."""
    postings_sum: Annotated[int, like(0)]
    """The sum of all postings of the money accounts: 0, else an entry is not balanced."""
    accounts: list[Account]
    """Where the money is, a line for each account and currency."""


@router.get(
    "/operator/purchase/books",
    responses=refusals(Unauthenticated, ScopeMissing),
)
async def read_purchase_books(_: BooksReader, db: AllParts) -> Books:
    """Read the totals that prove the sales; those of a part are of one instant."""
    return Books.model_validate(books.add_books(await db.read_each(books.read_books)))
