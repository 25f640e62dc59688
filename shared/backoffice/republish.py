"""A ledger's own rows say what was announced: outcomes word for word, seals their blocks."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import text

from shared.contracts.base import BlockEvent, Event
from shared.contracts.envelope import Cause
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

# Which event an outcome holds, by its reference and whether anything moved; None if it holds none.
Announced: TypeAlias = Callable[[str, bool], type[Event] | None]


async def facts_between(
    tx: Transaction,
    announced: Announced,
    blocks: tuple[type[BlockEvent], str],
    *,
    since: datetime,
    until: datetime,
) -> AsyncIterator[Fact]:
    """Yield what was announced in that time: decisions, what followed from them, and blocks."""
    async for fact in facts_of_outcomes(tx, announced, since=since, until=until):
        yield fact
    async for fact in archive.facts_between(tx, since=since, until=until):
        yield fact
    async for fact in facts_of_seals(tx, *blocks, since=since, until=until):
        yield fact


async def facts_of_outcomes(
    tx: Transaction, announced: Announced, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """
    Yield what was announced of decisions in that time, of each user in the order of decision.

    The books keep no story, so each fact begins one of its own, with its reference as the name.
    """
    async for row in tx.stream(_OUTCOMES, {"since": since, "until": until}):
        contract = announced(row.reference, row.moved)
        if contract is not None:
            event = contract.model_validate(row.outcome)
            yield Fact(event, row.version, Cause(row.reference), row.at)


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
    """Say that a block was sealed."""
    event = contract(
        chain=chain,
        block=block,
        movements=entries,
        hash=digest.hex(),
        previous_hash=previous.hex(),
    )
    return Fact(event, block, Cause(f"{chain}-{block}"), at)


# An entry knows the moment that was announced; a refusal was written just after it.
_OUTCOMES = text("""
    SELECT o.user_id, o.reference, o.version, o.outcome, o.entry IS NOT NULL AS moved,
           coalesce(e.recorded_at, o.recorded_at) AS at
    FROM outcomes AS o
    LEFT JOIN entries AS e ON e.user_id = o.user_id AND e.id = o.entry
    WHERE coalesce(e.recorded_at, o.recorded_at) >= CAST(:since AS timestamptz)
      AND coalesce(e.recorded_at, o.recorded_at) < CAST(:until AS timestamptz)
      AND o.outcome <> '{}'
    ORDER BY o.user_id, o.version
""")
_SEALS = text("""
    SELECT block, cardinality(entries) AS entries, hash, previous_hash, sealed_at FROM seals
    WHERE sealed_at >= CAST(:since AS timestamptz) AND sealed_at < CAST(:until AS timestamptz)
    ORDER BY block
""")
