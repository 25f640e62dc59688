"""What operators say of a gift type, and what they are shown of it."""

import math
import re
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import to_json

from services.gift.api.catalogue import CatalogueEntry
from services.gift.domain.catalogue import (
    GIFT_TYPE_ID,
    LANGUAGE,
    SINGLE,
)
from shared.contracts.base import in_unit, like
from shared.http import SCHEMAS, Moment
from shared.http.bodies import Body
from shared.http.fields import Coins, Instant, OperatorName

PRICE_COINS_MAX = 1_000_000
EXTENSION_BYTES_MAX = 4_096
KEPT = re.compile(r"[^\x00\ud800-\udfff]*")
LINE = r"^[^\x00-\x1f\x7f]+$"
Id = Annotated[str, Field(pattern=rf"^{GIFT_TYPE_ID.pattern}$")]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
Texts = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")], Text],
    # Pydantic says which names there may be, and not that there may be no others.
    Field(max_length=50, json_schema_extra={"additionalProperties": False}),
]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=LINE)]
Url = Annotated[str, Field(max_length=500, pattern=r"^(/|https://)[!-~]*$")]
Count = Annotated[int, Field(strict=True, ge=1, le=999)]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=LINE)]
Switch = Annotated[bool, Field(strict=True)]
Revision = Annotated[int, Field(strict=True, ge=1)]


# A model by name: a list may be the default of a field.
class _Strict(Body, BaseModel):
    model_config = ConfigDict(extra="forbid")


class LocksRequest(_Strict):
    """Who may give a gift, where and when."""

    fan_only: Switch = False
    """Whether only fans of the creator may give it: viewers who gave them the fan gift."""
    gifter_level_min: Annotated[int, Field(strict=True, ge=1, le=1_000, examples=[5])] | None = None
    """The lowest gifter level that may give it; null for every level."""
    available_from: Annotated[Moment, like("2026-12-01T00:00:00Z")] | None = None
    """From when on it may be given; null if there is no beginning."""
    available_until: Annotated[Moment, like("2027-01-07T00:00:00Z")] | None = None
    """
    Until when it may be given, this instant excluded and later than `available_from`; null if there
    is no end.
    """
    countries: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]], Field(max_length=250)
    ] = []
    """In which countries of viewers (ISO 3166-1 alpha-2) it may be given; empty for all."""

    @model_validator(mode="after")
    def _is_open_at_some_time(self) -> "LocksRequest":
        ends = self.available_from and self.available_until
        if ends and self.available_until <= self.available_from:  # type: ignore[operator]
            raise ValueError("available_until must be after available_from")
        return self


class Animation(_Strict):
    """One way to show a gift; an app takes the format it can play."""

    format: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,20}$", examples=["svg", "lottie"])]
    """What an app needs to play it; the word is your own."""
    url: Annotated[Url, like("/static/gifts/g_lantern.svg")]
    """Where it is, by HTTPS or on the origin of this API."""
    duration_ms: Annotated[int, Field(strict=True, ge=1, le=60_000), in_unit("milliseconds", 1_000)]
    """How long it plays."""
    width: Annotated[int, Field(strict=True, ge=1, le=8_192), in_unit("pixels", 96)] | None = None
    """How wide it is; null if it has no size of its own."""
    height: Annotated[int, Field(strict=True, ge=1, le=8_192), in_unit("pixels", 96)] | None = None
    """How high it is; null if it has no size of its own."""
    sha256: (
        Annotated[
            str,
            Field(
                pattern=r"^[0-9a-f]{64}$",
                examples=["4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a"],
            ),
        ]
        | None
    ) = None
    """
    The SHA-256 of the file in hexadecimal, for an app to check what it downloaded; null if unknown.
    """
    bytes: Annotated[int, Field(strict=True, ge=1), in_unit("bytes", 2_048)] | None = None
    """How large the file is, for an app to decide what it downloads; null if unknown."""


def _can_be_kept(value: object) -> bool:
    """Whether PostgreSQL's JSON can hold what Python's reader lets through."""
    match value:
        case dict():
            return all(map(_can_be_kept, (*value.keys(), *value.values())))
        case list():
            return all(map(_can_be_kept, value))
        case str():
            return KEPT.fullmatch(value) is not None
        case float():
            return math.isfinite(value)
    return True


