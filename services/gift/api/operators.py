"""What operators do to the catalogue: look, try out, add, change, switch off."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import (
    TypeAdapter,
    ValidationError,
)

from services.gift.api.catalogue import is_available, shown
from services.gift.api.catalogue_bodies import (
    Change,
    ChangedGift,
    EditResponse,
    Entry,
    GiftPatch,
    NewGift,
    OperatorEntries,
    OperatorEntry,
    PriceResponse,
    Prices,
)
from services.gift.api.dependencies import Cache
from services.gift.commands import catalogue_admin
from services.gift.commands.catalogue_admin import Edit, Editor
from services.gift.domain.catalogue import (
    LANGUAGE,
    GiftType,
    GiftTypeTaken,
    RevisionOutdated,
    TierMismatch,
    UnknownGift,
)
from services.gift.domain.files import NoStillPicture, NoSuchCatalogueFile
from services.gift.store import catalogue as store
from shared.http import PRINTABLE, refusals, request_id
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated

WRITE_SCOPE = "catalogue:write"
CatalogueEditor = Annotated[Identity, operator_with(WRITE_SCOPE)]
PRICE_COINS_MAX = 1_000_000
EXTENSION_BYTES_MAX = 4_096
router = APIRouter(prefix="/operator/gifts/catalogue", tags=["operator-gifts"])
FILES = (NoSuchCatalogueFile, NoStillPicture)
READING = refusals(Unauthenticated, ScopeMissing, UnknownGift)
EDITING = refusals(
    Unauthenticated, ScopeMissing, UnknownGift, RevisionOutdated, TierMismatch, *FILES
)

Preview = Annotated[bool, Query(description="Say what would change, and change nothing.")]
GiftTypeId = Annotated[
    str,
    Path(
        max_length=20,
        pattern=PRINTABLE,
        description="The gift type, as the catalogue calls it for ever.",
        examples=["g_lantern"],
    ),
]


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
    responses=refusals(Unauthenticated, ScopeMissing, GiftTypeTaken, TierMismatch, *FILES),
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
