"""Ovation's API for Python, with asyncio: see `Ovation`, `follow`, `each` and `verify`."""

from .client import Ovation, TokenSource
from .feed import Entry, follow
from .pages import each
from .problems import Problem
from .retries import Retries
from .webhooks import Event, NotVerified, verify

__all__ = [
    "Entry",
    "Event",
    "NotVerified",
    "Ovation",
    "Problem",
    "Retries",
    "TokenSource",
    "each",
    "follow",
    "verify",
]
