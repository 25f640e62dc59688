"""What is on offer, at which price, and who may give it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.gift.domain.gifts import GiftDetails
from shared.errors import Kind, Refusal

STREAK, SINGLE = "streak", "single"
# What a name is shown in where a language is missing.
LANGUAGE = "en"
# A viewer who sent this to a creator is of their fans.
FAN_GIFT = "g_pebble"
# Ids are a part of paths and of file names.
GIFT_TYPE_ID = re.compile(r"[a-z0-9_]{1,20}")
# From so many coins on, by name; a gift's price alone decides how large it is shown.
TIERS = (("legend", 10_000), ("spectacle", 1_000), ("burst", 100), ("glow", 10), ("spark", 1))
LEGEND = "legend"
# By tier, how long and how large an animation of ours is.
_ANIMATIONS = {
    "spark": (1_000, 64),
    "glow": (2_000, 128),
    "burst": (4_000, 256),
    "spectacle": (8_000, 512),
    "legend": (15_000, 512),
}


class UnknownGift(Refusal):
    """There is no such gift in the catalogue."""

    kind = Kind.NOT_FOUND


class GiftToSelf(Refusal):
    """Nobody can send a gift to themselves."""

    kind = Kind.INVALID


class CountTooLarge(Refusal):
    """So many of this gift cannot be sent at once."""

    kind = Kind.INVALID


class PriceChanged(Refusal):
    """The gift has another price now; look at it and ask again."""

    kind = Kind.CONFLICT


class GiftLocked(Refusal):
    """This gift is not open to everyone, everywhere, or at any time."""

    kind = Kind.FORBIDDEN


class ConfirmationRequired(Refusal):
    """A gift this large is sent only if the request says `confirm`."""

    kind = Kind.INVALID


class GiftTypeTaken(Refusal):
    """A gift with this id has been in the catalogue before; ids are for ever."""

    kind = Kind.CONFLICT


class RevisionOutdated(Refusal):
    """Somebody else changed this gift meanwhile; look at it and decide again."""

    kind = Kind.CONFLICT


class TierMismatch(Refusal):
    """A gift of this price belongs to another tier."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class Locks:
    """Who may give a gift, where and when; all of it has to be so."""

    fan_only: bool = False
    gifter_level_min: int | None = None
    available_from: datetime | None = None
    available_until: datetime | None = None
    countries: tuple[str, ...] = ()

    @property
    def needs_history(self) -> bool:
        """Whether it depends on what the viewer has given before."""
        return self.fan_only or self.gifter_level_min is not None

    def check(self, *, now: datetime, country: str | None) -> None:
        """Refuse, with what would have to be so, what the caller's token and the clock rule out."""
        if self.available_from is not None and now < self.available_from:
            raise GiftLocked(lock="available_from", available_from=self.available_from)
        if self.available_until is not None and now >= self.available_until:
            raise GiftLocked(lock="available_until", available_until=self.available_until)
        if self.countries and country not in self.countries:
            raise GiftLocked(lock="countries", countries=self.countries, country=country)


@dataclass(frozen=True, slots=True)
class GiftType:
    """An entry of the catalogue; `id` never changes, names are for showing."""

    id: str
    revision: int
    names: Mapping[str, str]
    descriptions: Mapping[str, str]
    price_coins: int
    price_version: int
    mode: str
    category: str
    batch_counts: tuple[int, ...]
    count_max: int
    sort: int
    is_active: bool = True
    locks: Locks = field(default_factory=Locks)
    icon_url: str | None = None
    animations: tuple[Mapping[str, Any], ...] = ()
    extension: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.price_coins > 0
        assert self.count_max > 0
        assert self.mode in {STREAK, SINGLE}
        assert self.names.get(LANGUAGE), f"{self.id} has no name"

    @property
    def tier(self) -> str:
        return tier_of(self.price_coins)

    @property
    def needs_confirmation(self) -> bool:
        """Whether a slip of the finger would cost a hundred euros."""
        return self.tier == LEGEND

    @property
    def display_name(self) -> str:
        return self.names[LANGUAGE]


@dataclass(frozen=True, slots=True)
class PricedGift:
    """A gift a viewer wants to send, checked against the catalogue."""

    details: GiftDetails
    gift_type: GiftType

    @property
    def coins(self) -> int:
        return self.gift_type.price_coins * self.details.count


class Catalogue:
    """The gifts there are; `revision` counts the changes of all of them."""

    def __init__(self, gift_types: Sequence[GiftType], revision: int = 0) -> None:
        self.revision = revision
        self.gift_types = tuple(sorted(gift_types, key=lambda gift_type: gift_type.sort))
        self.offered = tuple([each for each in self.gift_types if each.is_active])
        self._by_id = {gift_type.id: gift_type for gift_type in gift_types}
        assert len(self._by_id) == len(gift_types), "a gift's id is used twice"
        self._languages = {
            language
            for gift_type in gift_types
            for language in (*gift_type.names, *gift_type.descriptions)
        }

    def find(self, gift_type: str) -> GiftType | None:
        return self._by_id.get(gift_type)

    def language_for(self, wanted: str) -> str:
        """Return the language in which a caller reads the same texts as in the one they want."""
        for language in (wanted, wanted.partition("-")[0]):
            if language in self._languages:
                return language
        return LANGUAGE

    def price_gift(
        self, details: GiftDetails, *, expected_price_coins: int | None = None
    ) -> PricedGift:
        """Check what can be checked before any coin is asked for, or raise why not."""
        known = self.find(details.gift_type)
        if known is None or not known.is_active:
            raise UnknownGift(gift_type=details.gift_type)
        if details.viewer == details.creator:
            raise GiftToSelf
        if details.count > known.count_max:
            raise CountTooLarge(count_max=known.count_max)
        if expected_price_coins not in (None, known.price_coins):
            raise PriceChanged(price_coins=known.price_coins, price_version=known.price_version)
        return PricedGift(details, known)


def tier_of(price_coins: int) -> str:
    """Return the tier of a price: how large its animation may be."""
    return next(tier for tier, floor in TIERS if price_coins >= floor)


def our_animation(gift_type: str, tier: str) -> Mapping[str, Any]:
    """Describe the picture that comes with us: it moves by itself, for as long as its tier may."""
    duration_ms, pixels = _ANIMATIONS[tier]
    return {
        "format": "svg",
        "url": f"/static/gifts/{gift_type}.svg",
        "duration_ms": duration_ms,
        "width": pixels,
        "height": pixels,
    }


def localized(texts: Mapping[str, str], language: str | None) -> str:
    """Return a text in a language, else in the one it is a variant of, else in English."""
    for wanted in (language, (language or "").partition("-")[0], LANGUAGE):
        if wanted and texts.get(wanted):
            return texts[wanted]
    return ""
