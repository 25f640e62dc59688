"""
Saying again what purchase announced, under the ids it had.

All of it from the chronicle: a purchase, its disputes and its refunds know how they stand, and
each step that led there was announced.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from shared.contracts.base import Event
from shared.contracts.purchase import EVENTS
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

REPUBLISHED: tuple[type[Event], ...] = EVENTS


def facts_between(tx: Transaction, *, since: datetime, until: datetime) -> AsyncIterator[Fact]:
    """Yield what was announced of purchases in that time, step by step."""
    return archive.facts_between(tx, since=since, until=until)
