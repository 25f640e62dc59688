"""The pictures and films of gifts that operators uploaded; what is locked is the catalogue."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from services.gift.domain.files import ADDRESS, FileFacts
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """What is known of a file, without its bytes; `gift_types` are those that show it."""

    digest: bytes
    format: str
    is_moving: bool
    width: int | None
    height: int | None
    duration_ms: int | None
    bytes: int
    uploaded_at: datetime
    uploaded_by: str
    used_at: datetime
    gift_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """Of which format a file is, and how many bytes it has."""

    format: str
    bytes: int


async def find_all(tx: Transaction) -> list[CatalogueFile]:
    """Return all files, the newest first."""
    return [_file(row) for row in await tx.execute(_ALL)]


async def find(tx: Transaction, digests: Collection[bytes]) -> dict[bytes, CatalogueFile]:
    """Return files by their digests."""
    rows = await tx.execute(_SOME, {"digests": list(digests)})
    return {found.digest: found for found in map(_file, rows)}


async def measure(tx: Transaction, digest: bytes) -> Content | None:
    """Return what a file is, without reading it."""
    row = (await tx.execute(_MEASURE, {"digest": digest})).first()
    return _content(row) if row else None


async def read_piece(tx: Transaction, digest: bytes, first: int, count: int) -> bytes:
    """Read some of a file's bytes, and no others; none if the file is gone."""
    asked = {"digest": digest, "start": first + 1, "count": count}
    row = (await tx.execute(_READ, asked)).first()
    return bytes(row["piece"]) if row else b""


async def count_bytes(tx: Transaction) -> int:
    """Return how many bytes all files have together."""
    return int((await tx.execute(_BYTES)).scalar_one())


async def add(
    tx: Transaction, digest: bytes, facts: FileFacts, content: bytes, *, operator: str
) -> None:
    given = {
        "digest": digest,
        "format": facts.format,
        "is_moving": facts.is_moving,
        "width": facts.width,
        "height": facts.height,
        "duration_ms": facts.duration_ms,
        "content": content,
        "operator": operator,
    }
    await tx.execute(_ADD, given)


async def touch(tx: Transaction, digest: bytes) -> None:
    """Note that a file is wanted, so that it is not removed as an unused one."""
    await tx.execute(_TOUCH, {"digest": digest})


async def delete(tx: Transaction, digest: bytes) -> None:
    await tx.execute(_DELETE, {"digest": digest})


async def note_used(tx: Transaction, *, hours: int) -> None:
    """Note which files gifts show, where that was not noted for so many hours."""
    await tx.execute(_NOTE_USED, {"hours": hours})


async def delete_unused(tx: Transaction, *, days: int, limit: int) -> list[bytes]:
    """Delete files that no gift showed for so many days; return which."""
    rows = await tx.execute(_DELETE_UNUSED, {"days": days, "limit": limit})
    return [bytes(row["digest"]) for row in rows]


# Also what apps keep in `extension` is a use.
_SHOWS = f"""position(
    '{ADDRESS}' || encode(digest, 'hex')
    IN concat_ws(' ', gift_types.icon_url, gift_types.animations, gift_types.extension)
) > 0"""
_file = RowMapper(CatalogueFile)
_content = RowMapper(Content)
_FILES = f"""
    SELECT digest, format, is_moving, width, height, duration_ms,
           octet_length(content) AS bytes, uploaded_at, uploaded_by, used_at,
           ARRAY(SELECT id FROM gift_types WHERE {_SHOWS} ORDER BY id) AS gift_types
    FROM catalogue_files
"""  # noqa: S608 - our own text only
_ALL = text(f"{_FILES} ORDER BY uploaded_at DESC, digest")
_SOME = text(f"{_FILES} WHERE digest = ANY(CAST(:digests AS bytea[]))")
_MEASURE = text("""
    SELECT format, octet_length(content) AS bytes FROM catalogue_files WHERE digest = :digest
""")
# What is kept as it is has its parts read by themselves.
_READ = text("""
    SELECT substring(content FROM CAST(:start AS integer) FOR CAST(:count AS integer)) AS piece
    FROM catalogue_files WHERE digest = :digest
""")
_BYTES = text("SELECT coalesce(sum(octet_length(content)), 0) FROM catalogue_files")
_ADD = text("""
    INSERT INTO catalogue_files
        (digest, format, is_moving, width, height, duration_ms, content, uploaded_by)
    VALUES (:digest, :format, :is_moving, CAST(:width AS integer), CAST(:height AS integer),
            CAST(:duration_ms AS integer), :content, :operator)
""")
_TOUCH = text("UPDATE catalogue_files SET used_at = now() WHERE digest = :digest")
_DELETE = text("DELETE FROM catalogue_files WHERE digest = :digest")
_NOTE_USED = text(f"""
    UPDATE catalogue_files SET used_at = now()
    WHERE used_at < clock_timestamp() - make_interval(hours => :hours)
      AND EXISTS (SELECT FROM gift_types WHERE {_SHOWS})
""")  # noqa: S608 - our own text only
_DELETE_UNUSED = text(f"""
    DELETE FROM catalogue_files WHERE digest IN (
        SELECT digest FROM catalogue_files
        WHERE used_at < clock_timestamp() - make_interval(days => :days)
          AND NOT EXISTS (SELECT FROM gift_types WHERE {_SHOWS})
        LIMIT :limit
    ) RETURNING digest
""")  # noqa: S608 - our own text only
