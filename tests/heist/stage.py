"""The real system on a clock of its own, with rules that can be replaced."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from deploy.config.services import DATABASES
from deploy.ctl.reconcile import FLOWS
from deploy.harness.processes import ServerFailed, remove_folder, temporary_folder
from deploy.harness.servers import ExternalPostgres
from deploy.harness.system import PROGRAMS, System
from shared.backoffice.reconciliation import Source
from shared.postgres.database import Transaction
from tests.heist import database_clock
from tests.heist.clock import Clock
from tests.heist.defences import RuleFiles

# Who reads the rules that thieves meet.
RULED = ("purchase", "payout")
QUIET_SECONDS_MAX = 60.0
# What no flow compares (a hold, a warning) is on its way for less than that.
STEADY_SECONDS = 0.9
POLL_SECONDS = 0.3
# Our statements read small tables: one that takes longer waits for what will not come.
STATEMENT_SECONDS_MAX = 20.0
_OUTBOX = "SELECT count(*) FROM outbox"
# A gift that waits for the wallet is in a queue, which may be long on a busy machine.
_GIFT = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM open_gifts)"
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
# What two services know is compared over all time: a message between them is in no table.
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_REVIEWED = "SELECT DISTINCT creator, payout::text FROM payout_states WHERE state = 'held'"


class FastSystem(System):
    """Everything, on a clock that jumps; purchase and payout read rules of this run's own."""

    def __init__(self, files: RuleFiles) -> None:
        folder = temporary_folder("heist")
        self.clock = Clock(folder)
        # Warnings, and disputes that were decided, since the system started.
        self.said_by_banks = 0
        self._connections: dict[str, asyncpg.Connection] = {}
        self._rules, self._fraud = folder / "rules.toml", folder / "fraud.toml"
        self._write_rules(files)
        additions = {name: dict(self.clock.environment) for name in PROGRAMS}
        additions["purchase"] |= {"PURCHASE_RULES_FILE": str(self._rules)}
        # The rules say for how long diamonds wait, here as in production.
        additions["payout"] |= {
            "PAYOUT_RULES_FILE": str(self._rules),
            "PAYOUT_FRAUD_FILE": str(self._fraud),
            "PAYOUT_HOLD_SECONDS": "",
        }
        super().__init__(fast=True, additions=additions)
        self._ending.callback(remove_folder, folder)

    def migrate(self, root: Path) -> None:
        if isinstance(self.postgres, ExternalPostgres):
            raise ServerFailed("This changes the clock of databases: it needs a server of its own.")
        for name in DATABASES:
            database_clock.install(self.postgres.dsn(name))
        super().migrate(root)

    def command_of(self, module: str) -> list[str]:
        return [*super().command_of("tests.heist.clocked"), module]

    def use_rules(self, files: RuleFiles) -> None:
        """Let purchase and payout start again with other rules."""
        self._write_rules(files)

        def restart(name: str) -> None:
            self.terminate(name)
            self.start(name)

        with ThreadPoolExecutor() as threads:
            list(threads.map(restart, RULED))

    async def pass_days(self, days: int) -> None:
        """Wait until all is quiet, and let days pass."""
        await self.until_quiet()
        self.clock.jump(timedelta(days=days))
        connections = [await self._connection(name) for name in DATABASES]
        await database_clock.set_ahead(connections, self.clock.ahead)

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

    def leave_databases(self) -> None:
        """Close what looked into the databases."""
        for connection in self._connections.values():
            connection.terminate()
        self._connections.clear()

    async def attempts(self) -> list[asyncpg.Record]:
        """Return all attempts to pay, with their payouts."""
        return await self._rows("payout", _PAID)

    async def reviewed(self) -> set[tuple[str, str]]:
        """Return all payouts that a person had to look at, with their creators."""
        return {(row["creator"], row["payout"]) for row in await self._rows("payout", _REVIEWED)}

    def unfinished(self) -> dict[str, str]:
        """Return the query that counts what a service still has to do, by database."""
        asked = dict.fromkeys(DATABASES, _OUTBOX)
        return asked | {
            "gift": _GIFT,
            "payout": _PAYOUT,
            "purchase": _PURCHASE.format(said=self.said_by_banks),
        }

    async def _moving(self) -> dict[str, int]:
        """Return how much is on its way: in the databases, and in queues between two of them."""
        asked = self.unfinished()
        rows = await asyncio.gather(*(self._rows(*each) for each in asked.items()))
        moving = {name: found[0][0] for name, found in zip(asked, rows, strict=True)}
        if not any(moving.values()):
            for flow in FLOWS:
                moving[flow.name] = abs(
                    await self._total(flow.source) - await self._total(flow.target)
                )
        return moving

    async def _total(self, side: tuple[str, Source]) -> int:
        """Return the sum of all amounts that one side of a flow knows."""
        service, source = side
        tx = Transaction(await self._connection(service))
        hours = await source.hours(tx, since=_EVER, until=self.clock.now() + timedelta(days=1))
        return sum(each.amount for each in hours.values())

    async def _rows(self, database: str, query: str) -> list[asyncpg.Record]:
        return list(await (await self._connection(database)).fetch(query))

    async def _connection(self, database: str) -> asyncpg.Connection:
        """Return our session with a database, as its administrator."""
        if database not in self._connections:
            self._connections[database] = await asyncpg.connect(
                self.postgres.dsn(database),
                timeout=STATEMENT_SECONDS_MAX,
                command_timeout=STATEMENT_SECONDS_MAX,
            )
        return self._connections[database]

    def _write_rules(self, files: RuleFiles) -> None:
        self._rules.write_text(files.rules, encoding="utf-8")
        self._fraud.write_text(files.fraud, encoding="utf-8")
