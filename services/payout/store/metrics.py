"""How long payouts and payees have been in their states."""

from collections.abc import Mapping, Sequence

from services.payout.domain.payouts import State
from services.payout.store.limits import IS_OPEN
from shared.postgres.database import Transaction
from shared.postgres.statements import text


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


async def overdue_decisions(tx: Transaction) -> Mapping[str, int]:
    """Return how many reviews and appeals wait longer than they should, by their deadline."""
    row = (await tx.execute(_OVERDUE)).one()
    return {"due": row.due, "promised": row.promised, "appeal": row.appeal}


# A review waits while its payout is held, with the version that the review began with.
_OVERDUE = text(f"""
    SELECT count(*) FILTER (WHERE decide_by < now()) AS due,
           count(*) FILTER (WHERE promised_by < now()) AS promised,
           (SELECT count(*) FROM payout_appeals WHERE decision IS NULL AND decide_by < now())
               AS appeal
    FROM payouts
    JOIN payout_reviews ON payout_reviews.creator = payouts.creator
        AND payout_reviews.payout = payouts.id AND payout_reviews.revision = payouts.version
    WHERE {IS_OPEN} AND payouts.state = 'held'
""")  # noqa: S608 - our own text only


async def payees_waiting_seconds(tx: Transaction) -> Mapping[str, float]:
    """
    Return how long the payee that waits longest for us has waited, by what it waits for.

    `match`: a person has to look. `unscreened`: no list was asked yet. `unread`: the account is
    due to be read at the provider.
    """
    row = (await tx.execute(_PAYEES_WAITING)).one()
    return {"match": row.match, "unscreened": row.unscreened, "unread": row.unread}


# Each is the oldest of a few, by an index of those that wait.
_PAYEES_WAITING = text("""
    SELECT coalesce(extract(epoch FROM now() - (
               SELECT min(screened_at) FROM payees WHERE screening = 'match'
           )), 0)::float8 AS match,
           coalesce(extract(epoch FROM now() - (
               SELECT min(changed_at) FROM payees WHERE list_version = ''
           )), 0)::float8 AS unscreened,
           coalesce(extract(epoch FROM now() - (
               SELECT min(next_read_at) FROM payees WHERE next_read_at < now()
           )), 0)::float8 AS unread
""")
