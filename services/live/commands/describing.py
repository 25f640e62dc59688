"""What entries of a feed say, kind by kind."""

from collections.abc import Mapping

from shared.contracts.envelope import Envelope
from shared.contracts.gift import ComboEnded, GiftSent, MessageEvent, ReversalEvent
from shared.contracts.live import FirstGift, GoalReached, PerkEvent

GIFT, COMBO, REVERSAL = "gift", "combo", "reversal"
FIRST_GIFT, LEVEL, GOAL, PERK = "first_gift", "level", "goal", "perk"
THANKS, ROOM, MESSAGE = "thanks", "room", "message"
KINDS = frozenset({GIFT, COMBO, REVERSAL, FIRST_GIFT, LEVEL, GOAL, PERK, THANKS, ROOM, MESSAGE})


def gift(
    heard: Envelope[GiftSent], *, level: int, first: bool, message: str | None
) -> dict[str, object]:
    """
    A gift; `level` is that of what its giver gave openly, `first` that its creator had no open
    gift from them before.

    `message` is what was decided about its message, if anything was.
    """
    sent = heard.data
    return {
        "gift": sent.gift,
        "viewer": None if sent.anonymous else sent.viewer,
        "anonymous": sent.anonymous,
        "level": None if sent.anonymous else level,
        "first": first,
        "creator": sent.creator,
        "room": sent.room,
        "gift_type": sent.gift_type,
        "name": sent.display_name,
        "tier": sent.tier,
        "mode": sent.mode,
        "count": sent.count,
        "coins": sent.coins,
        "combo": sent.combo,
        "repeat_count": sent.repeat_count,
        "repeat_end": sent.repeat_end,
        "combo_coins": sent.combo_coins,
        "message": message,
        "sent_at": heard.time,
    }


def message(event: MessageEvent, text: str | None) -> dict[str, object]:
    """A message that was approved, or removed, after its gift was shown."""
    return {
        "gift": event.gift,
        "viewer": None if event.anonymous else event.viewer,
        "room": event.room,
        "state": "removed" if text is None else "shown",
        "message": text,
    }


def combo(heard: Envelope[ComboEnded], levels: Mapping[str, int]) -> dict[str, object]:
    """A combo that is over; its totals are for showing, the gifts were there one by one."""
    ended = heard.data
    return {
        "combo": ended.combo,
        "viewer": None if ended.anonymous else ended.viewer,
        "anonymous": ended.anonymous,
        "level": None if ended.anonymous else levels.get(ended.viewer),
        "creator": ended.creator,
        "room": ended.room,
        "gift_type": ended.gift_type,
        "name": ended.display_name,
        "tier": ended.tier,
        "gifts": ended.gifts,
        "repeat_count": ended.repeat_count,
        "repeat_end": True,
        "combo_coins": ended.combo_coins,
        "started_at": ended.started_at,
        "ended_at": ended.ended_at,
    }


def reversal(heard: Envelope[ReversalEvent]) -> dict[str, object]:
    """Coins of a gift count no more, or again: nobody is named for what a bank decided."""
    told = heard.data
    return {
        "gift": told.gift,
        "lot": told.lot,
        "room": told.room,
        "revision": told.revision,
        "coins": told.coins,
        "reversed_coins": told.reversed_coins,
        "restored": told.name == "gift.restored",
    }


def first_gift(event: FirstGift) -> dict[str, object]:
    return event.model_dump()


def level(viewer: str, *, level: int, previous: int) -> dict[str, object]:
    """Say that a viewer has another level by what they gave openly."""
    return {"viewer": viewer, "level": level, "previous_level": previous}


def goal(event: GoalReached) -> dict[str, object]:
    return {**event.model_dump(), "state": "reached"}


def perk(event: PerkEvent) -> dict[str, object]:
    """A perk somebody unlocked; what it takes to use it is between them and the creator."""
    return event.model_dump(include={"perk", "viewer", "creator", "kind", "title"})
