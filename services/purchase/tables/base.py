"""What the tables of purchase share: their registry, and defaults of columns."""

from sqlalchemy import text
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

NOW = {"server_default": text("clock_timestamp()")}
ZERO = {"server_default": "0"}
DUE = text("next_check_at IS NOT NULL")


class PurchaseTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""
