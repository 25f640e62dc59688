"""
Texts that are compressed once, when the service starts, and not again for each request.

The gateway sends on what comes compressed as it is (deploy/gateway/nginx.py).
"""

import gzip
import hashlib
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response

LEVEL = 9
# What is smaller travels in one packet either way; the gateway has the same number.
BYTES_MIN = 1_024
ETAG_CHARACTERS = 32
# The header of an answer that is another one for callers who take gzip.
VARIES = "Accept-Encoding"


@dataclass(frozen=True, slots=True)
class Compressed:
    """A text as it travels, the same bytes from each instance."""

    body: bytes
    media_type: str
    etag: str

    def is_known(self, asked: Headers) -> bool:
        """Whether the caller has just this text."""
        tags = asked.get("if-none-match", "").split(",")
        return self.etag in {tag.strip().removeprefix("W/") for tag in tags}

    def answer(self) -> Response:
        return Response(self.body, media_type=self.media_type, headers={"Content-Encoding": "gzip"})


def compress(text: bytes, media_type: str) -> Compressed | None:
    """Return the text compressed, if that is worth it."""
    if len(text) < BYTES_MIN:
        return None
    # Without a time, so that the same text is the same bytes.
    body = gzip.compress(text, LEVEL, mtime=0)
    etag = hashlib.sha256(body).hexdigest()[:ETAG_CHARACTERS]
    return Compressed(body, media_type, f'"{etag}"')


def takes_compressed(asked: Headers) -> bool:
    """Whether a caller takes gzip, and wants no range, which would be one of the plain text."""
    if "range" in asked:
        return False
    codings = (part.partition(";") for part in asked.get("accept-encoding", "").split(","))
    return any(
        coding.strip().lower() == "gzip" and _weighs(quality) for coding, _, quality in codings
    )


def _weighs(quality: str) -> bool:
    """Whether a quality is more than zero (RFC 9110, 12.4.2)."""
    value = quality.strip().lower().removeprefix("q=")
    return not value or value.strip("0.") != ""
