"""What the gift service is asked."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from services.gift.commands import reading, requesting, waiting
from services.gift.commands.requesting import GiftRequest
from services.gift.domain import (
    Catalogue,
    CountTooLarge,
    Gift,
    GiftToSelf,
    GiftType,
    InsufficientCoins,
    LimitExceeded,
    NoSuchGift,
    PriceChanged,
    State,
    TooLate,
    UnknownGift,
    WalletRefused,
    refusal_of,
)
from shared.auth import Caller, ScopeMissing, Unauthenticated, require_scope
from shared.batching import Batcher
from shared.database import Database
from shared.http import (
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    KeyReused,
    Limit,
    Page,
    encode_cursor,
    fingerprint,
    moment_in,
    refusals,
    request_id,
)
from shared.tracing import traceparent

BOOKS_SCOPE = "books:read"
RESPOND_ASYNC = "respond-async"
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
User = Annotated[str, Field(max_length=64, pattern=PRINTABLE)]


class GiftWish(BaseModel):
    """The gift a viewer wants to send. `expected_price_coins` guards against a price change."""

    model_config = ConfigDict(extra="forbid")

    gift_type: User
    creator: User
    room: User | None = None
    count: Annotated[int, Field(strict=True, ge=1, le=999)] = 1
    message: Annotated[str, Field(max_length=80, pattern=PRINTABLE)] | None = None
    anonymous: Annotated[bool, Field(strict=True)] = False
    expected_price_coins: Annotated[int, Field(strict=True, ge=1)] | None = None


class GiftView(BaseModel):
    """A gift as its viewer sees it; `sent` and `refused` are final."""

    gift: UUID
    state: State
    viewer: str
    creator: str
    room: str | None
    gift_type: str
    count: int
    price_coins: int
    coins: int
    message: str | None
    anonymous: bool
    requested_at: datetime
    settled_at: datetime | None
    reversed_coins: int = 0
    reason: str | None = None


class CatalogueEntry(BaseModel):
    """A gift on offer."""

    gift_type: str
    name: str
    description: str
    price_coins: int
    tier: str
    type: str
    category: str
    batch_counts: tuple[int, ...]
    max_count_per_send: int


class CatalogueView(BaseModel):
    items: list[CatalogueEntry]


class Books(BaseModel):
    """How many gifts stand where, and what the sent ones cost."""

    requested: int
    sent: int
    refused: int
    coins_sent: int
    coins_reversed: int


def build_router(database: Database, catalogue: Catalogue, waiters: waiting.Waiters) -> APIRouter:
    router = APIRouter(prefix="/v1")
    _add_gifts(router, database, catalogue, waiters)
    _add_reading(router, database)

    @router.get("/catalogue", tags=["gifts"], responses=refusals(Unauthenticated))
    async def read_catalogue(_: Caller) -> CatalogueView:
        """Read what can be given, and for how many coins."""
        return CatalogueView(items=[_entry(gift_type) for gift_type in catalogue.gift_types])

    return router


def _add_gifts(
    router: APIRouter, database: Database, catalogue: Catalogue, waiters: waiting.Waiters
) -> None:
    async def commit(requests: Sequence[GiftRequest]) -> Sequence[Gift | KeyReused]:
        async with database.transaction() as tx:
            return await requesting.request_gifts(tx, requests)

    intake = Batcher(commit)

    @router.post(
        "/gifts",
        tags=["gifts"],
        status_code=201,
        response_model=GiftView,
        responses={
            202: {"model": GiftView, "description": "Not settled yet; look at `Location`."},
            **refusals(
                IdempotencyKeyMissing,
                Unauthenticated,
                InsufficientCoins,
                WalletRefused,
                LimitExceeded,
                UnknownGift,
                PriceChanged,
                TooLate,
                KeyReused,
                GiftToSelf,
                CountTooLarge,
            ),
        },
    )
    async def send_gift(
        wish: GiftWish,
        caller: Caller,
        key: IdempotencyKey,
        prefer: Annotated[str | None, Header()] = None,
    ) -> Response:
        """
        Send a gift, and wait up to two seconds for its outcome.

        `Prefer: respond-async` asks for the 202 at once. Repeat with the same key as often as
        you like: it is one gift.
        """
        checked = catalogue.wish(viewer=caller.user, **wish.model_dump())
        request = GiftRequest(
            checked, key, fingerprint(wish), request_id(), caller.age_verified, traceparent()
        )
        at_once = prefer is not None and RESPOND_ASYNC in prefer
        async with waiters.expect(caller.user, request.gift) as outcome:
            gift = await intake.submit(request)
            if isinstance(gift, KeyReused):
                raise gift
            if gift.state is State.REQUESTED and not at_once:
                gift = await waiting.outcome(outcome, gift)
        return _answer(gift, at_once=at_once)


def _add_reading(router: APIRouter, database: Database) -> None:
    @router.get(
        "/gifts/{gift}",
        tags=["gifts"],
        responses=refusals(Unauthenticated, NoSuchGift),
    )
    async def read_gift(gift: UUID, caller: Caller) -> GiftView:
        """Read one of one's own gifts."""
        async with database.transaction() as tx:
            return _view(await reading.read_gift(tx, caller.user, gift))

    @router.get("/gifts", tags=["gifts"], responses=refusals(Unauthenticated, BadCursor))
    async def read_gifts(
        caller: Caller, cursor: str | None = None, limit: Limit = 50
    ) -> Page[GiftView]:
        """Read one's own gifts, newest first."""
        before = moment_in(cursor)
        async with database.transaction() as tx:
            gifts = await reading.newest_gifts(tx, caller.user, before=before, limit=limit)
        more = len(gifts) == limit
        last = [gifts[-1].requested_at.isoformat(), str(gifts[-1].id)] if more else None
        return Page(
            items=[_view(gift) for gift in gifts],
            next_cursor=encode_cursor(last) if last else None,
        )

    @router.get(
        "/operator/gift/books", tags=["operator"], responses=refusals(Unauthenticated, ScopeMissing)
    )
    async def read_books(caller: Caller) -> Books:
        """Read how many gifts stand where, all of one instant."""
        require_scope(caller, BOOKS_SCOPE)
        async with database.transaction() as tx:
            return Books(**asdict(await reading.books(tx)))


