"""Endpoints: where a team wants its events, and what may be refused about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.errors import Kind, Refusal

ENDPOINTS_MAX = 20
DESCRIPTION_CHARACTERS_MAX = 200
# While a secret is replaced both sign; then the one before it ends.
OVERLAP_SECONDS = 86_400
OVERLAP_SECONDS_MAX = 7 * 86_400
# For so long a repeat of the request that made a secret is answered with it again.
SHOWN_AGAIN = timedelta(hours=1)


class NotTheTeam(Refusal):
    """Only the team itself and operators may do this."""

    kind = Kind.FORBIDDEN


class NoSuchTeam(Refusal):
    """No operator has granted this team any event."""

    kind = Kind.NOT_FOUND


class NoSuchEndpoint(Refusal):
    """The team has no such endpoint."""

    kind = Kind.NOT_FOUND


class EventNotGranted(Refusal):
    """The team may not have this event; an operator has to grant it."""

    kind = Kind.FORBIDDEN


class TooManyEndpoints(Refusal):
    """The team has as many endpoints as one may have; delete one first."""

    kind = Kind.LIMITED


class EndpointDisabled(Refusal):
    """This endpoint is disabled; enable it first."""

    kind = Kind.CONFLICT


class DisabledBy(StrEnum):
    """Why an endpoint gets nothing."""

    CALLER = "caller"  # the team, or an operator, asked for it
    GONE = "gone"  # it answered 410


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    One address of a team, and the events it gets; `disabled` is None while it gets them.

    `failures` are failed attempts since the last successful one; until `paused_until` there is
    no other.
    """

    id: UUID
    team: str
    url: str
    description: str
    events: tuple[str, ...]
    disabled: DisabledBy | None
    failures: int
    paused_until: datetime | None
    created_at: datetime
    changed_at: datetime

    @property
    def is_enabled(self) -> bool:
        return self.disabled is None


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of an endpoint, encrypted; without `ends_at` it is the one in use."""

    endpoint: UUID
    number: int
    key_id: str
    encrypted: bytes
    created_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What is to be different of an endpoint; None leaves it as it is."""

    url: str | None = None
    description: str | None = None
    events: tuple[str, ...] | None = None
    enabled: bool | None = None


def require_granted(events: tuple[str, ...], granted: frozenset[str]) -> None:
    """Refuse an event that a team was not granted."""
    for event in events:
        if event not in granted:
            raise EventNotGranted(event=event)
