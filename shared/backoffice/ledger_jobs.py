"""The ledger looks after itself: it seals what was posted, and verifies itself every hour."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import structlog

from shared.ledger.sealing import BLOCK_ENTRIES_MAX, Block, broken_seals, count_unsealed, seal
from shared.ledger.verification import UNBALANCED, Invariant, Violation, verify_ledger
from shared.observability.metrics import (
    LEDGER_IMBALANCE,
    LEDGER_SEALED_AT,
    LEDGER_UNSEALED,
    LEDGER_VERIFIED_AT,
    LEDGER_VIOLATIONS,
)
from shared.postgres.database import Database, Transaction
from shared.runtime.service import Job

log = structlog.get_logger()

SEAL_EVERY_SECONDS = 2.0
VERIFY_EVERY_SECONDS = 3_600.0

PublishBlock: TypeAlias = Callable[[Transaction, Block], Awaitable[None]]


def jobs(database: Database, invariants: Sequence[Invariant], publish: PublishBlock) -> list[Job]:
    """Return the jobs of a service that keeps a ledger."""

    async def seal_next() -> bool:
        async with database.transaction() as tx:
            block = await seal(tx)
            if block is not None:
                await publish(tx, block)
            LEDGER_UNSEALED.set(await count_unsealed(tx))
        is_full = block is not None and block.entries >= BLOCK_ENTRIES_MAX
        if not is_full:
            LEDGER_SEALED_AT.set(time.time())
        return is_full

    async def verify_all() -> bool:
        await _verify_and_report(database, invariants)
        async with database.snapshot() as tx:
            violations = [found async for found in broken_seals(tx) if isinstance(found, Violation)]
        _report("seals", violations)
        return False

    return [
        Job("seal", SEAL_EVERY_SECONDS, seal_next),
        Job("verify", VERIFY_EVERY_SECONDS, verify_all),
    ]


def verify_job(database: Database, invariants: Sequence[Invariant]) -> Job:
    """Return the job of a service that keeps books without a seal."""

    async def verify_next() -> bool:
        await _verify_and_report(database, invariants)
        return False

    return Job("verify", VERIFY_EVERY_SECONDS, verify_next)


async def _verify_and_report(database: Database, invariants: Sequence[Invariant]) -> None:
    async with database.snapshot() as tx:
        violations = [
            found async for found in verify_ledger(tx, invariants) if isinstance(found, Violation)
        ]
    _report("ledger", violations)
    LEDGER_IMBALANCE.labels("ledger").set(
        sum(violation.invariant == UNBALANCED for violation in violations)
    )


def _report(part: str, violations: Sequence[Violation]) -> None:
    LEDGER_VIOLATIONS.labels(part).set(len(violations))
    LEDGER_VERIFIED_AT.labels(part).set(time.time())
    log.info("ledger.verified", part=part, violations=len(violations))
    for violation in violations:
        log.error(
            "ledger.violation",
            part=part,
            invariant=violation.invariant,
            user=violation.user,
            detail=violation.detail,
        )
