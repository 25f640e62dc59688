"""The ledger looks after itself: it seals what was posted, and proves itself every hour."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import structlog
from sqlalchemy import text

from shared.ledger.sealing import BLOCK_MOVEMENTS_MAX, Block, broken_seals, seal
from shared.ledger.verification import UNBALANCED, Check, Fault, prove
from shared.observability.metrics import (
    LEDGER_FAULTS,
    LEDGER_IMBALANCE,
    LEDGER_PROVED_AT,
    LEDGER_SEALED_AT,
    LEDGER_UNSEALED,
)
from shared.postgres.database import Database, Transaction
from shared.runtime.service import Job

log = structlog.get_logger()

SEAL_EVERY_SECONDS = 2.0
PROVE_EVERY_SECONDS = 3_600.0

PublishBlock: TypeAlias = Callable[[Transaction, Block], Awaitable[None]]


def jobs(database: Database, checks: Sequence[Check], publish: PublishBlock) -> list[Job]:
    """Return the jobs of a service that keeps a ledger."""

    async def seal_next() -> bool:
        async with database.transaction() as tx:
            block = await seal(tx)
            if block is not None:
                await publish(tx, block)
            LEDGER_UNSEALED.set((await tx.execute(_UNSEALED)).scalar_one())
        is_full = block is not None and block.movements == BLOCK_MOVEMENTS_MAX
        if not is_full:
            LEDGER_SEALED_AT.set(time.time())
        return is_full

    async def prove_all() -> bool:
        await _prove_ledger(database, checks)
        async with database.snapshot() as tx:
            faults = [found async for found in broken_seals(tx) if isinstance(found, Fault)]
        _report("seals", faults)
        return False

    return [
        Job("seal", SEAL_EVERY_SECONDS, seal_next),
        Job("prove", PROVE_EVERY_SECONDS, prove_all),
    ]


def proof_job(database: Database, checks: Sequence[Check]) -> Job:
    """Return the job of a service that keeps books without a seal."""

    async def prove_ledger() -> bool:
        await _prove_ledger(database, checks)
        return False

    return Job("prove", PROVE_EVERY_SECONDS, prove_ledger)


async def _prove_ledger(database: Database, checks: Sequence[Check]) -> None:
    async with database.snapshot() as tx:
        faults = [found async for found in prove(tx, checks) if isinstance(found, Fault)]
    _report("ledger", faults)
    LEDGER_IMBALANCE.labels("ledger").set(sum(fault.check == UNBALANCED for fault in faults))


def _report(proof: str, faults: Sequence[Fault]) -> None:
    LEDGER_FAULTS.labels(proof).set(len(faults))
    LEDGER_PROVED_AT.labels(proof).set(time.time())
    log.info("ledger.proved", proof=proof, faults=len(faults))
    for fault in faults:
        log.error(
            "ledger.fault", proof=proof, check=fault.check, user=fault.user, detail=fault.detail
        )


_UNSEALED = text("SELECT count(*) FROM unsealed")
