"""A creator looks at what gifts brought; an operator at all of it."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.payout.commands.queries import read_books as sum_up_books
from services.payout.commands.queries import read_earned
from services.payout.domain.rates import Rules
from services.payout.store import queries
from services.payout.store.queries import EarningLine
from shared.http import (
    AllParts,
    BadCursor,
    Db,
    Limit,
    OwnCreator,
    Page,
    from_state,
    number_in,
    page,
    refusals,
)
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.people import NotYours
from shared.identity.tokens import Identity, Unauthenticated

router = APIRouter()

BOOKS_SCOPE = "books:read"
BooksReader = Annotated[Identity, operator_with(BOOKS_SCOPE)]


class Money(BaseModel):
    """An amount in minor units of its currency."""

    amount_minor: int
    currency: str


class MoneyAccount(Money):
    """What a money account of the books holds."""

    model_config = ConfigDict(from_attributes=True)

    account: str


class Value(Money):
    """What diamonds are worth at the creator's rate of now."""

    rate_version: int


class Hold(BaseModel):
    """Diamonds that wait: until when, and why (standard, new-creator, funding-risk, restored)."""

    model_config = ConfigDict(from_attributes=True)

    unlocks_at: datetime
    reason: str
    diamonds: int


class Earnings(BaseModel):
    """
    A creator's diamonds.

    Available ones can be paid out, reserved ones are on their way, pending ones unlock when
    `holds` says, each for its reason. Lifetime ones are all that were earned and not taken back.
    """

    creator: str
    available_diamonds: int
    reserved_diamonds: int
    pending_diamonds: int
    lifetime_diamonds: int
    value: Value
    holds: list[Hold]


class EarnedGift(BaseModel):
    """
    A gift, and the diamonds it brought; `reversed` are those whose money was taken back.

    `viewer` is null for its creator if the gift is anonymous. `shared_by` is the creator who
    received the gift, if the diamonds are a part of another creator's gift.
    """

    gift: UUID
    viewer: str | None
    coins: int
    diamonds: int
    reversed_diamonds: int
    state: Literal["pending", "available", "reversed"]
    hold_reason: str
    earned_at: datetime
    matures_at: datetime
    shared_by: str | None


class Books(BaseModel):
    """
    The diamond books.

    Earned (net of what was reversed) + adjusted + bonuses + dispute loss = pending + available
    + reserved + paid out. `money` is what creators are owed (negative, a liability), cost and were
    paid.
    """

    diamonds_earned: int
    diamonds_adjusted: int
    bonus_diamonds: int
    dispute_loss_diamonds: int
    diamonds_reversed: int
    diamonds_pending: int
    diamonds_available: int
    diamonds_reserved: int
    diamonds_paid_out: int
    postings_sum: int
    gifts: int
    coins_of_gifts: int
    payouts_by_state: dict[str, int]
    paid_amounts: list[Money]
    money: list[MoneyAccount]


@router.get(
    "/earnings/{creator:person}", tags=["earnings"], responses=refusals(Unauthenticated, NotYours)
)
async def read_earnings(
    creator: OwnCreator, db: Db, rules: Annotated[Rules, from_state("rules")]
) -> Earnings:
    """Read one's own diamonds."""
    async with db.transaction() as tx:
        earned = await read_earned(tx, creator, rules)
    return Earnings(
        creator=creator,
        available_diamonds=earned.available,
        reserved_diamonds=earned.reserved,
        pending_diamonds=earned.pending,
        lifetime_diamonds=earned.lifetime,
        holds=[Hold.model_validate(hold) for hold in earned.holds],
        value=Value(
            amount_minor=earned.rate.value_minor(earned.available),
            currency=earned.rate.currency,
            rate_version=earned.rate.version,
        ),
    )


@router.get(
    "/earnings/{creator:person}/gifts",
    tags=["earnings"],
    responses=refusals(Unauthenticated, NotYours, BadCursor),
)
async def list_earned_gifts(
    creator: OwnCreator, db: Db, cursor: str | None = None, limit: Limit = 50
) -> Page[EarnedGift]:
    """Read which gifts brought how many diamonds, newest first."""
    before = number_in(cursor)
    async with db.transaction() as tx:
        lines = await queries.newest_earnings(tx, creator, before=before, limit=limit)
    found = page(lines, limit, lambda line: [line.decision])
    return Page(
        items=[earned_gift(line, to_creator=True) for line in lines], next_cursor=found.next_cursor
    )


@router.get(
    "/operator/payout/books", tags=["finance"], responses=refusals(Unauthenticated, ScopeMissing)
)
async def read_payout_books(_: BooksReader, db: AllParts) -> Books:
    """Read the totals that prove the diamond ledger; those of a part are of one instant."""
    books = await sum_up_books(db)
    return Books(
        **asdict(books.diamonds),
        payouts_by_state=books.payouts_by_state,
        paid_amounts=[
            Money(amount_minor=amount, currency=currency)
            for currency, amount in books.paid_amounts.items()
        ],
        money=[MoneyAccount.model_validate(line) for line in books.money],
    )


def earned_gift(line: EarningLine, *, to_creator: bool) -> EarnedGift:
    return EarnedGift(
        gift=line.gift,
        viewer=line.viewer if line.is_named or not to_creator else None,
        coins=line.coins,
        diamonds=line.diamonds - line.reversed_diamonds,
        reversed_diamonds=line.reversed_diamonds,
        state=_state(line),
        hold_reason=line.hold_reason,
        earned_at=line.earned_at,
        matures_at=line.matures_at,
        shared_by=line.shared_by,
    )


def _state(line: EarningLine) -> Literal["pending", "available", "reversed"]:
    if line.reversed_diamonds == line.diamonds > 0:
        return "reversed"
    return "available" if line.matured else "pending"