class Entry(_Strict):
    """All that can be said of a gift; `tier` follows from the price and may be left out."""

    names: Annotated[Texts, like({"en": "Lantern", "de": "Laterne"})]
    """
    What it is called, by language (BCP 47). The one in English is required: it stands in for the
    others.
    """
    descriptions: Annotated[Texts, like({"en": "glows warm"})] = {}
    """What is seen when it is shown, by language."""
    price_coins: Annotated[int, Field(strict=True, ge=1, le=PRICE_COINS_MAX), in_unit("coins", 5)]
    """What one piece costs. A change counts for gifts that are requested afterwards."""
    tier: Annotated[Name, like("spark")] | None = None
    """
    How much of a show it is. It follows from the price: a tier that does not fit is refused, and
    null lets the price decide.
    """
    mode: Annotated[str, Field(pattern="^(streak|single)$", examples=["streak", "single"])]
    """
    Whether it may be tapped again and again and joins combos (`streak`), or stands alone
    (`single`).
    """
    category: Annotated[Name, like("season", "popular")]
    """The tab of the gift panel in which it is shown; the word is your own."""
    batch_counts: Annotated[list[Count], Field(min_length=1, max_length=10, examples=[[1, 10]])] = [
        1
    ]
    """
    How many pieces the panel offers to send at once, rising and at most `count_max`. A `single`
    gift has `[1]`.
    """
    count_max: Annotated[Count, in_unit("gifts", 99)] = 1
    """How many pieces one request may send."""
    sort: Annotated[int, Field(strict=True, ge=0, le=1_000_000, examples=[500])]
    """Its place in the panel: lower numbers come first."""
    is_active: Annotated[Switch, like(True)] = True
    """Whether it is on offer. A gift type is never deleted, only switched off."""
    locks: LocksRequest = LocksRequest()
    """Who may give it, where and when."""
    icon_url: Annotated[Url, like("/static/gifts/g_lantern.svg")] | None = None
    """A still picture of it, by HTTPS or on the origin of this API; null for none."""
    animations: Annotated[list[Animation], Field(max_length=10)] = []
    """The ways to show it, the best first: an app plays the first that it can."""
    extension: Annotated[dict[str, Any], like({"sound": "/sounds/lantern.mp3"})] = {}
    """
    What you keep beside it for your apps: any JSON of at most 4,096 bytes, of no meaning to
    Ovation.
    """

    @model_validator(mode="after")
    def _makes_sense(self) -> "Entry":
        if LANGUAGE not in self.names:
            raise ValueError("names must have one in English, which stands in for the others")
        if any(len(name) > 64 for name in self.names.values()):
            raise ValueError("a name has at most 64 characters")
        if self.batch_counts != sorted(set(self.batch_counts)):
            raise ValueError("batch_counts must rise")
        if self.batch_counts[-1] > self.count_max:
            raise ValueError("no batch may be larger than count_max")
        if self.mode == SINGLE and self.batch_counts != [1]:
            raise ValueError("a single gift is sent one at a time: batch_counts must be [1]")
        if not _can_be_kept(self.extension):
            raise ValueError("extension has a NUL, half a character, or a number that is none")
        if len(to_json(self.extension)) > EXTENSION_BYTES_MAX:
            raise ValueError(f"extension has at most {EXTENSION_BYTES_MAX} bytes")
        return self


LANTERN: JsonDict = {
    "gift_type": "g_lantern",
    "names": {"en": "Lantern", "de": "Laterne"},
    "price_coins": 5,
    "mode": "streak",
    "category": "season",
    "batch_counts": [1, 10],
    "count_max": 99,
    "sort": 500,
    "reason": "for the winter",
}


class NewGift(Entry):
    """A gift that is not in the catalogue yet; its id is for ever."""

    model_config = ConfigDict(json_schema_extra={"examples": [LANTERN]})

    gift_type: Annotated[Id, like("g_lantern")]
    """Its id for ever: apps, events and history know it by this."""
    reason: Annotated[Reason, like("for the winter")]
    """Why it is added; the audit log keeps it."""


class ChangedGift(Entry):
    """A gift as it is to be, and the `revision` it has been looked at in."""

    revision: Annotated[Revision, in_unit("changes", 3)]
    """
    The revision that you looked at. If it was changed meanwhile, the request is refused
    (`revision-outdated`).
    """
    reason: Annotated[Reason, like("for the winter")]
    """Why it is changed; the audit log keeps it."""


def _describe_patch(schema: dict[str, Any]) -> None:
    """Say what can be patched: whatever an entry has, and nothing else."""
    entry = Entry.model_json_schema(ref_template=f"{SCHEMAS}/{{model}}")
    for name, field in entry["properties"].items():
        # What is left out stays as it is, whatever a new entry would get.
        schema["properties"][name] = {k: v for k, v in field.items() if k != "default"}
    schema["additionalProperties"] = False


