"""What an uploaded file is: found from its bytes, and refused unless it is one of ours and safe."""

from services.gift.domain.files import FileFacts, FileUnknown, check_sizes
from services.gift.domain.images import read_image
from services.gift.domain.lottie import read_lottie
from services.gift.domain.svg import read_svg

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"


def read_file(content: bytes) -> FileFacts:
    """Return what a file is, or raise why no gift can have it."""
    facts = read_image(content) or _read_text(content)
    check_sizes(facts, content)
    return facts


def _read_text(content: bytes) -> FileFacts:
    beginning = content.removeprefix(_BYTE_ORDER_MARK).lstrip(_SPACE)[:1]
    if beginning == b"<":
        return read_svg(content)
    if beginning == b"{":
        return read_lottie(content)
    raise FileUnknown(what="bytes")
