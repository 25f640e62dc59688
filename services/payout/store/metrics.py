"""How long payouts have been in their states."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text

from services.payout.domain.payouts import State
from shared.postgres.database import Transaction


async def oldest_seconds(tx: Transaction, states: Sequence[State]) -> Mapping[State, float]:
    """Return how long the payout that waits longest has been in each of these states."""
    rows = await tx.execute(_OLDEST, {"states": [state.value for state in states]})
    return {State(row.state): row.seconds for row in rows}


_OLDEST = text("""
    SELECT payouts.state,
           extract(epoch FROM now() - min(payout_states.at))::float8 AS seconds
    FROM payouts
    JOIN payout_states ON payout_states.creator = payouts.creator
        AND payout_states.payout = payouts.id AND payout_states.version = payouts.version
    WHERE payouts.state = ANY(:states)
    GROUP BY payouts.state
""")
