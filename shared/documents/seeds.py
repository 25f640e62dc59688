"""Reads `seeds/seller.toml`: who issues documents, and in which letters."""

import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from shared.documents.seller import Seller
from shared.documents.writer import DocumentWriter


def read_seller(path: Path) -> Seller:
    """Read who sells on the web; a mistake in the file stops the service."""
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    del written["font"]
    seller = TypeAdapter(Seller).validate_python(written)
    ZoneInfo(seller.zone)  # an unknown zone stops the service, too
    return seller


def build_writer(path: Path) -> DocumentWriter:
    """Build what writes documents, in the letters of a file beside the one that says who sells."""
    return DocumentWriter(path.parent / tomllib.loads(path.read_text(encoding="utf-8"))["font"])
