"""A creator looks at what gifts brought; an operator at all of it."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict

from services.payout.commands.queries import Earned, read_earned
from services.payout.commands.queries import read_books as sum_up_books
from services.payout.domain.rates import Rules
from services.payout.store import queries
from services.payout.store.queries import EarningLine
from shared.contracts.base import in_unit, like
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
from shared.http.bodies import Body
from shared.http.fields import (
    Coins,
    ComboId,
    CreatorName,
    CurrencyCode,
    Diamonds,
    GiftId,
    GiftTypeId,
    Instant,
    MinorUnits,
    RoomName,
    ViewerName,
)
from shared.http.pages import Cursor
from shared.identity.people import NotYours
from shared.identity.tokens import Identity, Unauthenticated

router = APIRouter()

BOOKS_SCOPE = "books:read"
BooksReader = Annotated[Identity, operator_with(BOOKS_SCOPE)]


class Money(Body):
    """An amount in minor units of its currency."""

    amount_minor: Annotated[MinorUnits, like(1_000)]
    """The amount."""
    currency: CurrencyCode


class MoneyAccount(Money):
    """What a money account of the books holds."""

    model_config = ConfigDict(from_attributes=True)

    account: Annotated[str, like("payable", "@clearing")]
    """
    The account of the books: what is owed to creators, what they cost, and where their money was
    paid from.
    """


class Value(Money):
    """What diamonds are worth at the creator's rate of now."""

    rate_version: Annotated[int, like(1)]
    """Which version of the creator's diamond rate it is counted with."""


class Hold(Body):
    """Diamonds that wait: until when, and why (standard, new-creator, funding-risk, restored)."""

    model_config = ConfigDict(from_attributes=True)

    unlocks_at: Annotated[Instant, like("2026-11-30T12:00:00Z")]
    """When these diamonds become available."""
    reason: Annotated[str, like("standard", "new-creator")]
    """
    Why they wait until then: `standard` for every gift, `new-creator`, `funding-risk` of the coins
    that paid, or `restored` after they were taken back.
    """
    diamonds: Annotated[Diamonds, like(200)]
    """How many diamonds that is."""


class Earnings(Body):
    """
    A creator's diamonds.

    Available ones can be paid out, reserved ones are on their way, pending ones unlock when
    `holds` says, each for its reason. Lifetime ones are all that were earned and not taken back.
    """

    creator: CreatorName
    available_diamonds: Annotated[Diamonds, like(2_000)]
    """How many can be paid out now."""
    reserved_diamonds: Annotated[Diamonds, like(0)]
    """How many a payout that is under way has set aside."""
    pending_diamonds: Annotated[Diamonds, like(200)]
    """How many mature later; `holds` says when and why."""
    lifetime_diamonds: Annotated[Diamonds, like(4_200)]
    """How many were ever earned, less what was taken back."""
    value: Annotated[Value, like({"amount_minor": 1_000, "currency": "USD", "rate_version": 1})]
    """What the available diamonds are worth now."""
    holds: list[Hold]
    """The pending diamonds, by when they mature and why."""


class EarnedGift(Body):
    """
    A gift, and the diamonds it brought; `reversed` are those whose money was taken back.

    `viewer` is null for its creator if the gift is anonymous. `shared_by` is the creator who
    received the gift, if the diamonds are a part of another creator's gift.
    """

    gift: GiftId
    viewer: ViewerName | None
    """
    Who gave it: the `sub` of their token. Null if they gave anonymously; operators see them all the
    same.
    """
    coins: Annotated[Coins, like(400)]
    """What the gift cost in coins; of a split or a gift that several lots paid, this part of it."""
    diamonds: Annotated[Diamonds, like(200)]
    """What it brought, less what was taken back."""
    reversed_diamonds: Annotated[Diamonds, like(0)]
    """How many diamonds were taken back, because the payment was charged back."""
    state: Annotated[Literal["pending", "available", "reversed"], like("available")]
    """
    Whether its diamonds mature later (`pending`), have matured (`available`), or were all taken
    back (`reversed`).
    """
    hold_reason: Annotated[str, like("standard", "new-creator")]
    """Why they wait or waited: `standard`, `new-creator`, `funding-risk` or `restored`."""
    earned_at: Instant
    """When the gift was sent."""
    matures_at: Annotated[Instant, like("2026-11-30T12:00:00Z")]
    """When its diamonds become available, or became so."""
    shared_by: Annotated[str | None, like(None, "tomas")]
    """
    The creator who received the gift, if these diamonds are a party's share of it (the `sub` of
    their token); null for one's own gift.
    """
    gift_type: Annotated[GiftTypeId | None, like("g_pebble")]
    """The catalogue's id of what was given; null where it was not kept."""
    count: Annotated[int | None, in_unit("gifts", 1)]
    """How many pieces of it the gift holds; null where it was not kept."""
    room: Annotated[RoomName | None, like("room-1", None)]
    """The room it was sent in; null for a gift outside any room."""
    combo: ComboId | None
    """The combo it belongs to: show gifts of one combo together. Null if it stands alone."""


