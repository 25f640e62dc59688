"""Pictures and films of gifts: operators upload them, and everybody may fetch them."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from services.gift.api.dependencies import Cache, FilesBytesMax
from services.gift.api.operators import CatalogueEditor
from services.gift.commands import files
from services.gift.commands.files import Upload
from services.gift.domain.files import (
    ADDRESS,
    FILM_BYTES_MAX,
    MEDIA_TYPES,
    CatalogueFileInUse,
    FileDamaged,
    FilesFull,
    FileTooLarge,
    FileUnknown,
    FileUnsafe,
    NoSuchCatalogueFile,
)
from services.gift.domain.formats import read_file
from services.gift.store import files as store
from services.gift.store.files import CatalogueFile
from shared.contracts.base import in_unit, like
from shared.http import PRINTABLE, Reference, refusals
from shared.http.access import EVERYBODY
from shared.http.auth import ScopeMissing
from shared.http.bodies import Body
from shared.http.fields import Instant, OperatorName
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Part

PATH = "/operator/gifts/files"
# Opened by itself, a drawing runs nothing, fetches nothing, and has no origin.
POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
FOR_GOOD = "public, max-age=31536000, immutable"
# What is read at once: everybody may ask, also for one byte of a film, or for its headers.
PIECE_BYTES_MAX = 262_144
_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file itself. Its bytes say what it is, never this media type.",
        "content": {"application/octet-stream": _BINARY},
    }
}
# Generated clients read the first of them: bytes, of any type.
_CONTENT: dict[str, Any] = {
    "application/octet-stream": _BINARY,
    **{media_type: {} for media_type in MEDIA_TYPES.values()},
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": _CONTENT, "description": "The file. It never changes."},
    206: {"content": _CONTENT, "description": "The part of the file that `Range` asks for."},
    416: {"description": "The file has no such part."},
}
READING = (Unauthenticated, ScopeMissing)
SHA256 = "4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a"

router = APIRouter()
FileId = Annotated[
    str,
    Path(
        max_length=64,
        pattern=PRINTABLE,
        description="The SHA-256 of the file's bytes, in hexadecimal.",
        examples=[SHA256],
    ),
]


class CatalogueFileResponse(Body):
    """An uploaded picture or film."""

    file: Annotated[str, like(SHA256)]
    """The SHA-256 of the file's bytes, in hexadecimal: the same bytes are one file."""
    url: Annotated[str, like(f"{ADDRESS}{SHA256}")]
    """Where everybody may fetch it, on the origin of this API; for `icon_url` and `animations`."""
    format: Annotated[str, Field(examples=["lottie", "svg"])]
    """
    What its bytes are: `svg`, `png`, `apng`, `webp`, `avif`, `gif`, `webm`, `mp4` or `lottie`.
    """
    is_moving: Annotated[bool, like(True)]
    """Whether it is a film: then it may have 4 MiB, and a still picture 1 MiB."""
    width: Annotated[int | None, in_unit("pixels", 512)]
    """How wide it is; null where that is not read: of films, and of drawings without a size."""
    height: Annotated[int | None, in_unit("pixels", 512)]
    """How high it is; null where that is not read: of films, and of drawings without a size."""
    duration_ms: Annotated[int | None, in_unit("milliseconds", 3_000)]
    """How long it plays once; null if it does not move, or where that is not read."""
    bytes: Annotated[int, in_unit("bytes", 20_480)]
    """How large it is."""
    uploaded_at: Instant
    """When it was uploaded first."""
    uploaded_by: OperatorName
    """Who uploaded it first: the `sub` of their token."""
    gift_types: Annotated[list[str], like(["g_lantern"])]
    """The gifts that show it; a file that no gift shows for 30 days is removed."""

    @classmethod
    def of(cls, found: CatalogueFile) -> "CatalogueFileResponse":
        return cls(
            file=found.digest.hex(),
            url=f"{ADDRESS}{found.digest.hex()}",
            format=found.format,
            is_moving=found.is_moving,
            width=found.width,
            height=found.height,
            duration_ms=found.duration_ms,
            bytes=found.bytes,
            uploaded_at=found.uploaded_at,
            uploaded_by=found.uploaded_by,
            gift_types=list(found.gift_types),
        )


class CatalogueFilesResponse(Body):
    """All files, and how much room they leave."""

    items: list[CatalogueFileResponse]
    """Every uploaded file, the newest first."""
    bytes: Annotated[int, in_unit("bytes", 1_048_576)]
    """How many bytes all of them have together."""
    bytes_max: Annotated[int, in_unit("bytes", 268_435_456)]
    """How many bytes they may have together in this installation."""


