"""
How an event travels: CloudEvents 1.0, structured JSON.

Attributes beyond the core ones are the documented extensions `partitionkey`, `sequence`,
`correlationid`, `causationid` and `traceparent`.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Annotated, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

from pydantic import Field
from pydantic_core import from_json, to_json

from .base import Event, Moment, Part, like
from .published import schema_path

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
PUBLIC_URL = "http://localhost:8080"
PUBLIC_URL_VARIABLE = "OVATION_PUBLIC_URL"

EventT = TypeVar("EventT", bound=Event)
# Writes a text as JSON, with its quotes.
quoted = encode_basestring
_public_url = PUBLIC_URL
# The attributes that a message also has as headers, and what they are called there.
_HEADERS = {
    "specversion": "cloudEvents_specversion",
    "id": "cloudEvents_id",
    "type": "cloudEvents_type",
    "source": "cloudEvents_source",
    "subject": "cloudEvents_subject",
    "partitionkey": "cloudEvents_partitionkey",
    "dataschema": "cloudEvents_dataschema",
    "correlationid": "correlation_id",
    "traceparent": "traceparent",
}


class Cause(NamedTuple):
    """What led to a fact: the whole story it is part of, and the step just before it."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(slots=True)
class WrittenEvent:
    """
    An event of a contract whose data is JSON already.

    For the few that thousands pass a second: to make an object of each, and JSON of the object,
    costs more than all else that is written about it. A test compares the two.
    """

    contract: type[Event]
    id: str
    subject: str
    partition_key: str
    data: bytes

    def to_json(self) -> bytes:
        return self.data


class Envelope(Part, Generic[EventT]):
    """An event with the attributes that say where it came from and where it belongs."""

    specversion: Annotated[Literal["1.0"], like("1.0")]
    """The version of CloudEvents."""
    id: Annotated[UUID, like("5e0c8f57-3b1c-5a4e-9d7f-2c8f1a0b6d11")]
    """The same for the same fact, however often it arrives: remember it, to act only once."""
    type: Annotated[str, like("dev.ovation.gift.sent.v1")]
    """The event's name and version."""
    source: Annotated[str, Field(min_length=1), like("/ovation/gift")]
    """The service that owns the event."""
    subject: Annotated[str, Field(min_length=1), like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d101")]
    """What the fact is about: a gift, a purchase, an account. Its facts come in order."""
    time: Moment
    """When it happened. RFC 3339, UTC."""
    datacontenttype: Annotated[str, like("application/json")] | None = None
    """What `data` is: always JSON."""
    dataschema: (
        Annotated[str, like("https://coins.example.com/schemas/gift.sent/1.0.json")] | None
    ) = None
    """Where the JSON Schema of `data` is served."""
    partitionkey: Annotated[str, Field(min_length=1), like("mira")]
    """Whose it is: the user (or chain) that the event belongs to."""
    sequence: Annotated[str, Field(pattern=r"^\d{20}$"), like("00000000000000000002")]
    """The version of the subject's row after the fact: it never falls, but may repeat or skip."""
    correlationid: Annotated[str, Field(min_length=1), like("4f1c2a3e0b0d4c57")]
    """The story it is part of: the `X-Request-Id` of the request that began it."""
    causationid: Annotated[str, like("8a6e0804-2bd0-5672-b79d-d97027f9071a")] | None = None
    """The id of the event it follows from; absent if a request caused it."""
    traceparent: (
        Annotated[str, like("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")] | None
    ) = None
    """The W3C trace it belongs to; absent if there is none."""
    data: EventT
    """The event itself, as its own schema says."""

    @property
    def cause(self) -> Cause:
        """This event, as the cause of the events that follow from it."""
        return Cause(self.correlationid, str(self.id), self.traceparent)


def configure_schema_urls(public_url: str) -> None:
    """Set where this installation serves its schemas; once, when a process starts."""
    global _public_url  # noqa: PLW0603 - configured once, like logging
    _public_url = public_url.rstrip("/")


def schema_url(contract: type[Event]) -> str:
    """Return where the schema of an event's `data` is served: the newest of its version."""
    return _public_url + schema_path(contract.name, contract.version)


def encode(
    event: Event | WrittenEvent, *, sequence: int, occurred_at: datetime, cause: Cause
) -> bytes:
    """Write one event as a CloudEvents JSON document."""
    kind, content = _constant_attributes(event.contract, schema_url(event.contract))
    inherited = f'"correlationid":{quoted(cause.correlation_id)}'
    if cause.causation_id is not None:
        inherited += f',"causationid":{quoted(cause.causation_id)}'
    if cause.traceparent is not None:
        inherited += f',"traceparent":{quoted(cause.traceparent)}'
    # Written piece by piece: a dictionary of all attributes cost twice as much, for each event.
    return (
        (
            f'{{"specversion":"1.0","id":"{event.id}",{kind},"subject":{quoted(event.subject)},'
            f'"time":{_moment(occurred_at)},{content},'
            f'"partitionkey":{quoted(event.partition_key)},"sequence":"{sequence:020}",'
            f'{inherited},"data":'
        ).encode()
        + event.to_json()
        + b"}"
    )


@lru_cache(maxsize=1_024)
def _constant_attributes(contract: type[Event], schema: str) -> tuple[str, str]:
    """Write what all events of a contract share: what they are, and what their data is."""
    kind = f'"type":{quoted(contract.type())},"source":{quoted("/ovation/" + contract.owner())}'
    return kind, f'"datacontenttype":"application/json","dataschema":{quoted(schema)}'


@lru_cache(maxsize=16)
def _moment(occurred_at: datetime) -> str:
    """Write a time; all facts of a transaction have the same."""
    return to_json(occurred_at).decode()


def headers_of(body: bytes) -> dict[str, str]:
    """Return the headers of an event that was encoded: a message can be judged by them, unread."""
    document = from_json(body)
    return {header: document[name] for name, header in _HEADERS.items() if name in document}
