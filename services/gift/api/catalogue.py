"""What can be given, in the viewer's language."""

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field, TypeAdapter

from services.gift.api.dependencies import Cache, Prices
from services.gift.domain.catalogue import (
    FAN_GIFT,
    Catalogue,
    GiftLocked,
    GiftType,
    Locks,
    localized,
)
from shared.http import refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.identity.tokens import Unauthenticated
from shared.prices.packages import Channel
from shared.prices.price_list import CoinPrice, CurrencyNotOffered

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Language = Annotated[str, Field(max_length=16, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
# Languages, prices by country and channel, and what is locked: most callers share a few answers.
VIEWS_CACHED = 128

router = APIRouter(tags=["gifts"])


class LocksResponse(BaseModel):
    """
    Who may give a gift, where and when; what is null or empty locks nothing.

    `fan_gift` is what makes a viewer one of a creator's fans.
    """

    fan_only: bool
    fan_gift: str | None
    gifter_level_min: int | None
    available_from: datetime | None
    available_until: datetime | None
    countries: list[str]


class PriceDisplay(BaseModel):
    """
    What a gift costs in real money, tax included: to be shown beside its coins.

    The coins of one gift at the price of a coin in the dearest offer (package or single coins)
    of the caller's country, currency and channel, rounded up to a minor unit: no viewer pays more.
    """

    amount_minor: int
    currency: str


class CatalogueEntry(BaseModel):
    """
    A gift on offer, in the language asked for.

    `price_display` is null where no coins are sold, and in an operator's preview.

    `available` says whether the caller's country and the time allow it; whether a viewer is a
    fan or has the level is told when they give.
    """

    gift_type: str
    revision: int
    name: str
    description: str
    price_coins: int
    price_version: int
    price_display: PriceDisplay | None
    tier: str
    mode: str
    category: str
    batch_counts: list[int]
    count_max: int
    confirmation_required: bool
    available: bool
    locks: LocksResponse
    icon_url: str | None
    animations: list[dict[str, Any]]
    extension: dict[str, Any]


class CatalogueResponse(BaseModel):
    """Everything that can be given; `revision` counts the changes of all of it."""

    revision: int
    language: str
    items: list[CatalogueEntry]


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
    language: Annotated[Language, Query()] = "en",
    currency: Currency | None = None,
    channel: Channel = Channel.WEB,
    if_none_match: Annotated[str | None, Header()] = None,
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
