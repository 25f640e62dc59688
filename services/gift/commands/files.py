"""
Keeping the pictures and films of gifts: uploaded, shown by gifts, removed when no gift shows them.

Whoever adds or removes a file, or lets a gift show one, has locked the catalogue: so no file goes
while a gift begins to show it.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from services.gift.domain.catalogue import GiftType
from services.gift.domain.files import (
    ADDRESS,
    PICTURES,
    CatalogueFileInUse,
    FileFacts,
    FilesFull,
    NoStillPicture,
    NoSuchCatalogueFile,
)
from services.gift.store import catalogue as catalogue_store
from services.gift.store import files as store
from services.gift.store.files import CatalogueFile, Content
from shared.backoffice.adjustments import audit
from shared.postgres.database import Transaction

log = structlog.get_logger()

# Of a file that no gift shows any more: long enough to change one's mind about a season.
UNUSED_DAYS_MAX = 30
NOTE_USE_HOURS = 6
REMOVED_AT_ONCE_MAX = 50
# What the audit log keeps as the reason: an upload asks for none.
WHY = "a file of the catalogue"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that an operator brings, read already."""

    content: bytes
    facts: FileFacts
    operator: str

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.content).digest()


async def store_file(
    tx: Transaction, upload: Upload, *, bytes_max: int
) -> tuple[CatalogueFile, bool]:
    """Keep a file, once; return what is known of it, and whether it is new."""
    digest = upload.digest
    await catalogue_store.lock(tx)
    known = await store.find(tx, [digest])
    if known:
        await store.touch(tx, digest)
        return known[digest], False
    stored = await store.count_bytes(tx)
    if stored + len(upload.content) > bytes_max:
        raise FilesFull(bytes=stored, bytes_max=bytes_max)
    await store.add(tx, digest, upload.facts, upload.content, operator=upload.operator)
    await audit(
        tx,
        operator=upload.operator,
        action="catalogue.file_uploaded",
        user=digest.hex(),
        reason=WHY,
        format=upload.facts.format,
        bytes=len(upload.content),
    )
    return (await store.find(tx, [digest]))[digest], True


async def remove_file(tx: Transaction, digest: str, *, operator: str) -> None:
    """Remove a file that no gift shows."""
    await catalogue_store.lock(tx)
    found = await _require(tx, digest)
    if found.gift_types:
        raise CatalogueFileInUse(gift_types=found.gift_types)
    await store.delete(tx, found.digest)
    await audit(
        tx,
        operator=operator,
        action="catalogue.file_removed",
        user=digest,
        reason=WHY,
        format=found.format,
        bytes=found.bytes,
    )


async def measure_file(tx: Transaction, digest: str) -> Content:
    """Return of which format a file is, and how many bytes it has."""
    found = await store.measure(tx, bytes.fromhex(digest)) if _DIGEST.fullmatch(digest) else None
    if found is None:
        raise NoSuchCatalogueFile(file=digest)
    return found


async def use_files(tx: Transaction, wanted: GiftType) -> GiftType:
    """
    Return a gift with what its uploaded files are: format, size and digest come from the file.

    The catalogue is locked. A file that is not there is refused, and so is a film as an icon.
    """
    digests = {
        bytes.fromhex(digest)
        for digest in map(_digest_in, _addresses(wanted))
        if digest is not None
    }
    if not digests:
        return wanted
    known = {found.digest.hex(): found for found in (await store.find(tx, digests)).values()}
    for digest in digests:
        if digest.hex() not in known:
            raise NoSuchCatalogueFile(file=digest.hex())
    icon = known.get(_digest_in(wanted.icon_url) or "")
    if icon is not None and icon.format not in PICTURES:
        raise NoStillPicture(format=icon.format)
    animations = tuple(_described(animation, known) for animation in wanted.animations)
    return replace(wanted, animations=animations)


async def remove_unused_files(tx: Transaction) -> bool:
    """Remove files that no gift showed for a month; return whether there may be more."""
    await catalogue_store.lock(tx)
    await store.note_used(tx, hours=NOTE_USE_HOURS)
    removed = await store.delete_unused(tx, days=UNUSED_DAYS_MAX, limit=REMOVED_AT_ONCE_MAX)
    for digest in removed:
        log.info("catalogue.file_removed", file=digest.hex())
    return len(removed) == REMOVED_AT_ONCE_MAX


async def _require(tx: Transaction, digest: str) -> CatalogueFile:
    found = await store.find(tx, [bytes.fromhex(digest)]) if _DIGEST.fullmatch(digest) else {}
    for file in found.values():
        return file
    raise NoSuchCatalogueFile(file=digest)


def _addresses(wanted: GiftType) -> Iterable[str | None]:
    return (wanted.icon_url, *(animation["url"] for animation in wanted.animations))


def _digest_in(url: str | None) -> str | None:
    """Return the digest in the address of an uploaded file; None of any other address."""
    if url is None or not url.startswith(ADDRESS):
        return None
    digest = url.removeprefix(ADDRESS)
    if not _DIGEST.fullmatch(digest):
        raise NoSuchCatalogueFile(file=digest)
    return digest


def _described(
    animation: Mapping[str, Any], known: Mapping[str, CatalogueFile]
) -> Mapping[str, Any]:
    found = known.get(_digest_in(animation["url"]) or "")
    if found is None:
        return animation
    facts = {
        "format": found.format,
        "sha256": found.digest.hex(),
        "bytes": found.bytes,
        "width": found.width,
        "height": found.height,
    }
    own = {name: value for name, value in facts.items() if value is not None}
    return {**animation, **own}
