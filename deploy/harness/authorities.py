"""The authorities that clients trust, read once for all clients of a program."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """Return them. A client that reads them by itself takes longer for that than for a request."""
    return httpx.create_ssl_context()
