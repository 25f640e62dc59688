"""Viewers who want to be kept from buying."""

from collections.abc import Sequence

from services.purchase.store import refunds
from shared.contracts.envelope import Envelope
from shared.contracts.wallet import ExclusionEnded, ExclusionEvent
from shared.postgres.database import Transaction


async def heed_exclusions(tx: Transaction, received: Sequence[Envelope[ExclusionEvent]]) -> None:
    """Remember until when; that it is over counts, whatever is heard first."""
    await refunds.exclude(
        tx,
        [
            (
                heard.data.viewer,
                heard.data.exclusion,
                heard.data.until,
                isinstance(heard.data, ExclusionEnded),
            )
            for heard in received
        ],
    )
