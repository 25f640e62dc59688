"""A fact: an event on its way into the outbox, with its place among the facts of its subject."""

from datetime import datetime
from typing import NamedTuple

from shared.contracts.base import Event
from shared.contracts.envelope import Cause, WrittenEvent


class Fact(NamedTuple):
    """
    An event that a transaction publishes.

    `sequence` is the version of the subject's row after this fact. The publishing transaction has
    locked that row: the lock keeps the facts of one subject in order. `occurred_at` of None is the
    time of publishing.
    """

    event: Event | WrittenEvent
    sequence: int
    cause: Cause
    occurred_at: datetime | None = None
