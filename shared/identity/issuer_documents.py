"""
What an issuer publishes, fetched with the standard library.

Once in minutes a few kilobytes are asked for: an HTTP client of its own would cost each service
six megabytes for that. Certificates are checked against the system's authorities (or
`SSL_CERT_FILE`); a proxy is taken from the environment (`HTTPS_PROXY`, `NO_PROXY`).
"""

import asyncio
import time
from email.message import Message
from typing import IO
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

# A set of keys has a few kilobytes; what is longer is none.
DOCUMENT_BYTES_MAX = 262_144
FETCH_SECONDS_MAX = 3.0
_PART_BYTES = 65_536


async def fetch(url: str) -> bytes:
    """
    Return the document at an address of http or https.

    It may have moved once, from https to https: to any host, because certificates say who answers,
    and issuers serve their keys from another domain than their name. Raise OSError or ValueError
    without a whole document of at most `DOCUMENT_BYTES_MAX` within `FETCH_SECONDS_MAX`.
    """
    async with asyncio.timeout(FETCH_SECONDS_MAX):
        return await asyncio.to_thread(_fetch, url)


class _MovedOnce(HTTPRedirectHandler):
    """Follows an issuer once, and over TLS only."""

    max_redirections = 1

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        # What else is in the answer may be of any length, and would be read.
        fp.close()
        if not newurl.startswith("https://"):
            raise ValueError(f"the issuer's keys moved to {newurl}, which is no https")
        if not req.full_url.startswith("https://"):
            raise ValueError(
                f"the issuer's keys moved to {newurl}: set that address, because anybody on the"
                " way of plain HTTP can move them"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _fetch(url: str) -> bytes:
    """Fetch in a thread, which ends soon after the caller has given up."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"the issuer's keys are at {url}, which is no address of http or https")
    give_up_at = time.monotonic() + FETCH_SECONDS_MAX
    document = b""
    try:
        with build_opener(_MovedOnce).open(url, timeout=FETCH_SECONDS_MAX) as answer:
            while part := answer.read1(_PART_BYTES):
                document += part
                if len(document) > DOCUMENT_BYTES_MAX:
                    raise ValueError(
                        f"the issuer's keys are longer than {DOCUMENT_BYTES_MAX} bytes"
                    )
                if time.monotonic() > give_up_at:
                    raise TimeoutError(f"the issuer's keys took over {FETCH_SECONDS_MAX} s")
    except HTTPError as refused:
        refused.close()
        raise
    return document
