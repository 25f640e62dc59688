"""A creator looks at what gifts brought; an operator at all of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel

from services.payout.commands import reading
from services.payout.domain import Rules
from shared.auth import Caller, NotYours, ScopeMissing, Unauthenticated, require_own, require_scope
from shared.database import Database
from shared.http import BadCursor, Limit, Page, decode_cursor, encode_cursor, refusals

BOOKS_SCOPE = "books:read"
ME = "me"
Creator = Annotated[str, Path(max_length=64, description="`me` stands for the caller.")]


class Money(BaseModel):
    """An amount in minor units of its currency."""

    amount_minor: int
    currency: str


class Value(Money):
    """What diamonds are worth at the rate of today."""

    rate_version: int


class Earnings(BaseModel):
    """A creator's diamonds: available to pay out, reserved for a payout, still to mature."""

    creator: str
    available_diamonds: int
    reserved_diamonds: int
    pending_diamonds: int
    lifetime_diamonds: int
    value: Value


class EarnedGift(BaseModel):
    """A gift, and the diamonds it brought."""

    gift: UUID
    viewer: str
    coins: int
    diamonds: int
    earned_at: datetime
    matures_at: datetime


class Books(BaseModel):
    """The diamond books: earned = available + reserved + paid out."""

    diamonds_earned: int
    diamonds_available: int
    diamonds_reserved: int
    diamonds_paid_out: int
    postings_sum: int
    gifts: int
    coins_of_gifts: int
    payouts_by_state: dict[str, int]
    paid_amounts: list[Money]


def build_router(database: Database, rules: Rules) -> APIRouter:
    router = APIRouter()

    @router.get(
        "/earnings/{creator}", tags=["earnings"], responses=refusals(Unauthenticated, NotYours)
    )
    async def read_earnings(creator: Creator, caller: Caller) -> Earnings:
        """Read one's own diamonds."""
        creator = caller.user if creator == ME else creator
        require_own(caller, creator)
        async with database.transaction() as tx:
            available, reserved, lifetime = await reading.earned(tx, creator)
        return Earnings(
            creator=creator,
            available_diamonds=available,
            reserved_diamonds=reserved,
            pending_diamonds=0,
            lifetime_diamonds=lifetime,
            value=Value(
                amount_minor=rules.value_minor(available),
                currency=rules.currency,
                rate_version=rules.rate_version,
            ),
        )

    @router.get(
        "/earnings/{creator}/gifts",
        tags=["earnings"],
        responses=refusals(Unauthenticated, NotYours, BadCursor),
    )
    async def read_gifts(
        creator: Creator, caller: Caller, cursor: str | None = None, limit: Limit = 50
    ) -> Page[EarnedGift]:
        """Read which gifts brought how many diamonds, newest first."""
        creator = caller.user if creator == ME else creator
        require_own(caller, creator)
        before = _position(cursor)
        async with database.transaction() as tx:
            lines = await reading.newest_earnings(tx, creator, before=before, limit=limit)
        last = encode_cursor([lines[-1].decision]) if len(lines) == limit else None
        return Page(
            items=[
                EarnedGift(
                    gift=line.gift,
                    viewer=line.viewer,
                    coins=line.coins,
                    diamonds=line.diamonds,
                    earned_at=line.earned_at,
                    matures_at=line.matures_at,
                )
                for line in lines
            ],
            next_cursor=last,
        )

    @router.get(
        "/operator/payout/books",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing),
    )
    async def read_books(caller: Caller) -> Books:
        """Read the totals that prove the diamond ledger."""
        require_scope(caller, BOOKS_SCOPE)
        async with database.transaction() as tx:
            diamonds, by_state, paid = await reading.books(tx)
        return Books(
            diamonds_earned=diamonds.diamonds_earned,
            diamonds_available=diamonds.diamonds_available,
            diamonds_reserved=diamonds.diamonds_reserved,
            diamonds_paid_out=diamonds.diamonds_paid_out,
            postings_sum=diamonds.postings_sum,
            gifts=diamonds.gifts,
            coins_of_gifts=diamonds.coins_of_gifts,
            payouts_by_state=by_state,
            paid_amounts=[
                Money(amount_minor=amount, currency=currency) for currency, amount in paid.items()
            ],
        )

    return router


def _position(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    values = decode_cursor(cursor)
    if len(values) != 1 or not isinstance(values[0], int):
        raise BadCursor
    return values[0]
