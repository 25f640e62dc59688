"""Deliveries: one event on its way to one endpoint, and what follows from an attempt."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from uuid import UUID

from shared.errors import Kind, Refusal

ANSWER_CHARACTERS_MAX = 500
GONE = 410
# Statuses whose Retry-After says when the endpoint can be asked again.
WAITS = (429, 503)
RETRY_AFTER_SECONDS_MAX = 3_600
# After so many failures in a row an endpoint is tried by one delivery at a time, ever more rarely.
FAILING_FROM = 10
PAUSE_SECONDS_MAX = 60


class NoSuchDelivery(Refusal):
    """This event was not for this endpoint, or is not kept any more."""

    kind = Kind.NOT_FOUND


class NothingToReplay(Refusal):
    """Name one event, a time, or all failed deliveries; only one of them."""

    kind = Kind.INVALID


class DeliveryState(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # given up: it can be replayed
    CANCELLED = "cancelled"  # its endpoint was deleted, or may not have the event any more


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint."""

    endpoint: UUID
    event: UUID
    name: str
    subject: str
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    expires_at: datetime
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of a delivery: `status` is None if no answer came, and `error` says why then."""

    number: int
    began_at: datetime
    milliseconds: int
    status: int | None
    error: str | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """
    A delivery that was claimed: what to send, and where.

    `lease` tells its claim from others; `tries` are its attempts since it was last replayed.
    """

    endpoint: UUID
    event: UUID
    name: str
    number: int
    tries: int
    lease: UUID
    expires_at: datetime
    url: str
    body: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt."""

    due: DueDelivery
    began_at: datetime
    milliseconds: int
    status: int | None
    error: str | None = None
    answer: str | None = None
    retry_after: str | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        return self.status == GONE


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    When a delivery is tried again: after `first_seconds`, then ever later, at most `seconds_max`.

    It is given up once it is `lasts` old. `lease_seconds` are longer than any attempt takes: then
    the process that made it has died.
    """

    first_seconds: float = 5.0
    factor: float = 4.0
    seconds_max: float = 43_200.0
    lasts: timedelta = timedelta(days=3)
    lease_seconds: float = 60.0

    def wait_seconds(self, attempts: int, jitter: float) -> float:
        """Return the pause after so many attempts; `jitter`, from 0 to 1, is a fifth of it."""
        power = min(attempts - 1, 32)
        seconds = min(self.seconds_max, self.first_seconds * self.factor**power)
        return seconds * (0.8 + 0.4 * jitter)


def pause_seconds(failures: int, retry_after_seconds: float | None) -> float | None:
    """Return for how long an endpoint that failed is left alone; None: it is not."""
    asked = retry_after_seconds or 0.0
    own = 0.0
    if failures >= FAILING_FROM:
        own = min(float(PAUSE_SECONDS_MAX), 2.0 ** min(failures - FAILING_FROM, 16) * 0.5)
    return max(asked, own) or None


def retry_after_seconds(result: Result, now: datetime) -> float | None:
    """
    Return for how long an endpoint asked us to wait, within bounds; None if it did not.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    written = result.retry_after
    if result.status not in WAITS or not written or len(written) > 64:
        return None
    if written.strip().isascii() and written.strip().isdigit():
        seconds = float(written[:12])
    else:
        try:
            moment = parsedate_to_datetime(written)
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    return min(max(seconds, 1.0), float(RETRY_AFTER_SECONDS_MAX))


def readable(beginning: bytes) -> str:
    """Return the beginning of an answer as text that a table and a log can keep."""
    written = beginning.decode("utf-8", errors="replace")[:ANSWER_CHARACTERS_MAX]
    return "".join(each if each.isprintable() else " " for each in written).strip()
