"""What every event has in common: a name, a version, and an identity of its own."""

from functools import cached_property
from typing import Annotated, ClassVar
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

# The namespace of every event id and of every id derived from a business key.
NAMESPACE = UUID("6f1c2a3e-0b0d-5c57-9d5e-2f0b6f7a9c41")
TYPE_PREFIX = "dev.ovation"

# Opaque, but printable: PostgreSQL keeps no NUL, and logs should keep one line a line.
UserId = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Coins = Annotated[int, Field(strict=True, gt=0, le=1_000_000_000_000)]
Diamonds = Annotated[int, Field(strict=True, gt=0, le=1_000_000_000_000)]
DiamondsOrNone = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000_000)]
MinorUnits = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000_000)]
BasisPoints = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Part(BaseModel):
    """A value inside an event; unknown fields are ignored, so that fields may be added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Part):
    """
    A fact another service may act on, named in the past tense.

    Its id follows from the business transition alone: name, subject (the row the fact is
    about) and discriminator (which transition of that row). So the same fact carries the
    same id however often and by whomever it is announced, and two different facts never do.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    # Which field names the row the fact is about, and which the user (or room) it belongs to.
    subject_field: ClassVar[str]
    partition_field: ClassVar[str]
    # What tells several facts of this name about one subject apart: attempt, revision, part.
    discriminator_fields: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def type(cls) -> str:
        """The CloudEvents type, for example `dev.ovation.gift.sent.v1`."""
        return f"{TYPE_PREFIX}.{cls.name}.v{cls.version}"

    @classmethod
    def owner(cls) -> str:
        """The service that alone may announce this."""
        return cls.name.split(".", 1)[0]

    @property
    def subject(self) -> str:
        return str(getattr(self, self.subject_field))

    @property
    def partition_key(self) -> str:
        return str(getattr(self, self.partition_field))

    @cached_property
    def id(self) -> UUID:
        discriminator = "|".join([str(getattr(self, field)) for field in self.discriminator_fields])
        return uuid5(NAMESPACE, f"{self.name}|{self.subject}|{discriminator}")


class BlockEvent(Event):
    """
    A block of a ledger's movements was sealed.

    `hash` chains to the block before: who keeps these can tell whether history was changed.
    """

    subject_field = "block"
    partition_field = "chain"

    chain: Name
    block: Annotated[int, Field(strict=True, ge=1)]
    movements: Annotated[int, Field(strict=True, ge=1)]
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    previous_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
