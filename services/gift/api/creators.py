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
    MessageIsRemoved,
    MessageState,
    NoSuchMessage,
)
from shared.http import (
    BadCursor,
    Limit,
    Moment,
    Name,
    Page,
    UserId,
    decode_cursor,
    encode_cursor,
    moment_in,
    refusals,
    request_id,
)
from shared.http.access import or_operator_with
from shared.http.auth import OPERATOR, Caller
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database

CREATOR = "creator"
MODERATE_SCOPE = "gifts:moderate"
BASE = "/gifts/creators/{creator}"
OWN = (Unauthenticated, NotTheCreator)
OR_MODERATOR = or_operator_with(MODERATE_SCOPE)
Switch = Annotated[bool, Field(strict=True)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rules(_Body):
    """
    What holds for all gifts to a creator, until it is changed.

    With `hold_messages` what a viewer writes is shown once it is approved.
    """

    gifts_off: Switch
    hold_messages: Switch


class StreamSwitch(_Body):
    gifts_off: Switch


class StreamSwitchView(BaseModel):
    """The switch is of this stream: the room's next one begins with gifts on."""

    creator: str
    room: str
    stream: UUID
    gifts_off: bool


class BlockWish(_Body):
    """Without `until` it is for ever."""

    until: Moment | None = None


class BlockView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    viewer: str
    until: datetime | None


class Decision(_Body):
    """A message that is removed is never shown again."""

    state: Literal["shown", "removed"]


class MessageView(BaseModel):
    """What a viewer wrote to go with a gift; who gave anonymously is not named."""

    model_config = ConfigDict(from_attributes=True)

    gift: UUID
    viewer: str | None
    room: str | None
    message: Annotated[str, Field(validation_alias="text")]
    state: MessageState


def add_routes(router: APIRouter, database: Database) -> None:
    _add_rules(router, database)
    _add_blocks(router, database)
    _add_messages(router, database)


def _require(caller: Identity, creator: str) -> str:
    """Let creators at what is theirs and hosts at anybody's; return who it is."""
    is_own = caller.user == creator and CREATOR in caller.roles
    is_host = OPERATOR in caller.roles and MODERATE_SCOPE in caller.scopes
    if not (is_own or is_host):
        raise NotTheCreator(scope=MODERATE_SCOPE)
    return caller.user


def _add_rules(router: APIRouter, database: Database) -> None:
    @router.get(
        f"{BASE}/rules", tags=["creators"], openapi_extra=OR_MODERATOR, responses=refusals(*OWN)
    )
    async def read_rules(creator: UserId, caller: Caller) -> Rules:
        """Read what holds for all gifts to a creator."""
        _require(caller, creator)
        async with database.transaction() as tx:
            rules = await creators.read_rules(tx, creator)
        return Rules(gifts_off=rules.gifts_off, hold_messages=rules.hold_messages)

    @router.put(
        f"{BASE}/rules", tags=["creators"], openapi_extra=OR_MODERATOR, responses=refusals(*OWN)
    )
    async def set_rules(creator: UserId, wish: Rules, caller: Caller) -> Rules:
        """Take gifts or none, and hold messages for approval or not."""
        by = _require(caller, creator)
        async with database.transaction() as tx:
            await creators.set_rules(tx, creator, CreatorRules(**wish.model_dump()), by=by)
        return wish

    @router.put(
        f"{BASE}/rooms/{{room}}",
        tags=["creators"],
        openapi_extra=OR_MODERATOR,
        responses=refusals(*OWN, RoomNotOpen, NotInRoom),
    )
    async def switch_room(
        creator: UserId, room: Name, wish: StreamSwitch, caller: Caller
    ) -> StreamSwitchView:
        """
        Switch gifts off, or on again, for the stream that goes on in a room.

        The room's owner does so for everybody in it, a guest for themselves.
        """
        by = _require(caller, creator)
        async with database.transaction() as tx:
            stream = await creators.switch_room(tx, creator, room, gifts_off=wish.gifts_off, by=by)
        return StreamSwitchView(creator=creator, room=room, stream=stream, gifts_off=wish.gifts_off)


def _add_blocks(router: APIRouter, database: Database) -> None:
    @router.get(
        f"{BASE}/blocks",
        tags=["creators"],
        openapi_extra=OR_MODERATOR,
        responses=refusals(*OWN, BadCursor),
    )
    async def list_blocks(
        creator: UserId, caller: Caller, cursor: str | None = None, limit: Limit = 50
    ) -> Page[BlockView]:
        """List whom a creator takes no gifts from, by name."""
        _require(caller, creator)
        after = _name_in(cursor)
        async with database.transaction() as tx:
            found = await creators.blocks_of(tx, creator, after=after, limit=limit + 1)
        items = [BlockView.model_validate(each) for each in found[:limit]]
        more = len(found) > limit
        return Page(items=items, next_cursor=encode_cursor([items[-1].viewer]) if more else None)

    @router.put(
        f"{BASE}/blocks/{{viewer}}",
        tags=["creators"],
        openapi_extra=OR_MODERATOR,
        responses=refusals(*OWN, BlockOfOneself, TooManyBlocks),
    )
    async def block_viewer(
        creator: UserId, viewer: UserId, wish: BlockWish, caller: Caller
    ) -> BlockView:
        """Take no gifts from a viewer, until a moment or for ever; the last word holds."""
        by = _require(caller, creator)
        async with database.transaction() as tx:
            await creators.block(tx, creator, viewer, wish.until, by=by)
        return BlockView(viewer=viewer, until=wish.until)

    @router.delete(
        f"{BASE}/blocks/{{viewer}}",
        tags=["creators"],
        openapi_extra=OR_MODERATOR,
        status_code=204,
        responses=refusals(*OWN),
    )
    async def unblock_viewer(creator: UserId, viewer: UserId, caller: Caller) -> None:
        """Take gifts from a viewer again."""
        by = _require(caller, creator)
        async with database.transaction() as tx:
            await creators.unblock(tx, creator, viewer, by=by)


def _add_messages(router: APIRouter, database: Database) -> None:
    @router.get(
        f"{BASE}/messages",
        tags=["creators"],
        openapi_extra=OR_MODERATOR,
        responses=refusals(*OWN, BadCursor),
    )
    async def list_waiting_messages(
        creator: UserId, caller: Caller, cursor: str | None = None, limit: Limit = 50
    ) -> Page[MessageView]:
        """List messages that wait for approval, those that wait longest first."""
        _require(caller, creator)
        after = moment_in(cursor)
        async with database.transaction() as tx:
            found = await messages.waiting_messages(tx, creator, after=after, limit=limit + 1)
        following = None
        if len(found) > limit and (last := found[limit - 1]).held_at is not None:
            following = encode_cursor([last.held_at.isoformat(), str(last.gift)])
        return Page(
            items=[MessageView.model_validate(each) for each in found[:limit]],
            next_cursor=following,
        )

    @router.put(
        f"{BASE}/messages/{{gift}}",
        tags=["creators"],
        openapi_extra=OR_MODERATOR,
        responses=refusals(*OWN, NoSuchMessage, MessageIsRemoved),
    )
    async def decide_message(
        creator: UserId, gift: UUID, wish: Decision, caller: Caller
    ) -> MessageView:
        """Show a message that waits, or remove one for good, also one that is shown already."""
        by = _require(caller, creator)
        async with database.transaction() as tx:
            decided = await messages.decide_message(
                tx, creator, gift, MessageState(wish.state), by=by, story=request_id()
            )
        return MessageView.model_validate(decided)


def _name_in(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    match decode_cursor(cursor):
        case [str(name)]:
            return name
    raise BadCursor
