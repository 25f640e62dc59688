"""Viewers who excluded themselves from buying."""

from collections.abc import Sequence

from services.purchase.store import exclusions
from shared.contracts.envelope import Envelope
from shared.contracts.spending_controls import ExclusionEnded, ExclusionEvent
from shared.postgres.database import Transaction


async def record_exclusions(tx: Transaction, received: Sequence[Envelope[ExclusionEvent]]) -> None:
    """Record their ends; an exclusion that ended stays so, in any order of arrival."""
    events = [envelope.data for envelope in received]
    await exclusions.add(
        tx,
        [(e.viewer, e.exclusion, e.until, isinstance(e, ExclusionEnded)) for e in events],
    )