def _answer(gift: Gift, *, at_once: bool) -> Response:
    """Answer with the gift, or with the refusal that is its outcome."""
    if gift.state is State.REFUSED:
        raise refusal_of(gift)
    headers = {"Location": f"/v1/gifts/{gift.id}"}
    if at_once:
        headers["Preference-Applied"] = RESPOND_ASYNC
    return Response(
        to_json(_shown(gift)),
        status_code=201 if gift.state is State.SENT else 202,
        media_type="application/json",
        headers=headers,
    )


def _shown(gift: Gift) -> dict[str, object]:
    return {
        "gift": gift.id,
        "state": gift.state,
        "viewer": gift.viewer,
        "creator": gift.creator,
        "room": gift.room,
        "gift_type": gift.gift_type,
        "count": gift.count,
        "price_coins": gift.price_coins,
        "coins": gift.coins,
        "message": gift.message,
        "anonymous": gift.anonymous,
        "requested_at": gift.requested_at,
        "settled_at": gift.settled_at,
        "reversed_coins": gift.reversed_coins,
        "reason": gift.refusal["reason"] if gift.refusal else None,
    }


def _view(gift: Gift) -> GiftView:
    return GiftView.model_validate(_shown(gift))


def _entry(gift_type: GiftType) -> CatalogueEntry:
    return CatalogueEntry(
        gift_type=gift_type.id,
        name=gift_type.name,
        description=gift_type.description,
        price_coins=gift_type.price_coins,
        tier=gift_type.tier,
        type=gift_type.type,
        category=gift_type.category,
        batch_counts=gift_type.batch_counts,
        max_count_per_send=gift_type.count_max,
    )
