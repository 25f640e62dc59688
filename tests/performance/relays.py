"""
How fast several relays empty one outbox, and what that takes: `make bench PART=relays`.

The relays are processes (`python -m tests.performance.relays`) that divide the shares before the
outbox is filled by one transaction. The services are paused meanwhile, so the broker is idle.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from deploy.config.services import DATABASES
from deploy.harness.system import System
from shared.messaging.broker import Broker
from shared.messaging.outbox import SHARES, publish
from shared.messaging.outbox_shares import MEMBER_CLASS, SHARE_CLASS
from shared.messaging.relay import Relay
from shared.observability.logging import configure_logging
from shared.postgres.database import Database
from shared.postgres.statements import text
from tests.performance.benches import broker_of, database_of, tune, vhost
from tests.performance.machine import Cpu, cpu_of, names_below
from tests.performance.messages import fact, is_waiting
from tests.performance.results import Result

MESSAGES = 40_000
RELAYS = (1, 2, 4)
LOOK_SECONDS = 0.02
DIVIDED = text("""
    SELECT count(*) FILTER (WHERE classid = :member) AS relays,
           count(*) FILTER (WHERE classid = :share) AS shares,
           count(DISTINCT pid) FILTER (WHERE classid = :share) AS owners
    FROM pg_locks WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")


async def drain(system: System) -> list[Result]:
    """Let 1, 2 and 4 relays empty a full outbox."""
    results: list[Result] = []
    broker = broker_of(system, "wallet")
    async with database_of(system, "wallet") as database:
        for count in RELAYS:
            with vhost(system), _paused_services():
                seconds, taken = await _drain(database, broker, count)
            name = f"{count} relay{'s' * (count > 1)}"
            results.append(Result(f"{name} drain", MESSAGES / seconds, "messages/s"))
            results += [
                Result(f"{who} of {name}", cpu / MESSAGES * 1e6, "us CPU a message")
                for who, cpu in taken.items()
                if who in ("relays", "RabbitMQ") or who.startswith("PostgreSQL")
            ]
            results.append(Result(f"cores used with {name}", sum(taken.values()) / seconds, ""))
    return results


async def _drain(database: Database, broker: Broker, count: int) -> tuple[float, dict[str, float]]:
    with _relays(database, broker, count):
        while not await _have_divided(database, count):
            await asyncio.sleep(0.1)
        facts = [fact(number) for number in range(MESSAGES)]
        async with database.transaction() as tx:
            await publish(tx, facts)
        before = _cpu()
        while await is_waiting(database):
            await asyncio.sleep(0.02)
        after = _cpu()
        return after.at - before.at, after.since(before)


async def _have_divided(database: Database, count: int) -> bool:
    async with database.transaction() as tx:
        locks = {"member": MEMBER_CLASS, "share": SHARE_CLASS}
        found = (await tx.execute(DIVIDED, locks)).one()
        return (found.relays, found.shares, found.owners) == (count, SHARES, count)


def _cpu() -> Cpu:
    return cpu_of(os.getpid())


@contextmanager
def _relays(database: Database, broker: Broker, count: int) -> Iterator[None]:
    environment = {
        **os.environ,
        "RELAY_DATABASE": database.url,
        "RELAY_BROKER": broker.url,
        "RELAY_PASSWORD": broker.password,
    }
    command = [sys.executable, "-m", "tests.performance.relays"]
    started = [subprocess.Popen(command, env=environment) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


@contextmanager
def _paused_services() -> Iterator[None]:
    """Pause the services: their looks into databases would be counted."""
    pids = [pid for pid, name in names_below(os.getpid()).items() if name in DATABASES]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def _relay() -> None:
    """Be one of the relays, until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    broker = Broker(os.environ["RELAY_BROKER"], os.environ["RELAY_PASSWORD"], "wallet")
    relay = Relay(Database(os.environ["RELAY_DATABASE"]), broker, look_seconds=LOOK_SECONDS)
    await relay.run(stopping)


if __name__ == "__main__":
    configure_logging("relay", level="WARNING")
    tune()
    uvloop.run(_relay())
