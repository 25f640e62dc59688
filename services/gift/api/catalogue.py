"""What can be given, in the viewer's language."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from services.gift.api.dependencies import Cache
from services.gift.domain.catalogue import FAN_GIFT, GiftLocked, GiftType, Locks, localized
from shared.http import refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.identity.tokens import Unauthenticated

Language = Annotated[str, Field(max_length=16, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


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


class CatalogueEntry(BaseModel):
    """
    A gift on offer, in the language asked for.

    `available` says whether the caller's country and the time allow it; whether a viewer is a
    fan or has the level is told when they give.
    """

    gift_type: str
    revision: int
    name: str
    description: str
    price_coins: int
    price_version: int
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


@router.get(
    "/catalogue",
    openapi_extra=ANY_CALLER,
    response_model=CatalogueResponse,
    responses={
        304: {"description": "Nothing changed since the `ETag` of `If-None-Match`."},
        **refusals(Unauthenticated),
    },
)
async def read_catalogue(
    caller: Caller,
    cache: Cache,
    language: Annotated[Language, Query()] = "en",
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Read what can be given, for how many coins, and what may keep the caller from it."""
    catalogue = await cache.current()
    now = datetime.now(UTC)
    view = CatalogueResponse(
        revision=catalogue.revision,
        language=language,
        items=[
            shown(gift_type, language=language, country=caller.country, now=now)
            for gift_type in catalogue.gift_types
            if gift_type.is_active
        ],
    )
    body = view.model_dump_json().encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    # Kept, and asked about each time: a price must never be an old one.
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if if_none_match is not None and etag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def shown(
    gift_type: GiftType, *, language: str, country: str | None, now: datetime
) -> CatalogueEntry:
    """Return an entry as a viewer sees it."""
    return CatalogueEntry(
        gift_type=gift_type.id,
        revision=gift_type.revision,
        name=localized(gift_type.names, language),
        description=localized(gift_type.descriptions, language),
        price_coins=gift_type.price_coins,
        price_version=gift_type.price_version,
        tier=gift_type.tier,
        mode=gift_type.mode,
        category=gift_type.category,
        batch_counts=list(gift_type.batch_counts),
        count_max=gift_type.count_max,
        confirmation_required=gift_type.needs_confirmation,
        available=_is_available(gift_type.locks, country, now),
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


def _is_available(locks: Locks, country: str | None, now: datetime) -> bool:
    try:
        locks.check(now=now, country=country)
    except GiftLocked:
        return False
    return True
