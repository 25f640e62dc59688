"""What creators allow: asked by themselves, or by the host for anybody."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

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
from shared.http import (
    AllParts,
    BadCursor,
    Limit,
    Moment,
    Name,
    Page,
    Reference,
    UserId,
    decode_cursor,
    exact_page,
    moment_in,
    refusals,
    request_id,
)
from shared.http.access import or_operator_with
from shared.http.auth import OPERATOR, Caller
from shared.identity.tokens import Identity, Unauthenticated

CREATOR = "creator"
MODERATE_SCOPE = "gifts:moderate"
OWN = (Unauthenticated, NotTheCreator)
Switch = Annotated[bool, Field(strict=True)]
OR_MODERATOR = or_operator_with(MODERATE_SCOPE)

router = APIRouter(prefix="/gifts/creators/{creator:person}", tags=["moderation"])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rules(_Body):
    """
    What holds for all gifts to a creator, until it is changed.

    With `hold_messages` what a viewer writes is shown once it is approved.
    """

    gifts_off: Switch
    hold_messages: Switch


class StreamSwitchRequest(_Body):
    gifts_off: Switch


class StreamSwitchResponse(BaseModel):
    """The switch is of this stream: the room's next one begins with gifts on."""

    creator: str
    room: str
    stream: UUID
    gifts_off: bool


class BlockRequest(_Body):
    """Without `until` it is for ever."""

    until: Moment | None = None


class BlockResponse(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    viewer: str
    until: datetime | None


class MessageDecisionRequest(_Body):
    """A message that is removed is never shown again."""

    state: Literal["shown", "removed"]


class MessageResponse(BaseModel):
    """What a viewer wrote to go with a gift; who gave anonymously is not named."""

    model_config = ConfigDict(from_attributes=True)

    gift: UUID
    viewer: str | None
    room: str | None
    message: Annotated[str, Field(validation_alias="text")]
    state: MessageState


def _require(caller: Identity, creator: str) -> str:
    """Let creators at what is theirs and hosts at anybody's; return who it is."""
    is_own = caller.user == creator and CREATOR in caller.roles
    is_host = OPERATOR in caller.roles and MODERATE_SCOPE in caller.scopes
    if not (is_own or is_host):
        raise NotTheCreator(scope=MODERATE_SCOPE)
    return caller.user


@router.get("/rules", openapi_extra=OR_MODERATOR, responses=refusals(*OWN))
async def read_gift_rules(creator: UserId, caller: Caller, db: Reference) -> Rules:
    """Read what holds for all gifts to a creator."""
    _require(caller, creator)
    async with db.transaction() as tx:
        rules = await admissions.rules_of(tx, creator)
    return Rules(gifts_off=rules.gifts_off, hold_messages=rules.hold_messages)


@router.put("/rules", openapi_extra=OR_MODERATOR, responses=refusals(*OWN))
async def set_gift_rules(creator: UserId, wanted: Rules, caller: Caller, db: Reference) -> Rules:
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
    creator: UserId, room: Name, wanted: StreamSwitchRequest, caller: Caller, db: Reference
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
    creator: UserId, caller: Caller, db: Reference, cursor: str | None = None, limit: Limit = 50
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
    creator: UserId, viewer: UserId, wanted: BlockRequest, caller: Caller, db: Reference
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
async def unblock_viewer(creator: UserId, viewer: UserId, caller: Caller, db: Reference) -> None:
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
    creator: UserId, caller: Caller, db: AllParts, cursor: str | None = None, limit: Limit = 50
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
    creator: UserId, gift: UUID, wanted: MessageDecisionRequest, caller: Caller, db: AllParts
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
