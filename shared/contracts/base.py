"""What every event has in common: a name, a version, and an identity of its own."""

import builtins
import hashlib
import re
from functools import cache
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

# The namespace of every event id and of every id derived from a business key.
NAMESPACE = UUID("6f1c2a3e-0b0d-5c57-9d5e-2f0b6f7a9c41")
_NAMESPACE_BYTES = NAMESPACE.bytes
# Six bits of a UUID say which kind it is: the version, and the variant of RFC 9562.
_UUID_KEEPS = ((1 << 128) - 1) & ~(0xF << 76) & ~(0x3 << 62)
_UUID_VERSION_5 = 0x5 << 76 | 0x2 << 62
TYPE_PREFIX = "dev.ovation"
# The keyword under which schemas say what a number counts. A program may rely on it.
UNIT = "x-unit"


def number(
    unit: str, *examples: int, gt: int | None = None, ge: int | None = None, le: int | None = None
) -> Any:
    """A whole number of something: the type of a field says what it counts, and how far."""
    return Field(
        strict=True, gt=gt, ge=ge, le=le, examples=list(examples), json_schema_extra={UNIT: unit}
    )


def in_unit(unit: str, *examples: int) -> Any:
    """The same kind of number, counting something else."""
    return Field(examples=list(examples), json_schema_extra={UNIT: unit})


def like(*examples: object) -> Any:
    """Values that are typical for a field; samples and the documents are made of them."""
    return Field(examples=list(examples))


AMOUNT_MAX = 1_000_000_000_000

# As long as OpenID Connect lets a subject be.
USER_ID_CHARACTERS_MAX = 255

# Opaque, but printable: PostgreSQL keeps no NUL, and logs should keep one line a line.
UserId = Annotated[
    str,
    Field(
        max_length=USER_ID_CHARACTERS_MAX,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        examples=["mira", "jonas", "aiko"],
    ),
]
CreatorId = Annotated[UserId, like("lea", "tomas")]
Name = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Operator = Annotated[UserId, like("ann", "ben")]
Room = Annotated[str, Field(min_length=1, max_length=64), like("room-1", "room-2")]
GiftType = Annotated[Name, like("g_pebble", "g_clover", "g_orchestra")]
# An id that is not ours: a provider's payment, dispute, warning.
ForeignId = Annotated[str, Field(min_length=1, max_length=128)]

Coins = Annotated[int, number("coins", 500, 100, 2_000, gt=0, le=AMOUNT_MAX)]
CoinsOrNone = Annotated[int, number("coins", 4_500, 120, 0, ge=0)]
Diamonds = Annotated[int, number("diamonds", 250, 2_500, 10_000, gt=0, le=AMOUNT_MAX)]
DiamondsOrNone = Annotated[int, number("diamonds", 250, 2_500, 0, ge=0, le=AMOUNT_MAX)]
MinorUnits = Annotated[int, number("minor units of `currency`", 4_999, 999, ge=0, le=AMOUNT_MAX)]
BasisPoints = Annotated[int, number("basis points", 5_000, 0, ge=0, le=100_000)]
Revision = Annotated[int, number("changes so far", 1, 2, ge=1)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["USD", "EUR", "JPY"])]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["DE", "US", "JP"])]
Moment = Annotated[
    AwareDatetime,
    Field(
        examples=["2026-11-23T12:00:00Z", "2026-11-24T18:30:05.25Z"],
        json_schema_extra={UNIT: "RFC 3339, UTC"},
    ),
]

GiftId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d101")]
ComboId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d102")]
PurchaseId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d103")]
RefundId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d104")]
WithdrawalId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d10e")]
QuestionId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d10f")]
RefusalId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d110")]
PayoutId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d105")]
AttemptId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d106")]
AdjustmentId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d107")]
BonusId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d111")]
ExclusionId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d108")]
StreamId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d109")]
GoalId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d10a")]
PerkId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d10b")]
ErasureId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d111")]
EntitlementId = Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d10c")]
# The paid lot of the purchase above; see `lot_id` in wallet.
LotId = Annotated[UUID, like("7b1ae8c8-417d-5756-b41b-4a0c70334160")]


class Part(BaseModel):
    """A value inside an event; unknown fields are ignored, so that fields may be added."""

    # What stands below a field describes it, in the schemas as well.
    # A service reads and writes a part of the events: the others are never built in it.
    model_config = ConfigDict(
        frozen=True, extra="ignore", use_attribute_docstrings=True, defer_build=True
    )