class Books(Body):
    """
    The diamond books.

    Earned (net of what was reversed) + adjusted + bonuses + dispute loss = pending + available
    + reserved + paid out. `money` is what creators are owed (negative, a liability), cost and were
    paid.
    """

    diamonds_earned: Annotated[Diamonds, like(240_000)]
    """How many gifts brought, less what was taken back."""
    diamonds_adjusted: Annotated[int, in_unit("diamonds", 0)]
    """How many corrections gave, less those that they took; it may be below zero."""
    bonus_diamonds: Annotated[Diamonds, like(1_000)]
    """How many came as bonuses."""
    dispute_loss_diamonds: Annotated[Diamonds, like(0)]
    """How many were taken back that creators did not have any more: the operator's loss."""
    diamonds_reversed: Annotated[Diamonds, like(1_250)]
    """How many were taken back in all; `diamonds_earned` is without them."""
    diamonds_pending: Annotated[Diamonds, like(40_000)]
    """How many mature later."""
    diamonds_available: Annotated[Diamonds, like(61_000)]
    """How many can be paid out now."""
    diamonds_reserved: Annotated[Diamonds, like(0)]
    """How many payouts that are under way have set aside."""
    diamonds_paid_out: Annotated[Diamonds, like(140_000)]
    """How many were paid out."""
    postings_sum: Annotated[int, in_unit("diamonds", 0)]
    """The sum of all postings of the ledger: 0, else an entry is not balanced."""
    gifts: Annotated[int, in_unit("gifts", 1_200)]
    """How many gifts brought diamonds."""
    coins_of_gifts: Annotated[Coins, like(480_000)]
    """
    What those gifts cost, in coins. The gift service's `coins_sent` is the same once nothing waits.
    """
    payouts_by_state: Annotated[dict[str, int], like({"paid": 70, "requested": 1})]
    """How many payouts are in each state."""
    paid_amounts: list[Money]
    """What was paid to creators, a line for each currency."""
    money: list[MoneyAccount]
    """What the money accounts hold: what creators are owed is negative, a liability."""


@router.get(
    "/earnings/{creator:person}", tags=["earnings"], responses=refusals(Unauthenticated, NotYours)
)
async def read_earnings(
    creator: OwnCreator, db: Db, rules: Annotated[Rules, from_state("rules")]
) -> Earnings:
    """Read one's own diamonds."""
    async with db.transaction() as tx:
        return earnings_of(creator, await read_earned(tx, creator, rules))


def earnings_of(creator: str, earned: Earned) -> Earnings:
    """Show a creator's diamonds."""
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
    creator: OwnCreator, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[EarnedGift]:
    """Read which gifts brought how many diamonds, newest first."""
    return await earned_gifts_of(db, creator, cursor, limit, to_creator=True)


async def earned_gifts_of(
    db: Db, creator: str, cursor: Cursor, limit: int, *, to_creator: bool
) -> Page[EarnedGift]:
    """Return a page of the gifts that brought a creator diamonds, the newest first."""
    before = number_in(cursor)
    async with db.transaction() as tx:
        lines = await queries.newest_earnings(tx, creator, before=before, limit=limit)
    found = page(lines, limit, lambda line: [line.decision])
    return Page(
        items=[earned_gift(line, to_creator=to_creator) for line in lines],
        next_cursor=found.next_cursor,
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
        gift_type=line.gift_type,
        count=line.count,
        room=line.room,
        combo=line.combo,
    )


def _state(line: EarningLine) -> Literal["pending", "available", "reversed"]:
    if line.reversed_diamonds == line.diamonds > 0:
        return "reversed"
    return "available" if line.matured else "pending"
