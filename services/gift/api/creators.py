"""What creators allow: asked by themselves, or by the host for anybody."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from services.gift.commands import creators, messages
from services.gift.domain.admissions import NotInRoom, NotTheCreator, RoomNotOpen, TooManyBlocks
from services.gift.domain.creators import (
    BlockOfOneself,
    CreatorRules,
    Message,
    MessageIsRemoved,
    MessageState,
    NoSuchMessage,
)
from services.gift.store import admissions
from shared.contracts.base import like
from shared.http import (
    AllParts,
    BadCursor,
    Limit,
    Moment,
    Page,
    Reference,
    decode_cursor,
    exact_page,
    moment_in,
    refusals,
    request_id,
)
from shared.http.access import or_operator_with
from shared.http.auth import OPERATOR, Caller
from shared.http.bodies import Body
from shared.http.fields import (
    CreatorId,
    CreatorName,
    GiftId,
    Instant,
    RoomId,
    RoomName,
    StreamId,
    ViewerId,
    ViewerName,
)
from shared.http.pages import Cursor
from shared.identity.tokens import Identity, Unauthenticated

CREATOR = "creator"
MODERATE_SCOPE = "gifts:moderate"
OWN = (Unauthenticated, NotTheCreator)
Switch = Annotated[bool, Field(strict=True)]
OR_MODERATOR = or_operator_with(MODERATE_SCOPE)

router = APIRouter(prefix="/gifts/creators/{creator:person}", tags=["moderation"])


class _Request(Body):
    model_config = ConfigDict(extra="forbid")


class Rules(_Request):
    """
    What holds for all gifts to a creator, until it is changed.

    With `hold_messages` what a viewer writes is shown once it is approved.
    """

    gifts_off: Switch
    """Whether all gifts to this creator are refused, in any room."""
    hold_messages: Switch
    """Whether what viewers write to them waits until it is approved."""


class StreamSwitchRequest(_Request):
    gifts_off: Annotated[Switch, like(True)]
    """
    Whether gifts are off for the stream that goes on now. The next stream begins with gifts on.
    """


class StreamSwitchResponse(Body):
    """The switch is of this stream: the room's next one begins with gifts on."""

    creator: CreatorName
    room: RoomName
    stream: StreamId
    """The stream that goes on in the room, to which alone the switch belongs."""
    gifts_off: Annotated[bool, like(True)]
    """Whether gifts to the creator are off in this stream."""


class BlockRequest(_Request):
    """Without `until` it is for ever."""

    until: Annotated[Moment, like("2026-12-23T12:00:00Z")] | None = None
    """Until when the creator takes no gifts from the viewer; null for ever."""


class BlockResponse(Body):
    model_config = ConfigDict(from_attributes=True)

    viewer: ViewerName
    until: Annotated[Instant, like("2026-12-23T12:00:00Z")] | None
    """Until when the creator takes no gifts from the viewer; null for ever."""


class MessageDecisionRequest(_Request):
    """A message that is removed is never shown again."""

    state: Literal["shown", "removed"]
    """What becomes of the message: `shown` to the room, or `removed` for good."""


class MessageResponse(Body):
    """What a viewer wrote to go with a gift; who gave anonymously is not named."""

    model_config = ConfigDict(from_attributes=True)

    gift: GiftId
    """The gift that the message came with."""
    viewer: ViewerName | None
    """Who wrote it: the `sub` of their token. Null if they gave anonymously."""
    room: RoomName | None
    """The room in which the gift was sent; null for a gift outside any room."""
    message: Annotated[str, Field(validation_alias="text", examples=["For the encore!"])]
    """What was written, as written: escape it before you show it."""
    state: Annotated[MessageState, like("held")]
    """Whether it waits (`held`), is `shown`, or is `removed` for good."""


def _require(caller: Identity, creator: str) -> str:
    """Let creators at what is theirs and hosts at anybody's; return who it is."""
    is_own = caller.user == creator and CREATOR in caller.roles
    is_host = OPERATOR in caller.roles and MODERATE_SCOPE in caller.scopes
    if not (is_own or is_host):
        raise NotTheCreator(scope=MODERATE_SCOPE)
    return caller.user


@router.get("/rules", openapi_extra=OR_MODERATOR, responses=refusals(*OWN))
async def read_gift_rules(creator: CreatorId, caller: Caller, db: Reference) -> Rules:
    """Read what holds for all gifts to a creator."""
    _require(caller, creator)
    async with db.transaction() as tx:
        rules = await admissions.rules_of(tx, creator)
    return Rules(gifts_off=rules.gifts_off, hold_messages=rules.hold_messages)