class GiftPatch(Body):
    """Some fields of a gift as they are to be, and the `revision` it has been looked at in."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_describe_patch)

    revision: Annotated[Revision, in_unit("changes", 3)]
    """
    The revision that you looked at. If it was changed meanwhile, the request is refused
    (`revision-outdated`).
    """
    reason: Annotated[Reason, like("for the winter")]
    """Why it is changed; the audit log keeps it."""


class OperatorEntry(Body):
    """A gift as operators see it: in all languages, also when it is switched off."""

    model_config = ConfigDict(from_attributes=True)

    gift_type: Annotated[str, Field(validation_alias="id"), like("g_lantern")]
    """Its id for ever: apps, events and history know it by this."""
    revision: Annotated[int, in_unit("changes", 3)]
    """How often it was changed, its making included. A change has to name it."""
    names: Annotated[dict[str, str], like({"en": "Lantern", "de": "Laterne"})]
    """What it is called, by language (BCP 47)."""
    descriptions: Annotated[dict[str, str], like({"en": "glows warm"})]
    """What is seen when it is shown, by language."""
    price_coins: Annotated[Coins, like(5)]
    """What one piece costs now, in coins."""
    price_version: Annotated[int, like(2)]
    """The number of this price: each change of the price has the next one."""
    tier: Annotated[str, like("spark")]
    """How much of a show it is, by its price: `spark`, `glow`, `burst`, `spectacle` or `legend`."""
    mode: Annotated[str, like("streak", "single")]
    """
    Whether it may be tapped again and again and joins combos (`streak`), or stands alone
    (`single`).
    """
    category: Annotated[str, like("season")]
    """The tab of the gift panel in which it is shown."""
    batch_counts: Annotated[list[int], like([1, 10])]
    """How many pieces the panel offers to send at once, rising."""
    count_max: Annotated[int, in_unit("gifts", 99)]
    """How many pieces one request may send."""
    sort: Annotated[int, like(500)]
    """Its place in the panel: lower numbers come first."""
    is_active: Annotated[bool, like(True)]
    """Whether it is on offer."""
    locks: LocksRequest
    """Who may give it, where and when."""
    icon_url: Annotated[str, like("/static/gifts/g_lantern.svg")] | None
    """A still picture of it; null if there is none."""
    animations: Annotated[
        list[dict[str, Any]],
        like(
            [
                {
                    "format": "svg",
                    "url": "/static/gifts/g_lantern.svg",
                    "duration_ms": 1000,
                    "width": 96,
                    "height": 96,
                }
            ]
        ),
    ]
    """The ways to show it, each with its `format`, `url` and `duration_ms`, the best first."""
    extension: Annotated[dict[str, Any], like({"sound": "/sounds/lantern.mp3"})]
    """What you keep beside it for your apps: any JSON, of no meaning to Ovation."""


class OperatorEntries(Body):
    items: list[OperatorEntry]
    """Every gift type that there ever was, by its place in the panel."""


class Change(Body):
    """One field that is, or would be, another."""

    model_config = ConfigDict(from_attributes=True)

    field: Annotated[str, like("price_coins")]
    """Which field of the entry."""
    before: Annotated[Any, like(4)]
    """What it was; null of a gift type that is new."""
    after: Annotated[Any, like(5)]
    """What it is, or would be."""


class EditResponse(Body):
    """What was changed, or with `preview` would be; `shown` is what viewers see of it."""

    preview: bool
    """Whether nothing was changed, because the request asked for a preview."""
    entry: OperatorEntry
    """The whole gift type as it is after the change, or would be."""
    changes: list[Change]
    """What differs from before; empty if nothing does, and then nothing was written."""
    warnings: Annotated[list[str], like(["The new price moves this gift from spark to glow."], [])]
    """Sentences about what an operator may not expect of this change; empty if there are none."""
    shown: CatalogueEntry
    """What viewers see of it, in English and in no country."""


class PriceResponse(Body):
    """What a gift cost from a moment on, and who set it."""

    model_config = ConfigDict(from_attributes=True)

    version: Annotated[int, like(2)]
    """The number of the price, counted from 1."""
    price_coins: Annotated[Coins, like(5)]
    """What one piece cost from then on, in coins."""
    operator: OperatorName
    """Who set it: the `sub` of their token, or `seeds` for what an installation began with."""
    valid_from: Instant
    """Since when gifts cost this; the next version ended it."""


class Prices(Body):
    items: list[PriceResponse]
    """The prices of one gift type, the newest first."""
