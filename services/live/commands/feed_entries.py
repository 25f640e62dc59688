"""What entries of a feed show, kind by kind."""

from collections.abc import Mapping

from shared.contracts.envelope import Envelope
from shared.contracts.gift import ComboEnded, GiftSent, MessageEvent, ReversalEvent
from shared.contracts.live import GoalReached, PerkEvent


def show_gift(
    envelope: Envelope[GiftSent], *, level: int, first: bool, message: str | None
) -> dict[str, object]:
    """
    Show a gift; `level` is that of its viewer's open gifts, `first`: the first open one from them
    to its creator. `message` is the newest decision about its message.
    """
    sent = envelope.data
    # Every gift comes through here: a model_dump would take three times as long.
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
        "sent_at": envelope.time,
    }


def show_message(event: MessageEvent, text: str | None) -> dict[str, object]:
    """Show that a message was approved, or removed, after its gift was shown."""
    return {
        "gift": event.gift,
        "viewer": None if event.anonymous else event.viewer,
        "room": event.room,
        "state": "removed" if text is None else "shown",
        "message": text,
    }


def show_combo(ended: ComboEnded, levels: Mapping[str, int]) -> dict[str, object]:
    """Show the end of a combo with its totals; its gifts were shown one by one."""
    return {
        **ended.model_dump(include=_OF_COMBO),
        "viewer": None if ended.anonymous else ended.viewer,
        "level": None if ended.anonymous else levels.get(ended.viewer),
        "name": ended.display_name,
        "repeat_end": True,
    }


def show_reversal(event: ReversalEvent) -> dict[str, object]:
    """Show that coins of a gift count no more, or again; it names no viewer."""
    return {**event.model_dump(include=_OF_REVERSAL), "restored": event.name == "gift.restored"}


def show_level(viewer: str, *, level: int, previous: int) -> dict[str, object]:
    """Show that a viewer has another level by what they gave openly."""
    return {"viewer": viewer, "level": level, "previous_level": previous}


def show_goal(event: GoalReached) -> dict[str, object]:
    return {**event.model_dump(), "state": "reached"}


def show_perk(event: PerkEvent) -> dict[str, object]:
    """Show an unlocked perk; only its viewer and its creator see the entitlement."""
    return event.model_dump(include={"perk", "viewer", "creator", "kind", "title"})


_OF_COMBO = {
    *("combo", "anonymous", "creator", "room", "gift_type", "tier", "gifts", "repeat_count"),
    *("combo_coins", "started_at", "ended_at"),
}
_OF_REVERSAL = {"gift", "lot", "room", "revision", "coins", "reversed_coins"}
