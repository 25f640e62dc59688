"""The real system on a clock of its own, with rules that can be replaced."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import asyncpg

from deploy.harness.postgres import LocalPostgres
from deploy.harness.processes import ServerFailed, remove_folder, temporary_folder
from deploy.harness.servers import Servers, choose_rabbit
from deploy.harness.system import PROGRAMS, System
from shared.contracts.routes import SERVICES
from tests.heist.clock import Clock
from tests.heist.defences import RuleFiles

# Who reads the rules that thieves meet.
RULED = ("purchase", "payout")
QUIET_SECONDS_MAX = 60.0
# A message on its way is in no table for less than that.
STEADY_SECONDS = 0.9
POLL_SECONDS = 0.3
_OUTBOX = "SELECT count(*) FROM outbox"
# What banks and card networks said, and purchase has not heard: webhooks come in their own time.
_PURCHASE = """
    SELECT (SELECT count(*) FROM outbox)
        + greatest(0, {said} - (SELECT count(*) FROM warnings)
              - (SELECT count(*) FROM disputes WHERE state <> 'open'))
"""
# What payout has yet to do: diamonds that are due, and payouts that a provider has or gets.
_PAYOUT = """
    SELECT (SELECT count(*) FROM outbox)
        + (SELECT count(*) FROM payouts WHERE state IN ('requested', 'approved', 'sent'))
        + (SELECT count(*) FROM earnings
           WHERE NOT matured AND matures_at <= now() AND reversed_diamonds < diamonds
             AND coalesce((SELECT until FROM fraud_warnings
                           WHERE fraud_warnings.lot = earnings.lot) <= now(), true))
"""
_PAID = """
    SELECT attempts.id::text AS attempt, creator, payouts.id::text AS payout, state, destination
    FROM attempts JOIN payouts USING (creator) WHERE payouts.id = attempts.payout
"""
_REVIEWED = "SELECT DISTINCT creator, payout::text FROM payout_states WHERE state = 'held'"


class FastSystem(System):
    """Everything, on a clock that jumps; purchase and payout read rules of this run's own."""

    def __init__(self, clock: Clock, servers: Servers, **options: Any) -> None:
        self.clock = clock
        # Warnings, and disputes that were decided, since the system started.
        self.said_by_banks = 0
        self._connections: dict[str, asyncpg.Connection] = {}
        self.rules_folder = temporary_folder("heist-rules")
        rules, fraud = (str(self.rules_folder / name) for name in ("rules.toml", "fraud.toml"))
        additions = {name: dict(clock.environment) for name in PROGRAMS}
        additions["purchase"] |= {"PURCHASE_RULES_FILE": rules}
        # The rules say for how long diamonds wait, here as in production.
        additions["payout"] |= {
            "PAYOUT_RULES_FILE": rules,
            "PAYOUT_FRAUD_FILE": fraud,
            "PAYOUT_HOLD_SECONDS": "",
        }
        super().__init__(servers=servers, additions=additions, **options)

    def write_rules(self, files: RuleFiles) -> None:
        (self.rules_folder / "rules.toml").write_text(files.rules, encoding="utf-8")
        (self.rules_folder / "fraud.toml").write_text(files.fraud, encoding="utf-8")

    def use_rules(self, files: RuleFiles) -> None:
        """Let purchase and payout start again with other rules."""
        self.write_rules(files)

        def restart(name: str) -> None:
            self.terminate(name)
            self.start(name)

        with ThreadPoolExecutor() as threads:
            list(threads.map(restart, RULED))

    async def pass_days(self, days: int) -> None:
        """Wait until all is quiet, and let days pass."""
        await self.until_quiet()
        self.clock.jump(timedelta(days=days))

    async def until_quiet(self) -> None:
        """Return when nothing is on its way, diamonds that are due and payouts included."""
        deadline = time.monotonic() + QUIET_SECONDS_MAX
        quiet_since = None
        while quiet_since is None or time.monotonic() - quiet_since < STEADY_SECONDS:
            if time.monotonic() > deadline:
                raise ServerFailed(f"never quiet: {await self._moving()}")
            if any((await self._moving()).values()):
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            await asyncio.sleep(POLL_SECONDS)

    async def leave_databases(self) -> None:
        """Close what looked into the databases."""
        for connection in self._connections.values():
            await connection.close()
        self._connections.clear()

    async def attempts(self) -> list[asyncpg.Record]:
        """Return all attempts to pay, with their payouts."""
        return await self._rows("payout", _PAID)

    async def reviewed(self) -> set[tuple[str, str]]:
        """Return all payouts that a person had to look at, with their creators."""
        return {(row["creator"], row["payout"]) for row in await self._rows("payout", _REVIEWED)}

    async def _moving(self) -> dict[str, int]:
        asked = dict.fromkeys(SERVICES, _OUTBOX)
        asked |= {"payout": _PAYOUT, "purchase": _PURCHASE.format(said=self.said_by_banks)}
        rows = await asyncio.gather(*(self._rows(*each) for each in asked.items()))
        return {name: found[0][0] for name, found in zip(asked, rows, strict=True)}

    async def _rows(self, database: str, query: str) -> list[asyncpg.Record]:
        if database not in self._connections:
            self._connections[database] = await asyncpg.connect(self.postgres.dsn(database))
        return list(await self._connections[database].fetch(query))


@contextmanager
def running(files: RuleFiles) -> Iterator[FastSystem]:
    """Start servers and system, and end them."""
    folder = temporary_folder("heist")
    clock = Clock(folder)
    postgres = LocalPostgres(fast=True, environment=clock.environment)
    rabbit = choose_rabbit()
    try:
        with ThreadPoolExecutor() as threads:
            for started in [threads.submit(postgres.start), threads.submit(rabbit.start)]:
                started.result()
        system = FastSystem(clock, Servers(postgres, rabbit))
        system.write_rules(files)
        with system:
            yield system
        remove_folder(system.rules_folder)
    finally:
        rabbit.close()
        postgres.close()
        remove_folder(folder)
