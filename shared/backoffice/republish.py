"""Republishing from a ledger's own rows: outcomes word for word, and seals."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import TypeAlias

from shared.contracts.base import BlockEvent, Event
from shared.contracts.envelope import Cause
from shared.ledger.recall import ARCHIVED, archived_between
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.postgres.database import Row, Transaction
from shared.postgres.statements import text

# The event that an outcome holds, by its reference and whether it has an entry; None for none.
EventOf: TypeAlias = Callable[[str, bool], type[Event] | None]


async def facts_between(
    tx: Transaction,
    event_of: EventOf,
    blocks: tuple[type[BlockEvent], str],
    *,
    since: datetime,
    until: datetime,
) -> AsyncIterator[Fact]:
    """Yield what was published in that time: decisions, what followed from them, and blocks."""
    async for fact in facts_of_outcomes(tx, event_of, since=since, until=until):
        yield fact
    async for fact in archive.facts_between(tx, since=since, until=until):
        yield fact
    async for fact in facts_of_seals(tx, *blocks, since=since, until=until):
        yield fact


async def facts_of_outcomes(
    tx: Transaction, event_of: EventOf, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """
    Yield the events of decisions in that time, of each user in the order of decision.

    The ledger keeps no correlation ids, so each fact has its reference as one. What is in archives
    was decided before all others.
    """
    between = {"since": since, "until": until}
    async for archived in archived_between(tx, since, until):
        for row in await tx.execute(_ARCHIVED_OUTCOMES, {**between, "archived": archived}):
            if (fact := _fact(row, event_of)) is not None:
                yield fact
    async for row in tx.stream(_OUTCOMES, between):
        if (fact := _fact(row, event_of)) is not None:
            yield fact


def _fact(row: Row, event_of: EventOf) -> Fact | None:
    contract = event_of(row.reference, row.kind is not None)
    if contract is None:
        return None
    event = contract.model_validate(row.outcome)
    return Fact(event, row.number, Cause(row.reference), row.recorded_at)


async def facts_of_seals(
    tx: Transaction, contract: type[BlockEvent], chain: str, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """Yield the blocks that were sealed in that time, in their order."""
    async for row in tx.stream(_SEALS, {"since": since, "until": until}):
        yield block_fact(
            contract, chain, row.block, row.entries, row.hash, row.previous_hash, row.sealed_at
        )


def block_fact(
    contract: type[BlockEvent],
    chain: str,
    block: int,
    entries: int,
    digest: bytes,
    previous: bytes,
    at: datetime | None = None,
) -> Fact:
    """Return the fact that a block was sealed."""
    event = contract(
        chain=chain,
        block=block,
        movements=entries,
        hash=digest.hex(),
        previous_hash=previous.hex(),
    )
    return Fact(event, block, Cause(f"{chain}-{block}"), at)


_OUTCOMES = text("""
    SELECT user_id, number, reference, kind, outcome, recorded_at FROM outcomes
    WHERE recorded_at >= CAST(:since AS timestamptz)
      AND recorded_at < CAST(:until AS timestamptz) AND outcome <> '{}'
    ORDER BY user_id, number
""")
_ARCHIVED_OUTCOMES = text(f"""
    SELECT user_id, number, coalesce(reference, 'gift:' || gift) AS reference, kind, outcome,
           recorded_at
    FROM {ARCHIVED} AS e, outcome_of(e) AS outcome
    WHERE recorded_at >= CAST(:since AS timestamptz)
      AND recorded_at < CAST(:until AS timestamptz) AND outcome <> '{{}}'
    ORDER BY user_id, number
""")  # noqa: S608 - our own text only
_SEALS = text("""
    SELECT block, entries, hash, previous_hash, sealed_at FROM seals
    WHERE sealed_at >= CAST(:since AS timestamptz) AND sealed_at < CAST(:until AS timestamptz)
    ORDER BY block
""")
