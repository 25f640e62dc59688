"""What the tables of payout share: their registry, and defaults of columns."""

from sqlalchemy import DateTime, text
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

TIME = DateTime(timezone=True)
NOW = {"server_default": text("now()")}
ZERO = {"server_default": "0"}


class PayoutTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""
