"""The ledger looks after itself: it seals what was posted, and verifies itself every hour."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
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
from shared.postgres.database import Database, Part, Transaction
from shared.runtime.service import Job, in_each_part

log = structlog.get_logger()

SEAL_EVERY_SECONDS = 2.0
VERIFY_EVERY_SECONDS = 3_600.0

PublishBlock: TypeAlias = Callable[[Transaction, Block], Awaitable[None]]


class _Sealed:
    """What the parts said when they were sealed last, for metrics of all of them."""

    def __init__(self) -> None:
        self._unsealed: dict[int | None, int] = {}
        self._sealed_at: dict[int | None, float] = {}

    def note(self, part: Part, *, unsealed: int, is_full: bool) -> None:
        self._unsealed[part.number] = unsealed
        LEDGER_UNSEALED.set(sum(self._unsealed.values()))
        if not is_full:
            self._sealed_at[part.number] = time.time()

    def show(self, parts: Sequence[Part]) -> None:
        """Show since when nothing waits in any part."""
        if len(self._sealed_at) == len(parts):
            LEDGER_SEALED_AT.set(min(self._sealed_at.values()))


def jobs(database: Database, invariants: Sequence[Invariant], publish: PublishBlock) -> list[Job]:
    """Return the jobs of a service that keeps a ledger."""
    sealed = _Sealed()

    async def seal_next(part: Part) -> bool:
        async with part.transaction() as tx:
            block = await seal(tx)
            if block is not None:
                await publish(tx, block)
            unsealed = await count_unsealed(tx)
        is_full = block is not None and block.entries >= BLOCK_ENTRIES_MAX
        sealed.note(part, unsealed=unsealed, is_full=is_full)
        sealed.show(database.parts)
        return is_full

    async def verify_all() -> bool:
        await _verify_and_report(database, invariants)
        _report("seals", _all(await database.read_each(partial(_violations_in, broken_seals))))
        return False

    return [
        Job("seal", SEAL_EVERY_SECONDS, in_each_part(database, seal_next)),
        Job("verify", VERIFY_EVERY_SECONDS, verify_all),
    ]


def verify_job(database: Database, invariants: Sequence[Invariant]) -> Job:
    """Return the job of a service that keeps books without a seal."""

    async def verify_next() -> bool:
        await _verify_and_report(database, invariants)
        return False

    return Job("verify", VERIFY_EVERY_SECONDS, verify_next)


async def _verify_and_report(database: Database, invariants: Sequence[Invariant]) -> None:
    verify = partial(verify_ledger, invariants=invariants)
    violations = _all(await database.read_each(partial(_violations_in, verify)))
    _report("ledger", violations)
    LEDGER_IMBALANCE.labels("ledger").set(
        sum(violation.invariant == UNBALANCED for violation in violations)
    )


async def _violations_in(
    look: Callable[[Transaction], AsyncIterator[object]], tx: Transaction
) -> list[Violation]:
    return [found async for found in look(tx) if isinstance(found, Violation)]


def _all(found: Sequence[Sequence[Violation]]) -> list[Violation]:
    return [violation for each in found for violation in each]


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