@router.get(
    "/catalogue/files/{file}",
    tags=["gifts"],
    response_class=Response,
    openapi_extra=EVERYBODY,
    responses=_FILE | refusals(NoSuchCatalogueFile),
)
async def download_catalogue_file(file: FileId, request: Request, db: Reference) -> Response:
    """
    Read a picture or film of a gift. Everybody may, without a token: `img` cannot carry one.

    Its name is the digest of its bytes, so it can be cached for good. `Range` asks for a part of
    it, as players of films do.
    """
    async with db.transaction() as tx:
        found = await files.measure_file(tx, file)
        asked = _part_of(found.bytes, request.headers.get("range"))
        digest, (first, count) = bytes.fromhex(file), asked or (0, found.bytes)
        piece = await store.read_piece(tx, digest, first, min(count, PIECE_BYTES_MAX))
    if count < 1:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{found.bytes}"})
    headers = {
        "Accept-Ranges": "bytes",
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": FOR_GOOD,
        "Content-Disposition": f'inline; filename="{file[:12]}.{_ENDING[found.format]}"',
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": f'"{file}"',
    }
    about: dict[str, Any] = {"media_type": MEDIA_TYPES[found.format], "headers": headers}
    if asked:
        headers["Content-Range"] = f"bytes {first}-{first + count - 1}/{found.bytes}"
        about["status_code"] = 206
    if len(piece) == count:
        return Response(piece, **about)
    headers["Content-Length"] = str(count)
    return StreamingResponse(_pieces(db, digest, piece, first, count), **about)


_ENDING = {**{name: name for name in MEDIA_TYPES}, "apng": "png", "lottie": "json"}


def _part_of(size: int, wanted: str | None) -> tuple[int, int] | None:
    """Return where the one part that is asked for begins, and its bytes; None asks for all."""
    asked = _RANGE.fullmatch(wanted or "")
    if asked is None or asked[0] == "bytes=-":
        return None
    if asked[1]:
        first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
    else:
        first, last = max(0, size - int(asked[2])), size - 1
    return (first, last - first + 1) if first <= last else (0, 0)


async def _pieces(
    db: Part, digest: bytes, piece: bytes, first: int, count: int
) -> AsyncIterator[bytes]:
    """Yield the bytes piece by piece, so a client that reads slowly takes little memory."""
    sent = 0
    while piece:
        yield piece
        sent += len(piece)
        async with db.transaction() as tx:
            size = min(count - sent, PIECE_BYTES_MAX)
            piece = await store.read_piece(tx, digest, first + sent, size) if size else b""


@router.post(
    PATH,
    tags=["operator-gifts"],
    status_code=201,
    openapi_extra=_UPLOAD,
    responses={
        200: {"model": CatalogueFileResponse, "description": "These bytes are there already."},
        **refusals(*READING, FileUnknown, FileDamaged, FileUnsafe, FileTooLarge, FilesFull),
    },
)
async def upload_catalogue_file(
    request: Request,
    caller: CatalogueEditor,
    cache: Cache,
    bytes_max: FilesBytesMax,
    response: Response,
) -> CatalogueFileResponse:
    """
    Upload a picture (at most 1 MiB) or a film (at most 4 MiB) for gifts to show.

    The bytes say which format it is: SVG, PNG, APNG, WebP, AVIF, GIF, WebM, MP4 or Lottie. Scripts
    are refused, and so are drawings and animations that refer to anything outside of their file.
    The same bytes are one file, however often they are uploaded.
    """
    content = await request.body()
    # It may take a while to look at every value of an animation.
    facts = await asyncio.to_thread(read_file, content)
    async with cache.transaction() as tx:
        upload = Upload(content, facts, caller.user)
        stored, is_new = await files.store_file(tx, upload, bytes_max=bytes_max)
    if not is_new:
        response.status_code = 200
    return CatalogueFileResponse.of(stored)


@router.get(PATH, tags=["operator-gifts"], responses=refusals(*READING))
async def list_catalogue_files(
    _: CatalogueEditor, cache: Cache, bytes_max: FilesBytesMax
) -> CatalogueFilesResponse:
    """Read which files there are, which gifts show them, and how much room is left."""
    async with cache.transaction() as tx:
        found = await store.find_all(tx)
    return CatalogueFilesResponse(
        items=[CatalogueFileResponse.of(each) for each in found],
        bytes=sum(each.bytes for each in found),
        bytes_max=bytes_max,
    )


@router.delete(
    f"{PATH}/{{file}}",
    tags=["operator-gifts"],
    status_code=204,
    responses=refusals(*READING, NoSuchCatalogueFile, CatalogueFileInUse),
)
async def remove_catalogue_file(file: FileId, caller: CatalogueEditor, cache: Cache) -> None:
    """Remove a file that no gift shows. After 30 days without a gift that is done automatically."""
    async with cache.transaction() as tx:
        await files.remove_file(tx, file, operator=caller.user)


BODY_LIMITS = {f"/v1{PATH}": FILM_BYTES_MAX}
