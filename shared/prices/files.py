"""The file of what is for sale."""

import tomllib
from pathlib import Path

from pydantic import TypeAdapter

from shared.prices.price_book import PriceBook


def read_price_book(path: Path) -> PriceBook:
    """Read what is sold; a mistake in the file stops the service before it sells anything."""
    return TypeAdapter(PriceBook).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
