"""What operators do to the catalogue: look, try out, add, change, switch off."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import to_json

from services.gift.api.catalogue import CatalogueEntry, is_available, shown
from services.gift.api.dependencies import Cache
from services.gift.commands import catalogue_admin
from services.gift.commands.catalogue_admin import Edit, Editor
from services.gift.domain.catalogue import (
    GIFT_TYPE_ID,
    LANGUAGE,
    SINGLE,
    GiftType,
    GiftTypeTaken,
    RevisionOutdated,
    TierMismatch,
    UnknownGift,
)
from services.gift.store import catalogue as store
from shared.http import PRINTABLE, SCHEMAS, Moment, refusals, request_id
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated

WRITE_SCOPE = "catalogue:write"
CatalogueEditor = Annotated[Identity, operator_with(WRITE_SCOPE)]
PRICE_COINS_MAX = 1_000_000
EXTENSION_BYTES_MAX = 4_096
router = APIRouter(prefix="/operator/gifts/catalogue", tags=["operator-gifts"])
READING = refusals(Unauthenticated, ScopeMissing, UnknownGift)
EDITING = refusals(Unauthenticated, ScopeMissing, UnknownGift, RevisionOutdated, TierMismatch)
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
Preview = Annotated[bool, Query(description="Say what would change, and change nothing.")]
GiftTypeId = Annotated[str, Path(max_length=20, pattern=PRINTABLE)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LocksRequest(_Strict):
    """Who may give a gift, where and when."""

    fan_only: Switch = False
    gifter_level_min: Annotated[int, Field(strict=True, ge=1, le=1_000)] | None = None
    available_from: Moment | None = None
    available_until: Moment | None = None
    countries: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]], Field(max_length=250)
    ] = []

    @model_validator(mode="after")
    def _is_open_at_some_time(self) -> "LocksRequest":
        ends = self.available_from and self.available_until
        if ends and self.available_until <= self.available_from:  # type: ignore[operator]
            raise ValueError("available_until must be after available_from")
        return self


class Animation(_Strict):
    """One way to show a gift; an app takes the format it can play."""

    format: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,20}$")]
    url: Url
    duration_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)]
    width: Annotated[int, Field(strict=True, ge=1, le=8_192)] | None = None
    height: Annotated[int, Field(strict=True, ge=1, le=8_192)] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    bytes: Annotated[int, Field(strict=True, ge=1)] | None = None


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

    names: Texts
    descriptions: Texts = {}
    price_coins: Annotated[int, Field(strict=True, ge=1, le=PRICE_COINS_MAX)]
    tier: Name | None = None
    mode: Annotated[str, Field(pattern="^(streak|single)$")]
    category: Name
    batch_counts: Annotated[list[Count], Field(min_length=1, max_length=10)] = [1]
    count_max: Count = 1
    sort: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
    is_active: Switch = True
    locks: LocksRequest = LocksRequest()
    icon_url: Url | None = None
    animations: Annotated[list[Animation], Field(max_length=10)] = []
    extension: dict[str, Any] = {}

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

    gift_type: Id
    reason: Reason


class ChangedGift(Entry):
    """A gift as it is to be, and the `revision` it has been looked at in."""

    revision: Revision
    reason: Reason


def _describe_patch(schema: dict[str, Any]) -> None:
    """Say what can be patched: whatever an entry has, and nothing else."""
    entry = Entry.model_json_schema(ref_template=f"{SCHEMAS}/{{model}}")
    for name, field in entry["properties"].items():
        # What is left out stays as it is, whatever a new entry would get.
        schema["properties"][name] = {k: v for k, v in field.items() if k != "default"}
    schema["additionalProperties"] = False


class GiftPatch(BaseModel):
    """Some fields of a gift as they are to be, and the `revision` it has been looked at in."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_describe_patch)

    revision: Revision
    reason: Reason


class OperatorEntry(BaseModel):
    """A gift as operators see it: in all languages, also when it is switched off."""

    model_config = ConfigDict(from_attributes=True)

    gift_type: Annotated[str, Field(validation_alias="id")]
    revision: int
    names: dict[str, str]
    descriptions: dict[str, str]
    price_coins: int
    price_version: int
    tier: str
    mode: str
    category: str
    batch_counts: list[int]
    count_max: int
    sort: int
    is_active: bool
    locks: Annotated[LocksRequest, Field(description="Who may give it.")]
    icon_url: str | None
    animations: list[dict[str, Any]]
    extension: dict[str, Any]


class OperatorEntries(BaseModel):
    items: list[OperatorEntry]


class Change(BaseModel):
    """One field that is, or would be, another."""

    model_config = ConfigDict(from_attributes=True)

    field: str
    before: Any
    after: Any


class EditResponse(BaseModel):
    """What was changed, or with `preview` would be; `shown` is what viewers see of it."""

    preview: bool
    entry: OperatorEntry
    changes: list[Change]
    warnings: list[str]
    shown: CatalogueEntry


