"""
Republish the events of purchase, with the ids they had.

All of them are in the event archive: a purchase, its disputes and its refunds have their state
alone, and each step that led there was published.
"""

from shared.contracts.purchase import EVENTS
from shared.messaging.archive import facts_between

__all__ = ["EVENTS", "facts_between"]
