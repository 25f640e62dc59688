"""
How entries of a feed are written for a watcher.

`ovation` is our own shape. `tiktok` is the flattened one that tools around TikTok LIVE read
(TikTok-Live-Connector v1), so that they work here with another address:

| theirs | ours |
|---|---|
| giftId, giftName | gift_type (text, not a number), name |
| giftType | 1 for a gift of a combo, whose end will follow; else 2 |
| repeatCount, repeatEnd | repeat_count so far, whether the combo is over |
| groupId | combo |
| diamondCount | what one such gift costs in coins |
| userId, uniqueId, nickname | viewer; `anonymous` for an anonymous one |
| receiverUserId, roomId | creator, room |
| gifterLevel, isNewGifter | level, first |
| msgId, createTime | gift or combo; milliseconds since 1970, as text |

A gift of a combo comes with `repeatEnd: false`, and once more for the whole when the combo is
over: a tool that counts only `giftType !== 1 || repeatEnd` counts everything once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic_core import to_json

from services.live.domain.feed import EntryKind
from services.live.store.feed import Entry

STREAK, SINGLE = 1, 2
_OF_COINS = (EntryKind.GIFT, EntryKind.COMBO)
ANONYMOUS = "anonymous"


class Shape(StrEnum):
    OVATION = "ovation"
    TIKTOK = "tiktok"


class Step(NamedTuple):
    """A gift of a combo that shows nothing but the combo's state, and how many gifts it has."""

    combo: str
    repeat_count: int


class Event:
    """An entry, as it is written for all watchers of one format."""

    __slots__ = ("_entry", "_step", "written")

    def __init__(self, entry: Entry, written: bytes) -> None:
        self.written = written
        self._entry: Entry | None = entry
        self._step: Step | None = None

    @property
    def step(self) -> Step | None:
        """The step of a combo that a later one replaces; asked only for watchers that are slow."""
        if self._entry is not None:
            self._step, self._entry = _step(self._entry), None
        return self._step


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """Which entries a watcher wants, and how; watchers of one format share the bytes."""

    shape: Shape = Shape.OVATION
    only: frozenset[str] | None = None
    min_coins: int = 0

    def write(self, entries: Sequence[Entry]) -> list[Event]:
        """Write entries as server-sent events; those that are not wanted are left out."""
        events = [Event(entry, self._written(entry)) for entry in entries]
        return [event for event in events if event.written]

    def _written(self, entry: Entry) -> bytes:
        kind, shown = entry.kind, entry.shown
        if self.only is not None and kind not in self.only:
            return b""
        if self.min_coins and _coins(entry) < self.min_coins:
            return b""
        if self.shape is Shape.TIKTOK:
            if kind not in _OF_COINS:
                return b""
            kind, shown = EntryKind.GIFT, to_json(tiktok(kind, json.loads(shown))).decode()
        return f"event: {kind}\nid: {entry.sequence}\ndata: {shown}\n\n".encode()


def _step(entry: Entry) -> Step | None:
    if entry.kind != EntryKind.GIFT:
        return None
    shown = json.loads(entry.shown)
    if not shown.get("combo") or not shown.get("repeat_count"):
        return None
    if shown.get("message") or shown.get("first"):
        # No later gift says that again.
        return None
    return Step(shown["combo"], shown["repeat_count"])


def _coins(entry: Entry) -> int:
    """What an entry is worth, where it is about coins at all."""
    if entry.kind not in _OF_COINS:
        return 2**63
    shown = json.loads(entry.shown)
    coins: int = shown["coins"] if entry.kind == EntryKind.GIFT else shown["combo_coins"]
    return coins


def tiktok(kind: str, shown: Mapping[str, Any]) -> dict[str, object]:
    """Write a gift, or the end of a combo, with the names of TikTok-Live-Connector."""
    ended = kind == EntryKind.COMBO
    in_combo = ended or shown.get("combo") is not None
    count = shown["repeat_count"] if in_combo and shown.get("repeat_count") else shown["count"]
    one = shown["combo_coins"] // count if ended else shown["coins"] // shown["count"]
    at = datetime.fromisoformat(shown["ended_at"] if ended else shown["sent_at"])
    gift_type = STREAK if in_combo else SINGLE
    repeat_end = ended or not in_combo
    viewer = shown["viewer"] or ANONYMOUS
    return {
        "giftId": shown["gift_type"],
        "giftName": shown["name"],
        "giftType": gift_type,
        "diamondCount": one,
        "repeatCount": count,
        "repeatEnd": repeat_end,
        "groupId": shown.get("combo"),
        "userId": viewer,
        "uniqueId": viewer,
        "nickname": viewer,
        "receiverUserId": shown["creator"],
        "roomId": shown["room"],
        "gifterLevel": shown.get("level"),
        "isNewGifter": shown.get("first", False),
        "msgId": shown["combo"] if ended else shown["gift"],
        "createTime": str(int(at.timestamp() * 1000)),
        "describe": f"Sent {shown['name'] or shown['gift_type']}",
        "gift": {
            "gift_id": shown["gift_type"],
            "repeat_count": count,
            "repeat_end": int(repeat_end),
            "gift_type": gift_type,
        },
    }
