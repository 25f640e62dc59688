"""
How an event travels: CloudEvents 1.0, structured JSON.

Attributes beyond the core ones are the documented extensions `partitionkey`, `sequence`,
`correlationid`, `causationid` and `traceparent`.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, Field
from pydantic_core import to_json

from .base import Event, Part

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"

EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to a fact: the whole story it is part of, and the step just before it."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


class Envelope(Part, Generic[EventT]):
    """An event with the attributes that say where it came from and where it belongs."""

    specversion: Literal["1.0"]
    id: UUID
    type: str
    source: Annotated[str, Field(min_length=1)]
    subject: Annotated[str, Field(min_length=1)]
    time: AwareDatetime
    partitionkey: Annotated[str, Field(min_length=1)]
    # The version of the subject's row, +1 a fact; zero-padded because it sorts as text.
    sequence: Annotated[str, Field(pattern=r"^\d{20}$")]
    correlationid: Annotated[str, Field(min_length=1)]
    causationid: str | None = None
    traceparent: str | None = None
    data: EventT

    @property
    def cause(self) -> Cause:
        """This event, as the cause of whatever it leads to."""
        return Cause(self.correlationid, str(self.id), self.traceparent)


def encode(event: Event, *, sequence: int, occurred_at: datetime, cause: Cause) -> bytes:
    """Write one event as a CloudEvents JSON document."""
    document: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type(),
        "source": f"/ovation/{event.owner()}",
        "subject": event.subject,
        "time": occurred_at,
        "datacontenttype": "application/json",
        "partitionkey": event.partition_key,
        "sequence": f"{sequence:020}",
        "correlationid": cause.correlation_id,
    }
    if cause.causation_id is not None:
        document["causationid"] = cause.causation_id
    if cause.traceparent is not None:
        document["traceparent"] = cause.traceparent
    document["data"] = event
    return to_json(document)
