"""Sending gifts, and reading what became of them."""

from dataclasses import asdict
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic_core import to_json
from starlette.datastructures import State as AppState

from services.gift.api.dependencies import Intake, Targets
from services.gift.api.gift_bodies import Books, GiftList, GiftResponse, SendGiftRequest
from services.gift.commands import queries
from services.gift.commands.intake import GiftOrder
from services.gift.commands.pending_replies import WAIT_SECONDS_MAX
from services.gift.domain.admissions import (
    Blocked,
    GiftsOff,
    NotInRoom,
    RoomNotOpen,
    TargetToken,
    TargetTokenInvalid,
    TargetTokenMissing,
    target_of,
)
from services.gift.domain.catalogue import (
    ConfirmationRequired,
    CountTooLarge,
    GiftLocked,
    GiftToSelf,
    PriceChanged,
    UnknownGift,
)
from services.gift.domain.gifts import (
    TENCENT_KEYS,
    Gift,
    InsufficientCoins,
    KeyReserved,
    LimitExceeded,
    NoSuchGift,
    State,
    TooLate,
    WalletRefused,
    refusal_of,
)
from services.gift.store import gifts as store
from shared.http import (
    AllParts,
    BadCursor,
    Db,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    moment_in,
    page,
    refusals,
    request_id,
)
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller, ScopeMissing, operator_with
from shared.http.fields import GiftId, GiftIds, ViewerId
from shared.http.pages import Cursor
from shared.http.shortcuts import Shortcut, UsualRequest
from shared.idempotency import KeyReused, fingerprint
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.rules import accepted_until
from shared.identity.tokens import (
    Identity,
    IssuerUnavailable,
    TokenVerifier,
    Unauthenticated,
)
from shared.observability.tracing import traceparent
from shared.quotas.rules import TooOften

BOOKS_SCOPE = "books:read"
BooksReader = Annotated[Identity, operator_with(BOOKS_SCOPE)]
DISPUTES_SCOPE = "disputes:read"
DisputesReader = Annotated[Identity, operator_with(DISPUTES_SCOPE)]
RESPOND_ASYNC = "respond-async"
Prefer = Annotated[
    str | None,
    Header(
        description="`respond-async` asks for the 202 at once (RFC 7240); without it, the answer"
        " waits up to two seconds for the outcome.",
        examples=[RESPOND_ASYNC],
    ),
]


router = APIRouter()


@router.post(
    "/gifts",
    tags=["gifts"],
    openapi_extra=ANY_CALLER,
    status_code=201,
    response_model=GiftResponse,
    responses={
        202: {"model": GiftResponse, "description": "Not settled yet; look at `Location`."},
        **refusals(
            IdempotencyKeyMissing,
            Unauthenticated,
            InsufficientCoins,
            WalletRefused,
            AgeUnknown,
            TooYoung,
            LimitExceeded,
            UnknownGift,
            GiftLocked,
            PriceChanged,
            TooLate,
            KeyReused,
            KeyReserved,
            GiftToSelf,
            CountTooLarge,
            ConfirmationRequired,
            *(RoomNotOpen, NotInRoom, GiftsOff, Blocked),
            *(TargetTokenMissing, TargetTokenInvalid, IssuerUnavailable, TooOften),
        ),
    },
)
async def send_gift(
    wanted: SendGiftRequest,
    caller: Caller,
    key: IdempotencyKey,
    intake: Intake,
    targets: Targets,
    prefer: Prefer = None,
) -> Response:
    """
    Send a gift, and wait up to two seconds for its outcome.

    Its creator has to be in the room, and the room open, or a target token has to name them.
    `Prefer: respond-async` asks for the 202 at once. Repeat with the same key as often as
    you like: it is one gift.
    """
    if key.startswith(TENCENT_KEYS):
        raise KeyReserved(prefix=TENCENT_KEYS)
    at_once = prefer is not None and RESPOND_ASYNC in prefer
    order = GiftOrder(
        viewer=caller.user,
        **wanted.model_dump(),
        confirmed=wanted.confirm,
        idempotency_key=key,
        request_hash=fingerprint(wanted),
        correlation_id=request_id(),
        country=caller.country,
        age_verified=caller.age_verified,
        traceparent=traceparent(),
        target=await _target(targets, wanted.target_token),
    )
    gift = await intake.send(order, wait_seconds=0 if at_once else WAIT_SECONDS_MAX)
    return _answer(gift, at_once=at_once)


async def _send_usual_gift(state: AppState, usual: UsualRequest) -> Response:
    return await send_gift(
        usual.body, usual.caller, usual.key, state.intake, state.targets, usual.header("prefer")
    )


SHORTCUT = Shortcut("/v1/gifts", SendGiftRequest, _send_usual_gift)


async def _target(targets: TokenVerifier, token: str | None) -> TargetToken | None:
    """Read what the host signed; its token is not the caller's, so a bad one is a bad request."""
    if token is None:
        return None
    try:
        claims = await targets.verify_target(token)
    except Unauthenticated as refusal:
        raise TargetTokenInvalid(**refusal.facts) from None
    return target_of(claims, until=accepted_until(claims))


@router.get(
    "/gifts/{gift}",
    tags=["gifts"],
    responses=refusals(Unauthenticated, NoSuchGift),
)
async def read_gift(gift: GiftId, caller: Caller, db: Db) -> GiftResponse:
    """Read one of one's own gifts."""
    async with db.transaction() as tx:
        return view(await queries.read_gift(tx, caller.user, gift))


@router.get("/gifts", tags=["gifts"], responses=refusals(Unauthenticated, BadCursor))
async def list_gifts(
    caller: Caller, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[GiftResponse]:
    """Read one's own gifts, newest first."""
    return await gifts_of(db, caller.user, cursor, limit)


async def gifts_of(db: Db, viewer: str, cursor: Cursor, limit: int) -> Page[GiftResponse]:
    """Return a page of a viewer's gifts, the newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        gifts = await store.newest(tx, viewer, before=before, limit=limit)
    return page([view(gift) for gift in gifts], limit, _place)


@router.get(
    "/operator/gift/sent",
    tags=["operator-gifts"],
    responses=refusals(Unauthenticated, ScopeMissing),
)
async def list_gifts_of_viewer(
    _: DisputesReader,
    db: AllParts,
    viewer: ViewerId,
    gift: GiftIds,
) -> GiftList:
    """Read certain gifts of a viewer, for an operator who looks into a dispute."""
    async with db.part_for(viewer).transaction() as tx:
        found = await store.of_ids(tx, viewer, gift)
    return GiftList(items=[view(each) for each in found])


@router.get(
    "/operator/gift/books", tags=["finance"], responses=refusals(Unauthenticated, ScopeMissing)
)
async def read_gift_books(_: BooksReader, db: AllParts) -> Books:
    """Read how many gifts stand where; those of a part are of one instant."""
    return Books(**asdict(await queries.read_books(db)))


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


def view(gift: Gift) -> GiftResponse:
    return GiftResponse.model_validate(_shown(gift))


def _shown(gift: Gift) -> dict[str, object]:
    return {
        "gift": gift.id,
        "settled_at": gift.decided_at,
        **dict(zip(_SAME, _read_same(gift), strict=True)),
        "reason": gift.refusal["reason"] if gift.refusal else None,
    }


def _place(gift: GiftResponse) -> tuple[str, str]:
    return gift.requested_at.isoformat(), str(gift.gift)


_SAME = tuple(
    name for name in GiftResponse.model_fields if name not in ("gift", "settled_at", "reason")
)
_read_same = attrgetter(*_SAME)
