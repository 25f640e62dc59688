"""
Who may give to whom: creators in open rooms, or those that the host's signed token names.

A gift names its creator and its room in free text. Unchecked, an alternative account tops the
ranking of another creator's room and its owner gets most of the money back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.gift.domain.gifts import GiftDetails
from shared.errors import Kind, Refusal
from shared.identity.claims import SUBJECT_CHARACTERS_MAX
from shared.quotas.rules import MINUTE, Quota

BLOCKS_MAX = 1_000
# Gifts of a viewer that are not paid: those that are being decided, and those lately refused.
UNPAID_GIFTS = Quota("unpaid-gifts", 100, 5 * MINUTE)
NAMES_MAX = 100
ROOM_CHARACTERS_MAX = 64


class RoomNotOpen(Refusal):
    """This room is not open; gifts can be sent while it is."""

    kind = Kind.CONFLICT


class NotInRoom(Refusal):
    """This creator is not in this room."""

    kind = Kind.CONFLICT


class TargetTokenMissing(Refusal):
    """A gift outside of any room needs a target token of the app it is sent from."""

    kind = Kind.INVALID


class TargetTokenInvalid(Refusal):
    """The target token is not valid for this gift."""

    kind = Kind.INVALID


class GiftsOff(Refusal):
    """This creator takes no gifts at the moment."""

    kind = Kind.FORBIDDEN


class Blocked(Refusal):
    """This creator does not take gifts from you."""

    kind = Kind.FORBIDDEN


class TooManyBlocks(Refusal):
    """A creator can block so many viewers; unblock one first."""

    kind = Kind.CONFLICT


class NotTheCreator(Refusal):
    """Only the creator may do this, or an operator with the right scope."""

    kind = Kind.FORBIDDEN


class Target(StrEnum):
    """Why a creator may receive a gift."""

    ROOM = "room"
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    ANYBODY = "anybody"


@dataclass(frozen=True, slots=True)
class TargetToken:
    """What a host signed: who may be given to where, until when, and what their creators want."""

    room: str | None
    creators: frozenset[str]
    until: float
    viewer: str | None = None
    gifts_off: bool = False
    blocked: frozenset[str] = frozenset()

    def require(self, gift: GiftDetails, *, now: float) -> None:
        """Refuse what the host did not sign."""
        if now > self.until:
            raise TargetTokenInvalid(reason="expired")
        if gift.room != self.room:
            raise TargetTokenInvalid(reason="other-room")
        if gift.creator not in self.creators:
            raise TargetTokenInvalid(reason="other-creator")
        if self.viewer not in (None, gift.viewer):
            raise TargetTokenInvalid(reason="other-viewer")


@dataclass(frozen=True, slots=True)
class Admission:
    """What is known of a creator, a room and a viewer, as intake read it under its locks."""

    room_is_open: bool
    belongs: bool
    is_off: bool
    is_blocked: bool
    holds: bool
    # Of the viewer, with those before this one in the batch: gifts that are not paid; and when
    # those that were refused are forgotten.
    unpaid: int = 0
    unpaid_seconds: int = 1


def admit(
    gift: GiftDetails, known: Admission, token: TargetToken | None, *, anybody: bool, now: float
) -> Target:
    """
    Return why the creator may receive this gift, or raise why not.

    A gift is kept for ever, paid or not: a viewer without coins can have only so many.
    """
    target = _target(gift, known, token, anybody=anybody, now=now)
    if known.is_off or (token is not None and token.gifts_off):
        raise GiftsOff
    if known.is_blocked or (token is not None and gift.viewer in token.blocked):
        raise Blocked
    if known.unpaid >= UNPAID_GIFTS.count_max:
        raise UNPAID_GIFTS.used_up(known.unpaid_seconds)
    return target


def _target(
    gift: GiftDetails, known: Admission, token: TargetToken | None, *, anybody: bool, now: float
) -> Target:
    if token is not None:
        token.require(gift, now=now)
        return Target.TOKEN
    if known.belongs:
        return Target.ROOM
    if anybody:
        return Target.ANYBODY
    if gift.room is None:
        raise TargetTokenMissing
    if not known.room_is_open:
        raise RoomNotOpen(room=gift.room)
    raise NotInRoom(room=gift.room, creator=gift.creator)


def target_of(claims: Mapping[str, Any], *, until: float) -> TargetToken:
    """Read the claims of a token whose signature is valid; any claim of another type is refused."""
    creators = _names(claims, "creators") | _names(claims, "creator")
    if not creators:
        raise TargetTokenInvalid(reason="no-creator")
    gifts_off = claims.get("gifts_off", False)
    if type(gifts_off) is not bool:
        raise TargetTokenInvalid(reason="bad-claim", claim="gifts_off")
    return TargetToken(
        room=_name(claims, "room", ROOM_CHARACTERS_MAX),
        creators=creators,
        until=until,
        viewer=_name(claims, "viewer", SUBJECT_CHARACTERS_MAX),
        gifts_off=gifts_off,
        blocked=_names(claims, "blocked"),
    )


def _name(claims: Mapping[str, Any], claim: str, characters_max: int) -> str | None:
    value = claims.get(claim)
    if value is None or _is_name(value, characters_max):
        return value
    raise TargetTokenInvalid(reason="bad-claim", claim=claim)


def _names(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    value = claims.get(claim, [])
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or len(names) > NAMES_MAX:
        raise TargetTokenInvalid(reason="bad-claim", claim=claim)
    if not all(_is_name(name, SUBJECT_CHARACTERS_MAX) for name in names):
        raise TargetTokenInvalid(reason="bad-claim", claim=claim)
    return frozenset(names)


def _is_name(value: object, characters_max: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= characters_max
