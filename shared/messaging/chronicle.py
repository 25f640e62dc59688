"""
What was announced and no other row remembers, word for word: so that it can be said again.

Most facts follow from a service's own rows, for ever: a gift's outcome from the gift, a movement's
from its outcome. Some are about a moment that later rows overwrite: how much of a lot stood
reversed then, which step a purchase took. They are written here, with the transaction that
announces them.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import text

from shared.contracts.envelope import Cause
from shared.contracts.routes import BY_TYPE
from shared.database import Row, Transaction
from shared.messaging import outbox
from shared.messaging.outbox import Fact


async def announce(tx: Transaction, facts: Sequence[Fact]) -> None:
    """Announce the facts as `outbox.announce` does, and remember them as they were said."""
    now = datetime.now(UTC)
    told = [replace(fact, occurred_at=fact.occurred_at or now) for fact in facts]
    await remember(tx, told)
    await outbox.announce(tx, told)


async def remember(tx: Transaction, facts: Sequence[Fact]) -> None:
    """Remember facts that this transaction announces; each says when it occurred."""
    if not facts:
        return
    assert all(fact.occurred_at for fact in facts)
    await tx.execute(
        _ADD,
        {
            "keys": [fact.event.partition_key for fact in facts],
            "ids": [fact.event.id for fact in facts],
            "types": [fact.event.type() for fact in facts],
            "sequences": [fact.sequence for fact in facts],
            "correlations": [fact.cause.correlation_id for fact in facts],
            "causations": [fact.cause.causation_id for fact in facts],
            "events": [fact.event.model_dump_json() for fact in facts],
            "occurred": [fact.occurred_at for fact in facts],
        },
    )


async def facts_between(
    tx: Transaction, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """Yield what was said in that time, of each subject in its order."""
    async for row in tx.stream(_BETWEEN, {"since": since, "until": until}):
        yield _fact(row)


def _fact(row: Row) -> Fact:
    return Fact(
        BY_TYPE[row.type].model_validate(row.event),
        row.sequence,
        Cause(row.correlation_id, row.causation_id),
        row.occurred_at,
    )


# A fact that is said twice is the fact it was.
_ADD = text("""
    INSERT INTO chronicle (
        key, id, type, sequence, correlation_id, causation_id, event, occurred_at
    )
    SELECT key, id, type, sequence, correlation_id, causation_id, event::jsonb, occurred_at
    FROM unnest(
        CAST(:keys AS text[]), CAST(:ids AS uuid[]), CAST(:types AS text[]),
        CAST(:sequences AS bigint[]), CAST(:correlations AS text[]), CAST(:causations AS text[]),
        CAST(:events AS text[]), CAST(:occurred AS timestamptz[])
    ) AS told (key, id, type, sequence, correlation_id, causation_id, event, occurred_at)
    ON CONFLICT DO NOTHING
""")
_BETWEEN = text("""
    SELECT key, id, type, sequence, correlation_id, causation_id, event, occurred_at
    FROM chronicle
    WHERE occurred_at >= CAST(:since AS timestamptz) AND occurred_at < CAST(:until AS timestamptz)
    ORDER BY key, sequence, id
""")