class PriceResponse(BaseModel):
    """What a gift cost from a moment on, and who set it."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    price_coins: int
    operator: str
    valid_from: datetime


class Prices(BaseModel):
    items: list[PriceResponse]


_GIFT_TYPE = TypeAdapter(GiftType)


@router.get("", responses=refusals(Unauthenticated, ScopeMissing))
async def list_gift_types(_: CatalogueEditor, cache: Cache) -> OperatorEntries:
    """Read every gift there ever was, also those that are switched off."""
    async with cache.transaction() as tx:
        catalogue = await store.read(tx)
    return OperatorEntries(items=[_view(entry) for entry in catalogue.gift_types])


@router.get("/{gift_type}", responses=READING)
async def read_gift_type(gift_type: GiftTypeId, _: CatalogueEditor, cache: Cache) -> OperatorEntry:
    """Read one gift, with the revision a change of it must name."""
    async with cache.transaction() as tx:
        return _view(await catalogue_admin.find_gift_type(tx, gift_type))


@router.get("/{gift_type}/prices", responses=READING)
async def list_prices_of_gift_type(
    gift_type: GiftTypeId, _: CatalogueEditor, cache: Cache
) -> Prices:
    """Read what a gift has cost, since when, and who set it; the newest first."""
    async with cache.transaction() as tx:
        prices = await catalogue_admin.prices_of(tx, gift_type)
    return Prices(items=[PriceResponse.model_validate(price) for price in prices])


@router.post(
    "",
    status_code=201,
    responses=refusals(Unauthenticated, ScopeMissing, GiftTypeTaken, TierMismatch),
)
async def add_gift_type(
    request: NewGift,
    caller: CatalogueEditor,
    cache: Cache,
    response: Response,
    preview: Preview = False,
) -> EditResponse:
    """Put a new gift on offer."""
    if preview:
        response.status_code = 200
    async with cache.transaction() as tx:
        edit = await catalogue_admin.add_gift_type(
            tx,
            _gift_type(request.gift_type, request),
            _editor(caller, request.reason),
            tier=request.tier,
            preview=preview,
        )
    return _edited(edit, preview=preview)


@router.put("/{gift_type}", responses=EDITING)
async def replace_gift_type(
    gift_type: GiftTypeId,
    request: ChangedGift,
    caller: CatalogueEditor,
    cache: Cache,
    preview: Preview = False,
) -> EditResponse:
    """Say anew all that is said of a gift; a gift is never deleted, only switched off."""
    async with cache.transaction() as tx:
        edit = await catalogue_admin.change_gift_type(
            tx,
            _gift_type(gift_type, request),
            _editor(caller, request.reason),
            revision=request.revision,
            tier=request.tier,
            preview=preview,
        )
    return _edited(edit, preview=preview)


@router.patch("/{gift_type}", responses=EDITING)
async def change_gift_type(
    gift_type: GiftTypeId,
    request: GiftPatch,
    caller: CatalogueEditor,
    cache: Cache,
    preview: Preview = False,
) -> EditResponse:
    """Change some of what is said of a gift: its price, its names, whether it is on offer."""
    async with cache.transaction() as tx:
        known = await catalogue_admin.find_gift_type(tx, gift_type)
        entry = _patched(known, request)
        edit = await catalogue_admin.change_gift_type(
            tx,
            _gift_type(gift_type, entry),
            _editor(caller, request.reason),
            revision=request.revision,
            tier=entry.tier,
            preview=preview,
        )
    return _edited(edit, preview=preview)


def _editor(caller: Identity, reason: str) -> Editor:
    return Editor(caller.user, reason, request_id())


def _gift_type(gift_type: str, entry: Entry) -> GiftType:
    """Return the entry as it would be; what counts itself is counted by whoever writes it."""
    fields = entry.model_dump(include=set(Entry.model_fields) - {"tier"}, exclude_none=True)
    return _GIFT_TYPE.validate_python(
        {"id": gift_type, "revision": 1, "price_version": 1, **fields}
    )


def _patched(known: GiftType, patch: GiftPatch) -> Entry:
    """Lay the new fields over the old ones, and check the whole."""
    before = _view(known).model_dump(include=set(Entry.model_fields) - {"tier"})
    try:
        return Entry.model_validate({**before, **(patch.model_extra or {})})
    except ValidationError as error:
        errors = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(errors) from None


def _view(entry: GiftType) -> OperatorEntry:
    return OperatorEntry.model_validate(entry, from_attributes=True)


def _edited(edit: Edit, *, preview: bool) -> EditResponse:
    return EditResponse(
        preview=preview,
        entry=_view(edit.entry),
        changes=[Change.model_validate(change) for change in edit.changes],
        warnings=list(edit.warnings),
        shown=shown(
            edit.entry,
            language=LANGUAGE,
            available=is_available(edit.entry.locks, None, datetime.now(UTC)),
        ),
    )
