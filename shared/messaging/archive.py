"""
The event archive: events whose rows are overwritten later, kept word for word for republishing.

Most events can be derived from a service's own rows at any time: a gift's outcome from the gift,
an entry's from its outcome. Some describe a state that later rows overwrite: how much of a lot was
reversed then, which step a purchase took. Those are stored here in the publishing transaction.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from shared.contracts.envelope import Cause
from shared.contracts.routes import BY_TYPE
from shared.messaging.facts import Fact
from shared.postgres.database import Row, Transaction
from shared.postgres.statements import text


async def store_facts(tx: Transaction, facts: Sequence[Fact]) -> set[UUID]:
    """
    Keep facts that this transaction publishes; each has its `occurred_at`.

    Returns the ids of those that were not kept before.
    """
    if not facts:
        return set()
    assert all(fact.occurred_at for fact in facts)
    rows = await tx.execute(
        _ADD,
        {
            "keys": [fact.event.partition_key for fact in facts],
            "ids": [fact.event.id for fact in facts],
            "types": [fact.event.contract.type() for fact in facts],
            "sequences": [fact.sequence for fact in facts],
            "correlations": [fact.cause.correlation_id for fact in facts],
            "causations": [fact.cause.causation_id for fact in facts],
            "events": [fact.event.to_json().decode() for fact in facts],
            "occurred": [fact.occurred_at for fact in facts],
        },
    )
    return {row.id for row in rows}


async def facts_between(
    tx: Transaction, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """Yield archived facts of that time, of each subject in its order."""
    async for row in tx.stream(_BETWEEN, {"since": since, "until": until}):
        yield _fact(row)


def _fact(row: Row) -> Fact:
    return Fact(
        BY_TYPE[row.type].model_validate(row.event),
        row.sequence,
        Cause(row.correlation_id, row.causation_id),
        row.occurred_at,
    )


# A fact that is published twice is one fact.
_ADD = text("""
    INSERT INTO event_archive (
        key, id, type, sequence, correlation_id, causation_id, event, occurred_at
    )
    SELECT key, id, type, sequence, correlation_id, causation_id, event::jsonb, occurred_at
    FROM unnest(
        CAST(:keys AS text[]), CAST(:ids AS uuid[]), CAST(:types AS text[]),
        CAST(:sequences AS bigint[]), CAST(:correlations AS text[]), CAST(:causations AS text[]),
        CAST(:events AS text[]), CAST(:occurred AS timestamptz[])
    ) AS fact (key, id, type, sequence, correlation_id, causation_id, event, occurred_at)
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_BETWEEN = text("""
    SELECT key, id, type, sequence, correlation_id, causation_id, event, occurred_at
    FROM event_archive
    WHERE occurred_at >= CAST(:since AS timestamptz) AND occurred_at < CAST(:until AS timestamptz)
    ORDER BY key, sequence, id
""")
