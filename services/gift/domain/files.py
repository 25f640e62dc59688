"""
Pictures and films of gifts: which formats there are, how large, and what makes a file dangerous.

What a file is follows from its bytes, never from what a caller says of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import Kind, Refusal

# A still picture is fetched by everybody who opens the panel, a film by those who see it played.
PICTURE_BYTES_MAX = 1_048_576
FILM_BYTES_MAX = 4_194_304
PIXELS_MAX = 4_096
# Far longer than the catalogue lets an animation play: a longer film is a mistake.
DURATION_MS_MAX = 600_000
# Where a file is, on the origin of this API.
ADDRESS = "/v1/catalogue/files/"
# What can be shown by an `img` element.
PICTURES = frozenset(("svg", "png", "apng", "webp", "avif", "gif"))
MEDIA_TYPES: Mapping[str, str] = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "apng": "image/apng",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "webm": "video/webm",
    "mp4": "video/mp4",
    # As IANA has it.
    "lottie": "video/lottie+json",
}


class FileUnknown(Refusal):
    """The file is none of the formats that a gift can have."""

    kind = Kind.INVALID


class FileDamaged(Refusal):
    """The file is not whole, or not what its beginning says it is."""

    kind = Kind.INVALID


class FileUnsafe(Refusal):
    """The file has something in it that a picture does not need and that could do harm."""

    kind = Kind.INVALID


class FileTooLarge(Refusal):
    """The file has more bytes, pixels, frames or parts than a gift's may have."""

    kind = Kind.INVALID


class FilesFull(Refusal):
    """The files of all gifts together have as many bytes as this installation allows."""

    kind = Kind.CONFLICT


class NoSuchCatalogueFile(Refusal):
    """There is no such file of a gift; upload it first."""

    kind = Kind.NOT_FOUND


class CatalogueFileInUse(Refusal):
    """A gift shows this file; give the gift another one first."""

    kind = Kind.CONFLICT


class NoStillPicture(Refusal):
    """The icon of a gift is a picture; a film or a Lottie animation belongs in `animations`."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the bytes of a file say of it; what they do not say is None."""

    format: str
    is_moving: bool
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None


def check_sizes(facts: FileFacts, content: bytes) -> None:
    """Refuse what has more bytes or pixels than a viewer should have to fetch and draw."""
    bytes_max = FILM_BYTES_MAX if facts.is_moving else PICTURE_BYTES_MAX
    if len(content) > bytes_max:
        raise FileTooLarge(what="bytes", found=len(content), max=bytes_max)
    for pixels in (facts.width, facts.height):
        if pixels is not None and pixels > PIXELS_MAX:
            raise FileTooLarge(what="pixels", found=pixels, max=PIXELS_MAX)
        if pixels is not None and pixels < 1:
            raise FileDamaged(what="size")
    if facts.duration_ms is not None and facts.duration_ms > DURATION_MS_MAX:
        raise FileTooLarge(what="duration_ms", found=facts.duration_ms, max=DURATION_MS_MAX)


def shown(value: object) -> str:
    """Return what a refusal names: a value of a stranger may be long, or half a character."""
    return str(value)[:80].encode(errors="replace").decode()


def drawn(own: Mapping[str, int], shows: Mapping[str, list[str]], start: str, *, most: int) -> int:
    """
    Return how much is drawn if what is shown again is counted each time it is.

    Ten parts that each show the next one ten times are few bytes, and ten thousand million
    shapes. `own` are the shapes of each part, `shows` the other parts in it.
    """
    known: dict[str, int] = {}
    open_parts: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting[-1]
        if name in known:
            waiting.pop()
            continue
        missing = [each for each in shows.get(name, ()) if each in own and each not in known]
        if not missing:
            waiting.pop()
            open_parts.discard(name)
            parts = sum(known.get(each, 0) for each in shows.get(name, ()))
            known[name] = own.get(name, 0) + parts
            if known[name] > most:
                raise FileTooLarge(what="shapes", found=most + 1, max=most)
            continue
        if name in open_parts:
            raise FileUnsafe(what="loop")
        open_parts.add(name)
        waiting += missing
    return known[start]
