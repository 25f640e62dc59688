"""
Keeping the pictures and films of gifts: uploaded, shown by gifts, removed when no gift shows them.

Whoever adds or removes a file, or lets a gift show one, has locked the catalogue: so no file goes
while a gift begins to show it.
"""

import hashlib
import re
from collections.abc import Mapping
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
    found = await store.measure(tx, _bytes_of(digest))
    if found is None:
        raise NoSuchCatalogueFile(file=digest)
    return found


async def use_files(tx: Transaction, wanted: GiftType) -> GiftType:
    """
    Return a gift with what its uploaded files are: format, size and digest come from the file.

    The catalogue is locked. A file that is not there is refused, and so is a film as an icon.
    """
    urls = (wanted.icon_url, *(animation["url"] for animation in wanted.animations))
    uploaded = {url: _digest_in(url) for url in urls if url and url.startswith(ADDRESS)}
    if not uploaded:
        return wanted
    stored = await store.find(tx, set(uploaded.values()))
    for digest in uploaded.values():
        if digest not in stored:
            raise NoSuchCatalogueFile(file=digest.hex())
    known = {url: stored[digest] for url, digest in uploaded.items()}
    icon = known.get(wanted.icon_url or "")
    if icon is not None and icon.format not in PICTURES:
        raise NoStillPicture(format=icon.format)
    animations = tuple(
        {**animation, **_facts_of(known[animation["url"]])}
        if animation["url"] in known
        else animation
        for animation in wanted.animations
    )
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
    found = (await store.find(tx, [_bytes_of(digest)])).get(_bytes_of(digest))
    if found is None:
        raise NoSuchCatalogueFile(file=digest)
    return found


def _digest_in(url: str) -> bytes:
    """Return the digest in the address of an uploaded file."""
    return _bytes_of(url.removeprefix(ADDRESS))


def _bytes_of(digest: str) -> bytes:
    """Return a digest that is written in hexadecimal; no file has a name of another form."""
    if not _DIGEST.fullmatch(digest):
        raise NoSuchCatalogueFile(file=digest)
    return bytes.fromhex(digest)


def _facts_of(found: CatalogueFile) -> Mapping[str, Any]:
    """Return what a file says of itself, as the catalogue writes it beside an animation."""
    facts = {
        "format": found.format,
        "sha256": found.digest.hex(),
        "bytes": found.bytes,
        "width": found.width,
        "height": found.height,
    }
    return {name: value for name, value in facts.items() if value is not None}
