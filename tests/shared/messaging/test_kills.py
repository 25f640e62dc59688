"""
Kill anything at any time: everything committed is applied, once, and published in order.

Real processes, SIGKILL, a real broker and a real database that are killed too. The faults are
drawn from a seed that the test prints when it fails.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress

import aio_pika
import asyncpg
import pytest

from deploy.config.databases import database_sql, in_own_thread, roles_sql, run_sql, schema_sql
from deploy.harness.servers import choose_postgres, choose_rabbit
from shared.messaging.topology import VHOST, topology, users
from shared.postgres.migrate import migrate
from tests.shared.messaging.worker import VIEWERS

TOTAL = 4_000
FAULTS = ("relay", "relay", "consume", "consume", "connections", "broker", "postgres")
# Longer than it takes on a busy machine: a run that makes no progress ends.
SECONDS_MAX = 600
SCHEMA = """
CREATE TABLE counters (viewer text PRIMARY KEY, last bigint NOT NULL DEFAULT 0);
CREATE TABLE heard (n bigint GENERATED ALWAYS AS IDENTITY, viewer text, sequence bigint,
                    PRIMARY KEY (viewer, sequence));
INSERT INTO counters SELECT 'viewer-' || n FROM generate_series(0, {last}) AS n;
GRANT SELECT, UPDATE ON counters TO wallet;
GRANT SELECT, INSERT ON heard TO wallet;
"""
PROGRESS = """
    SELECT (SELECT sum(last) FROM counters) AS committed, (SELECT count(*) FROM heard) AS heard,
           (SELECT count(*) FROM outbox) AS waiting,
           (SELECT count(*) FROM outbox_blocked) AS blocked
"""


@pytest.fixture
def servers(credentials):
    """Servers of this test's own, for it kills them; the database keeps what it promised."""
    with choose_postgres() as postgres, choose_rabbit() as rabbit:
        rabbit.load(topology())
        rabbit.load(users(credentials.broker))
        run_sql(
            postgres.dsn(), [*roles_sql(credentials.database), *database_sql("wallet", "wallet")]
        )
        run_sql(postgres.dsn("wallet"), schema_sql("wallet"))
        owner = {"user": "wallet_owner", "password": credentials.database["wallet_owner"]}
        in_own_thread(lambda: migrate("wallet", postgres.dsn("wallet", **owner)))
        run_sql(postgres.dsn("wallet", **owner), [SCHEMA.format(last=VIEWERS - 1)])
        yield postgres, rabbit


@pytest.fixture
def environment(servers, credentials):
    postgres, rabbit = servers
    password = credentials.database["wallet"]
    return {
        **os.environ,
        "KILL_TOTAL": str(TOTAL),
        "KILL_DATABASE": postgres.dsn("wallet", user="wallet", password=password),
        "KILL_BROKER_OUT": f"amqp://wallet@{rabbit.host}:{rabbit.port}/{VHOST}",
        "KILL_PASSWORD_OUT": credentials.broker["wallet"],
        "KILL_BROKER_IN": f"amqp://gift@{rabbit.host}:{rabbit.port}/{VHOST}",
        "KILL_PASSWORD_IN": credentials.broker["gift"],
    }


class Crew:
    """The processes of the test, each replaced when it is killed."""

    def __init__(self, environment):
        self._environment = environment
        self.members = [(role, self._start(role)) for role in ("relay", "consume") * 2]
        self.producer = self._start("produce")

    def _start(self, role):
        command = [sys.executable, "-m", "tests.shared.messaging.worker", role]
        return subprocess.Popen(command, env=self._environment)

    def kill(self, role):
        place = next(i for i, (kind, _) in enumerate(self.members) if kind == role)
        self.members[place][1].send_signal(signal.SIGKILL)
        self.members[place][1].wait()
        self.members = [*self.members[:place], *self.members[place + 1 :]]
        self.members.append((role, self._start(role)))

    def end(self):
        for process in (self.producer, *(process for _, process in self.members)):
            process.kill()
            process.wait()


@pytest.fixture
def crew(environment):
    crew = Crew(environment)
    yield crew
    crew.end()


async def ask(postgres, query):
    """Ask the database, however long it takes to come back."""
    while True:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(postgres.dsn("wallet"), timeout=5)
            try:
                return await connection.fetch(query)
            finally:
                connection.terminate()
        await asyncio.sleep(0.2)


def strike(fault, crew, postgres, rabbit):
    if fault == "broker":
        rabbit.kill()
        rabbit.start()
    elif fault == "postgres":
        postgres.kill()
        postgres.start()
    elif fault == "connections":
        with suppress(OSError):
            for connection in rabbit.manage("GET", "/api/connections") or []:
                name = connection["name"].replace(" ", "%20").replace(">", "%3E")
                rabbit.manage("DELETE", f"/api/connections/{name}")
    else:
        crew.kill(fault)


async def is_finished(postgres):
    (row,) = await ask(postgres, PROGRESS)
    return row["committed"] == row["heard"] and row["waiting"] == 0


async def first_published(rabbit, count):
    """Read the log stream of everything the wallet ever published; keep first occurrences."""
    seen: dict[str, tuple[str, int]] = {}
    done = asyncio.Event()

    async def take(message):
        seen.setdefault(
            message.message_id,
            (
                message.headers["cloudEvents_subject"],
                int(message.body.split(b'"sequence":"')[1][:20]),
            ),
        )
        await message.ack()
        if len(seen) == count:
            done.set()

    async with await aio_pika.connect(rabbit.url(VHOST)) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1000)
        queue = await channel.get_queue("ovation.log.wallet")
        await queue.consume(take, arguments={"x-stream-offset": "first"})
        await asyncio.wait_for(done.wait(), SECONDS_MAX)
    return list(seen.values())


async def test_whatever_is_killed_every_fact_is_applied_once_and_published_in_order(
    servers, crew, request
):
    postgres, rabbit = servers
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    plan = list(FAULTS)
    dice.shuffle(plan)
    request.node.user_properties.append(("seed", seed))
    print(f"seed {seed}: {plan}")
    deadline = asyncio.get_running_loop().time() + SECONDS_MAX

    for fault in plan:
        await asyncio.sleep(dice.uniform(0.2, 1.0))
        await asyncio.to_thread(strike, fault, crew, postgres, rabbit)
    while crew.producer.poll() is None or not await is_finished(postgres):
        if asyncio.get_running_loop().time() > deadline:
            left = await ask(postgres, PROGRESS)
            pytest.fail(f"it did not settle: {dict(left[0])}, seed {seed}")
        await asyncio.sleep(0.3)

    (row,) = await ask(postgres, "SELECT sum(last)::int AS committed FROM counters")
    (heard,) = await ask(postgres, "SELECT count(*)::int AS heard FROM heard")
    assert heard["heard"] == row["committed"] >= TOTAL
    published = await first_published(rabbit, row["committed"])
    orders: dict[str, list[int]] = {}
    for viewer, sequence in published:
        orders.setdefault(viewer, []).append(sequence)
    assert all(order == list(range(1, len(order) + 1)) for order in orders.values())
