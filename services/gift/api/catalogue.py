"""What can be given, in the viewer's language."""

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field, TypeAdapter

from services.gift.api.dependencies import Cache, Prices
from services.gift.domain.catalogue import (
    FAN_GIFT,
    Catalogue,
    GiftLocked,
    GiftType,
    Locks,
    localized,
)
from shared.contracts.base import in_unit, like
from shared.http import refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.http.bodies import Body
from shared.http.fields import Coins, CountryCode, CurrencyCode, GiftTypeId, Instant, MinorUnits
from shared.identity.tokens import Unauthenticated
from shared.prices.packages import Channel
from shared.prices.price_list import CoinPrice, CurrencyNotOffered

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Language = Annotated[str, Field(max_length=16, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
# Languages, prices by country and channel, and what is locked: most callers share a few answers.
VIEWS_CACHED = 128

BoughtIn = Annotated[
    Channel,
    Query(description="Where the caller buys coins: prices may differ by it.", examples=["web"]),
]

router = APIRouter(tags=["gifts"])


class LocksResponse(Body):
    """
    Who may give a gift, where and when; what is null or empty locks nothing.

    `fan_gift` is what makes a viewer one of a creator's fans.
    """

    fan_only: bool
    """Whether only fans of the creator may give it."""
    fan_gift: Annotated[str | None, like(None, "g_pebble")]
    """
    The gift type that makes a viewer a fan of a creator, to be offered to those who are none; null
    unless `fan_only`.
    """
    gifter_level_min: Annotated[int | None, like(None, 5)]
    """The lowest gifter level that may give it; null for every level."""
    available_from: Annotated[Instant | None, like(None, "2026-12-01T00:00:00Z")]
    """From when on it may be given; null if there is no beginning."""
    available_until: Annotated[Instant | None, like(None, "2027-01-07T00:00:00Z")]
    """Until when it may be given, this instant excluded; null if there is no end."""
    countries: Annotated[list[CountryCode], like([], ["DE", "AT"])]
    """In which countries of viewers it may be given; empty for all countries."""


class PriceDisplay(Body):
    """
    What a gift costs in real money, tax included: to be shown beside its coins.

    The coins of one gift at the price of a coin in the dearest offer (package or single coins)
    of the caller's country, currency and channel, rounded up to a minor unit: no viewer pays more.
    """

    amount_minor: Annotated[MinorUnits, like(5)]
    """The price of one piece, tax included, rounded up to a minor unit."""
    currency: CurrencyCode


class CatalogueEntry(Body):
    """
    A gift on offer, in the language asked for.

    `price_display` is null where no coins are sold, and in an operator's preview.

    `available` says whether the caller's country and the time allow it; whether a viewer is a
    fan or has the level is told when they give.
    """

    gift_type: Annotated[GiftTypeId, like("g_tea")]
    revision: Annotated[int, in_unit("changes", 1)]
    """How often this gift type was changed, its making included."""
    name: Annotated[str, like("Cup of Tea")]
    """What it is called, in the language asked for, else in English."""
    description: Annotated[str, like("steam curl")]
    """
    What is seen when it is shown, in the language asked for, else in English; empty if nothing is
    said.
    """
    price_coins: Annotated[Coins, like(5)]
    """What one piece costs now, in coins."""
    price_version: Annotated[int, like(1)]
    """The number of this price: each change of the price has the next one."""
    price_display: PriceDisplay | None
    """
    What one piece costs in money, to be shown beside the coins. Null where no coins are sold, and
    in an operator's preview.
    """
    tier: Annotated[str, like("spark", "burst")]
    """
    How much of a show it is, by its price: `spark`, `glow` from 10 coins, `burst` from 100,
    `spectacle` from 1,000, `legend` from 10,000.
    """
    mode: Annotated[str, like("streak", "single")]
    """
    Whether it may be tapped again and again and joins combos (`streak`), or stands alone
    (`single`).
    """
    category: Annotated[str, like("popular")]
    """The tab of the gift panel in which it is shown."""
    batch_counts: Annotated[list[int], like([1, 5, 10, 50, 99])]
    """
    How many pieces the panel offers to send at once, rising. Any other `count` up to `count_max` is
    accepted as well.
    """
    count_max: Annotated[int, in_unit("gifts", 999)]
    """How many pieces one request may send."""
    confirmation_required: bool
    """
    Whether a request needs `confirm` however few pieces it sends, because one alone is of the tier
    `legend`.
    """
    available: Annotated[bool, like(True)]
    """
    Whether the caller's country and the time allow it now. Whether the caller is a fan or has the
    level is found when they give.
    """
    locks: LocksResponse
    """What else may keep a viewer from giving it."""
    icon_url: Annotated[str | None, like("/static/gifts/g_tea.svg")]
    """
    A still picture of it, absolute or on the origin of this API. Null if the operator gave none:
    show the first animation.
    """
    animations: Annotated[
        list[dict[str, Any]],
        like(
            [
                {
                    "format": "svg",
                    "url": "/static/gifts/g_tea.svg",
                    "duration_ms": 1000,
                    "width": 96,
                    "height": 96,
                }
            ]
        ),
    ]
    """
    The ways to show it, each with its `format`, `url` and `duration_ms`: take the first that you
    can play.
    """
    extension: Annotated[dict[str, Any], like({"sound": "/sounds/tea.mp3"})]
    """What your operators keep beside it for your apps: any JSON, of no meaning to Ovation."""


class CatalogueResponse(Body):
    """Everything that can be given; `revision` counts the changes of all of it."""

    revision: Annotated[int, in_unit("changes", 48)]
    """How often anything in the whole catalogue was changed; it never falls."""
    language: Annotated[str, like("en")]
    """The language that was asked for (BCP 47). A text that has none in it is in English."""
    items: list[CatalogueEntry]
    """Every gift type on offer, in the order in which a panel shows them."""


_ENTRIES = TypeAdapter(list[CatalogueEntry])


@router.get(
    "/catalogue",
    openapi_extra=ANY_CALLER,
    response_model=CatalogueResponse,
    responses={
        304: {"description": "Nothing changed since the `ETag` of `If-None-Match`."},
        **refusals(Unauthenticated, CurrencyNotOffered),
    },
)
async def read_catalogue(
    caller: Caller,
    cache: Cache,
    prices: Prices,
    language: Annotated[
        Language,
        Query(
            description="The language of names and descriptions (BCP 47).", examples=["en", "pt-BR"]
        ),
    ] = "en",
    currency: Annotated[
        Currency | None,
        Query(
            description="The currency (ISO 4217) of `price_display`; without it, the usual one of"
            " the caller's country.",
            examples=["USD"],
        ),
    ] = None,
    channel: BoughtIn = Channel.WEB,
    if_none_match: Annotated[
        str | None,
        Header(
            description="The `ETag` of the catalogue that the caller has; the answer is 304 if it"
            " is still the same.",
            examples=['"5f2b8c01-en"'],
        ),
    ] = None,
) -> Response:
    """
    Read what can be given, for how many coins, and what may keep the caller from it.

    `price_display` has the price in money, in the usual currency of the caller's country or
    another of it; `channel` says where the caller buys coins.
    """
    catalogue = await cache.current()
    now = datetime.now(UTC)
    coin_price = prices.coin_price(now, channel=channel, country=caller.country, currency=currency)
    available = tuple([is_available(each.locks, caller.country, now) for each in catalogue.offered])
    # The cache has languages that there are: what callers make up takes no place in it.
    items, digest = render_items(catalogue, catalogue.language_for(language), available, coin_price)
    etag = f'"{digest}-{language}"'
    # Kept, and asked about each time: a price must never be an old one.
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if if_none_match is not None and etag in if_none_match:
        return Response(status_code=304, headers=headers)
    body = b'{"revision":%d,"language":"%s","items":%s}'
    return Response(
        body % (catalogue.revision, language.encode(), items),
        media_type="application/json",
        headers=headers,
    )


@lru_cache(maxsize=VIEWS_CACHED)
def render_items(
    catalogue: Catalogue,
    language: str,
    available: tuple[bool, ...],
    coin_price: CoinPrice | None,
) -> tuple[bytes, str]:
    """Write the items of an answer and their digest, once for all who are answered the same."""
    entries = [
        shown(gift_type, language=language, available=may_be_given, coin_price=coin_price)
        for gift_type, may_be_given in zip(catalogue.offered, available, strict=True)
    ]
    items = _ENTRIES.dump_json(entries)
    return items, hashlib.sha256(b"%d %s" % (catalogue.revision, items)).hexdigest()[:32]


def shown(
    gift_type: GiftType,
    *,
    language: str,
    available: bool,
    coin_price: CoinPrice | None = None,
) -> CatalogueEntry:
    """Return an entry as a viewer sees it."""
    return CatalogueEntry(
        gift_type=gift_type.id,
        revision=gift_type.revision,
        name=localized(gift_type.names, language),
        description=localized(gift_type.descriptions, language),
        price_coins=gift_type.price_coins,
        price_version=gift_type.price_version,
        price_display=_in_money(gift_type, coin_price),
        tier=gift_type.tier,
        mode=gift_type.mode,
        category=gift_type.category,
        batch_counts=list(gift_type.batch_counts),
        count_max=gift_type.count_max,
        confirmation_required=gift_type.needs_confirmation,
        available=available,
        locks=LocksResponse(
            fan_only=gift_type.locks.fan_only,
            fan_gift=FAN_GIFT if gift_type.locks.fan_only else None,
            gifter_level_min=gift_type.locks.gifter_level_min,
            available_from=gift_type.locks.available_from,
            available_until=gift_type.locks.available_until,
            countries=list(gift_type.locks.countries),
        ),
        icon_url=gift_type.icon_url,
        animations=[dict(animation) for animation in gift_type.animations],
        extension=dict(gift_type.extension),
    )


def _in_money(gift_type: GiftType, coin_price: CoinPrice | None) -> PriceDisplay | None:
    if coin_price is None:
        return None
    amount_minor = coin_price.of(gift_type.price_coins)
    return PriceDisplay(amount_minor=amount_minor, currency=coin_price.currency)


def is_available(locks: Locks, country: str | None, now: datetime) -> bool:
    """Whether the country of a caller and the time allow a gift."""
    try:
        locks.check(now=now, country=country)
    except GiftLocked:
        return False
    return True