class Event(Part):
    """
    A fact another service may act on, named in the past tense.

    Its id follows from the business transition alone: name, subject (the row the fact is
    about) and discriminator (which transition of that row). So the same fact carries the
    same id however often and by whomever it is published, and two different facts never do.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    # Which field names the row the fact is about, and which the user (or room) it belongs to.
    subject_field: ClassVar[str]
    partition_field: ClassVar[str]
    # What tells several facts of this name about one subject apart: attempt, revision, part.
    discriminator_fields: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @cache
    def type(cls) -> str:
        """The CloudEvents type, for example `dev.ovation.gift.sent.v1`."""
        return f"{TYPE_PREFIX}.{cls.name}.v{cls.version}"

    @classmethod
    @cache
    def owner(cls) -> str:
        """The service that alone may publish this."""
        return cls.name.split(".", 1)[0]

    def to_json(self) -> bytes:
        return self.__pydantic_serializer__.to_json(self)

    @classmethod
    def id_of(cls, subject: str, discriminator: str) -> str:
        """Return the id of the event of this contract about a subject, as a text."""
        digits = f"{cls._id_number(subject, discriminator):032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    @property
    def contract(self) -> "builtins.type[Event]":
        return type(self)

    @property
    def subject(self) -> str:
        return str(getattr(self, self.subject_field))

    @property
    def partition_key(self) -> str:
        return str(getattr(self, self.partition_field))

    @property
    def id(self) -> UUID:
        known: UUID | None = self.__dict__.get("id")
        if known is None:
            number = self._id_number(self.subject, self._discriminator)
            known = self.__dict__["id"] = UUID(int=number)
        return known

    def has_attributes(self, given: UUID, subject: str, partition_key: str) -> bool:
        """Whether these are the event's; if so, the id is kept, and not computed again."""
        if subject != self.subject or partition_key != self.partition_key:
            return False
        if given.int != self._id_number(subject, self._discriminator):
            return False
        self.__dict__["id"] = given
        return True

    @classmethod
    def _id_number(cls, subject: str, discriminator: str) -> int:
        # Two versions of one fact are two messages: with one id, one of them would never leave.
        name = cls.name if cls.version == 1 else f"{cls.name}.v{cls.version}"
        return _uuid5_number(f"{name}|{subject}|{discriminator}")

    @property
    def _discriminator(self) -> str:
        fields = self.discriminator_fields
        if len(fields) == 1:
            return str(getattr(self, fields[0]))
        return "|".join([str(getattr(self, field)) for field in fields])


def _uuid5_number(text: str) -> int:
    """Return the number of `uuid5(NAMESPACE, text)`; its object costs three times as much."""
    digest = hashlib.sha1(_NAMESPACE_BYTES + text.encode()).digest()  # noqa: S324 - what RFC 9562 says
    return int.from_bytes(digest[:16], "big") & _UUID_KEEPS | _UUID_VERSION_5


_PART = re.compile(r"-\d\d$")
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BlockEvent(Event):
    """
    A block of a ledger's movements was sealed.

    `hash` chains to the block before: who keeps these can tell whether history was changed. Where
    users are spread over parts, each part has a chain, and its name is in the ids of its blocks.
    """

    subject_field = "block"
    partition_field = "chain"

    chain: Annotated[Name, like("coins", "diamonds")]
    """Which ledger it is: that of `coins` or that of `diamonds`; of a part of it, `coins-07`."""
    block: Annotated[int, number("blocks", 17, 18, ge=1)]
    """The number of the block in its chain, counted from 1 without a hole."""
    movements: Annotated[int, number("movements", 250, 3, ge=1)]
    """How many movements of the ledger the block seals."""
    hash: Annotated[Hash, like("4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a")]
    """SHA-256 over the block and `previous_hash`, in hexadecimal."""
    previous_hash: Annotated[
        Hash, like("ef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d")
    ]
    """The `hash` of the block before; 64 zeros for the first."""

    @property
    def _discriminator(self) -> str:
        """The chains of parts count alike; beside the chain of a whole ledger there is no other."""
        return self.chain if _PART.search(self.chain) else ""


class WalletEvent(Event):
    """Something that happened to one viewer's account; the sequence is the account's version."""

    subject_field = "viewer"
    partition_field = "viewer"

    viewer: UserId
    """Whose account it is: the `sub` of the viewer's token."""
