"""Pictures and films whose bytes are read as far as is needed to say what they are."""

import zlib
from collections.abc import Iterator

from services.gift.domain.files import FileDamaged, FileFacts, FileTooLarge, FileUnknown

FRAMES_MAX = 1_000
_PNG = b"\x89PNG\r\n\x1a\n"
_EBML = b"\x1a\x45\xdf\xa3"
_MP4 = frozenset((b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "))
_AVIF = frozenset((b"avif", b"avis"))


def read_image(content: bytes) -> FileFacts | None:
    """Return what a file is by its first bytes; None if it begins like none of these."""
    if content.startswith(_PNG):
        return _read_png(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _read_webp(content)
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return _read_gif(content)
    if content.startswith(_EBML):
        return _read_webm(content)
    if content[4:8] == b"ftyp":
        return _read_boxes(content)
    return None


def _require(is_whole: bool, what: str) -> None:
    if not is_whole:
        raise FileDamaged(what=what)


def _count_frames(frames: int) -> None:
    if frames > FRAMES_MAX:
        raise FileTooLarge(what="frames", found=frames, max=FRAMES_MAX)


def _number(content: bytes, at: int, size: int, *, little: bool = False) -> int:
    return int.from_bytes(content[at : at + size], "little" if little else "big")


def _read_png(content: bytes) -> FileFacts:
    at, names, frames, milliseconds, is_moving = len(_PNG), 0, 0, 0.0, False
    width = height = 0
    while at < len(content):
        size, name = _number(content, at, 4), content[at + 4 : at + 8]
        end = at + 12 + size
        _require(end <= len(content), "chunk")
        data = content[at + 8 : at + 8 + size]
        _require(_number(content, end - 4, 4) == zlib.crc32(name + data), "checksum")
        _require((name == b"IHDR") == (names == 0), "header")
        if name == b"IHDR":
            _require(size == 13, "header")
            width, height = _number(data, 0, 4), _number(data, 4, 4)
        elif name == b"acTL":
            is_moving = True
            _count_frames(_number(data, 0, 4))
        elif name == b"fcTL":
            _require(size == 26, "frame")
            frames += 1
            _count_frames(frames)
            milliseconds += 1_000 * _number(data, 20, 2) / (_number(data, 22, 2) or 100)
        names, at = names + 1, end
        if name == b"IEND":
            break
    else:
        raise FileDamaged(what="end")
    _require(at == len(content), "end")
    if not is_moving:
        return FileFacts("png", False, width, height)
    return FileFacts("apng", True, width, height, round(milliseconds) or None)


def _read_webp(content: bytes) -> FileFacts:
    _require(_number(content, 4, 4, little=True) + 8 == len(content), "length")
    width = height = frames = milliseconds = 0
    is_moving = False
    for name, data in _riff_chunks(content):
        if name == b"VP8X" and len(data) >= 10:
            is_moving = bool(data[0] & 0x02)
            width = _number(data, 4, 3, little=True) + 1
            height = _number(data, 7, 3, little=True) + 1
        elif name == b"ANMF" and len(data) >= 16:
            frames += 1
            _count_frames(frames)
            milliseconds += _number(data, 12, 3, little=True)
        elif name == b"VP8 " and not width:
            _require(data[3:6] == b"\x9d\x01\x2a", "picture")
            width = _number(data, 6, 2, little=True) & 0x3FFF
            height = _number(data, 8, 2, little=True) & 0x3FFF
        elif name == b"VP8L" and not width:
            _require(data[:1] == b"\x2f", "picture")
            bits = _number(data, 1, 4, little=True)
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    _require(bool(width), "size")
    _require(is_moving == bool(frames), "frames")
    return FileFacts("webp", is_moving, width, height, milliseconds or None)


def _riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at < len(content):
        size = _number(content, at + 4, 4, little=True)
        end = at + 8 + size
        _require(end <= len(content), "chunk")
        yield content[at : at + 4], content[at + 8 : end]
        at = end + size % 2


def _read_gif(content: bytes) -> FileFacts:
    width, height = _number(content, 6, 2, little=True), _number(content, 8, 2, little=True)
    at = 13 + _colours(content[10:11])
    frames = hundredths = 0
    while content[at : at + 1] != b"\x3b":
        kind = content[at : at + 1]
        if kind == b"\x21":
            if content[at + 1 : at + 3] == b"\xf9\x04":
                # Browsers show what is faster than 20 ms for 100.
                delay = _number(content, at + 4, 2, little=True)
                hundredths += delay if delay > 1 else 10
            at = _after_blocks(content, at + 2)
        elif kind == b"\x2c":
            frames += 1
            _count_frames(frames)
            # A frame may be larger than the picture says; browsers then draw a larger picture.
            left, top, wide, high = (
                _number(content, at + place, 2, little=True) for place in (1, 3, 5, 7)
            )
            width, height = max(width, left + wide), max(height, top + high)
            at = _after_blocks(content, at + 11 + _colours(content[at + 9 : at + 10]))
        else:
            raise FileDamaged(what="block")
    _require(at + 1 == len(content) and frames > 0, "end")
    is_moving = frames > 1
    return FileFacts("gif", is_moving, width, height, hundredths * 10 if is_moving else None)


def _colours(flags: bytes) -> int:
    """Return how many bytes the table of colours takes that flags speak of."""
    _require(len(flags) == 1, "block")
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags[0] & 0x80 else 0


def _after_blocks(content: bytes, at: int) -> int:
    while True:
        _require(at < len(content), "block")
        size = content[at]
        at += 1 + size
        if not size:
            return at


def _read_webm(content: bytes) -> FileFacts:
    """Read the header alone: Matroska, whose kind WebM is, begins in the same way."""
    size, at = _variable(content, 4)
    end = at + size
    _require(size <= 128 and end < len(content), "header")
    kind = b""
    while at < end:
        wanted = content[at : at + 2] == b"\x42\x82"
        _, at = _variable(content, at)
        length, at = _variable(content, at)
        if wanted:
            kind = content[at : at + length].rstrip(b"\x00")
        at += length
    if kind != b"webm":
        raise FileUnknown(what="matroska")
    _require(content[end : end + 4] == b"\x18\x53\x80\x67", "segment")
    return FileFacts("webm", True)


def _variable(content: bytes, at: int) -> tuple[int, int]:
    """Read a number whose first bits say how long it is; return it and what comes after."""
    first = content[at] if at < len(content) else 0
    _require(first > 0, "number")
    length = 9 - first.bit_length()
    _require(at + length <= len(content), "number")
    return _number(content, at, length) & (1 << 7 * length) - 1, at + length


def _read_boxes(content: bytes) -> FileFacts:
    brands: frozenset[bytes] = frozenset()
    names, at = set(), 0
    while at < len(content):
        size, name, head = _number(content, at, 4), content[at + 4 : at + 8], 8
        if size == 1:
            size, head = _number(content, at + 8, 8), 16
        size = size or len(content) - at
        _require(size >= head and at + size <= len(content), "box")
        if name == b"ftyp":
            data = content[at + head : at + size]
            brands = frozenset(data[i : i + 4] for i in (0, *range(8, min(len(data), 128), 4)))
        names.add(name)
        at += size
    if brands & _AVIF:
        _require(names >= {b"meta", b"mdat"}, "box")
        is_moving = b"avis" in brands
        return FileFacts("avif", is_moving, *_avif_size(content))
    if brands & _MP4:
        _require(names >= {b"moov", b"mdat"}, "box")
        return FileFacts("mp4", True)
    raise FileUnknown(what="brand")


def _avif_size(content: bytes) -> tuple[int, int]:
    """Return the size of the largest picture; a file has one more for each of its layers."""
    sizes, at = [(0, 0)], content.find(b"ispe")
    while at >= 0:
        sizes.append((_number(content, at + 8, 4), _number(content, at + 12, 4)))
        at = content.find(b"ispe", at + 4)
    return max(sizes)
