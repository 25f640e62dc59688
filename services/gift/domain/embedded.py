"""Pictures inside of drawings and animations: they are read as files of their own are."""

import base64
import binascii

from services.gift.domain.files import (
    PIXELS_MAX,
    FileDamaged,
    FileFacts,
    FileTooLarge,
    FileUnknown,
    check_sizes,
)
from services.gift.domain.images import read_image

# All pictures in one file together: as many as the largest picture has.
PIXELS_IN_ALL_MAX = PIXELS_MAX * PIXELS_MAX
_JPEG = b"\xff\xd8\xff"
# Start of frame of each way to compress; the others of this range are tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers that stand alone.
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))


class EmbeddedPictures:
    """The pictures of one file, counted together: a few bytes can be a million pixels."""

    def __init__(self) -> None:
        self._pixels = 0

    def add(self, address: str) -> None:
        """Look at the picture in a data: address, or refuse it with what is wrong."""
        try:
            content = base64.b64decode("".join(address.partition(",")[2].split()), validate=True)
        except binascii.Error:
            raise FileDamaged(what="base64") from None
        facts = _read_jpeg(content) if content.startswith(_JPEG) else read_image(content)
        if facts is None or facts.width is None or facts.height is None:
            raise FileUnknown(what="picture")
        check_sizes(facts, content)
        self._pixels += facts.width * facts.height
        if self._pixels > PIXELS_IN_ALL_MAX:
            raise FileTooLarge(
                what="pixels of all pictures", found=self._pixels, max=PIXELS_IN_ALL_MAX
            )


def _read_jpeg(content: bytes) -> FileFacts:
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            break
        marker = content[at + 1]
        if marker == 0xFF or marker in _BARE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES and at + 9 <= len(content):
            height, width = (
                int.from_bytes(content[start : start + 2], "big") for start in (at + 5, at + 7)
            )
            return FileFacts("jpeg", False, width, height)
        at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4], "big"))
    raise FileDamaged(what="picture")