@router.put("/rules", openapi_extra=OR_MODERATOR, responses=refusals(*OWN))
async def set_gift_rules(creator: CreatorId, wanted: Rules, caller: Caller, db: Reference) -> Rules:
    """Take gifts or none, and hold messages for approval or not."""
    by = _require(caller, creator)
    async with db.transaction() as tx:
        await creators.set_rules(tx, creator, CreatorRules(**wanted.model_dump()), by=by)
    return wanted


@router.put(
    "/rooms/{room}",
    openapi_extra=OR_MODERATOR,
    responses=refusals(*OWN, RoomNotOpen, NotInRoom),
)
async def switch_gifts_in_room(
    creator: CreatorId, room: RoomId, wanted: StreamSwitchRequest, caller: Caller, db: Reference
) -> StreamSwitchResponse:
    """
    Switch gifts off, or on again, for the stream that goes on in a room.

    The room's owner does so for everybody in it, a guest for themselves.
    """
    by = _require(caller, creator)
    async with db.transaction() as tx:
        stream = await creators.switch_room(tx, creator, room, gifts_off=wanted.gifts_off, by=by)
    return StreamSwitchResponse(
        creator=creator, room=room, stream=stream, gifts_off=wanted.gifts_off
    )


@router.get(
    "/blocks",
    openapi_extra=OR_MODERATOR,
    responses=refusals(*OWN, BadCursor),
)
async def list_blocks(
    creator: CreatorId, caller: Caller, db: Reference, cursor: Cursor = None, limit: Limit = 50
) -> Page[BlockResponse]:
    """List whom a creator takes no gifts from, by name."""
    _require(caller, creator)
    after = _name_in(cursor)
    async with db.transaction() as tx:
        found = await admissions.blocks_of(tx, creator, after=after, limit=limit + 1)
    return exact_page(found, limit, lambda each: [each.viewer], BlockResponse.model_validate)


@router.put(
    "/blocks/{viewer:person}",
    openapi_extra=OR_MODERATOR,
    responses=refusals(*OWN, BlockOfOneself, TooManyBlocks),
)
async def block_viewer(
    creator: CreatorId, viewer: ViewerId, wanted: BlockRequest, caller: Caller, db: Reference
) -> BlockResponse:
    """Take no gifts from a viewer, until a moment or for ever; the last word holds."""
    by = _require(caller, creator)
    async with db.transaction() as tx:
        await creators.block(tx, creator, viewer, wanted.until, by=by)
    return BlockResponse(viewer=viewer, until=wanted.until)


@router.delete(
    "/blocks/{viewer:person}",
    openapi_extra=OR_MODERATOR,
    status_code=204,
    responses=refusals(*OWN),
)
async def unblock_viewer(
    creator: CreatorId, viewer: ViewerId, caller: Caller, db: Reference
) -> None:
    """Take gifts from a viewer again."""
    by = _require(caller, creator)
    async with db.transaction() as tx:
        await creators.unblock(tx, creator, viewer, by=by)


@router.get(
    "/messages",
    openapi_extra=OR_MODERATOR,
    responses=refusals(*OWN, BadCursor),
)
async def list_waiting_messages(
    creator: CreatorId, caller: Caller, db: AllParts, cursor: Cursor = None, limit: Limit = 50
) -> Page[MessageResponse]:
    """List messages that wait for approval, those that wait longest first."""
    _require(caller, creator)
    after = moment_in(cursor)
    found = await messages.held_messages(db, creator, after=after, limit=limit + 1)
    return exact_page(found, limit, _place, MessageResponse.model_validate)


@router.put(
    "/messages/{gift}",
    openapi_extra=OR_MODERATOR,
    responses=refusals(*OWN, NoSuchMessage, MessageIsRemoved),
)
async def decide_message(
    creator: CreatorId, gift: GiftId, wanted: MessageDecisionRequest, caller: Caller, db: AllParts
) -> MessageResponse:
    """Show a message that waits, or remove one for good, also one that is shown already."""
    by = _require(caller, creator)
    part = await messages.part_of_message(db, creator, gift)
    async with part.transaction() as tx:
        decided = await messages.decide_message(
            tx, creator, gift, MessageState(wanted.state), by=by, correlation_id=request_id()
        )
    return MessageResponse.model_validate(decided)


def _name_in(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    match decode_cursor(cursor):
        case [str(name)]:
            return name
    raise BadCursor


def _place(message: Message) -> list[str]:
    assert message.held_at is not None
    return [message.held_at.isoformat(), str(message.gift)]
