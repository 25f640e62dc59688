"""The consumer kit: each fact once, in the team's own database, whatever happens meanwhile."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import pytest
from prometheus_client import REGISTRY

from shared.contracts.envelope import Cause, encode
from shared.contracts.gift import GiftSent
from shared.kit.consumer import Consumer
from tests.teams.gifts import a_gift

DELAYS_SECONDS = (0.1, 0.2)
WAITING = "SELECT key, attempts, reason, parked_at FROM ovation.waiting ORDER BY key"


class Charts:
    """A team that writes the coins of every gift into a table without any key of its own."""

    def __init__(self, broker, queue, database):
        self.broker, self.queue, self.database = broker, queue, database
        self.failing = {}

    async def query(self, statement):
        connection = await asyncpg.connect(self.database)
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    async def heard(self):
        return sorted(row["coins"] for row in await self.query("SELECT coins FROM heard"))

    async def waiting(self):
        return [dict(row) for row in await self.query(WAITING)]

    def consumer(self, *, log=None):
        options = {"database": self.database, "delays_seconds": DELAYS_SECONDS}
        if log is None:
            consumer = Consumer(self.broker, self.queue, **options)
        else:
            consumer = Consumer.from_log(log, self.broker, **options)

        @consumer.on(GiftSent)
        async def hear(tx, received):
            for envelope in received:
                await tx.execute("INSERT INTO heard VALUES ($1)", envelope.data.coins)
                if self.failing.get(envelope.data.coins, 0) > 0:
                    self.failing[envelope.data.coins] -= 1
                    raise self.failing["with"]

        return consumer

    @asynccontextmanager
    async def listening(self, **options):
        """Consume as long as the block lasts, and end as a process does that is told to."""
        consumer, stopping = self.consumer(**options), asyncio.Event()
        await consumer.create_tables()
        running = asyncio.create_task(consumer.run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait_for(running, 60)


@pytest.fixture
async def charts(team, own_database, rabbit, vhost):
    given = team("--reads", "gift.sent,wallet.gift_paid", "--logs", "gift")
    url = rabbit.url(vhost, user=given["user"], password=given["password"])
    charts = Charts(url, given["queue"], own_database())
    await charts.query("CREATE TABLE heard (coins bigint)")
    return charts


def counted(metric, queue):
    return REGISTRY.get_sample_value(metric, {"queue": queue})


async def eventually(condition, expected, *, seconds=60.0):
    """Wait until something is what it should be, and say what it was if it never is."""
    deadline = asyncio.get_running_loop().time() + seconds
    while (found := await condition()) != expected:
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(0.05)


async def test_a_fact_said_twice_is_handled_once(charts, say):
    first, second = a_gift(coins=1), a_gift(coins=2)

    await say(first, first, second)
    async with charts.listening():
        await eventually(charts.heard, [1, 2])
        await say(second, a_gift(coins=3))
        await eventually(charts.heard, [1, 2, 3])


async def test_one_bad_message_does_not_fail_its_neighbours_and_is_tried_again(charts, say):
    charts.failing = {2: 3, "with": ValueError("not yet")}

    await say(a_gift(coins=1), a_gift(coins=2), a_gift(coins=3))
    async with charts.listening():
        await eventually(charts.heard, [1, 2, 3])

    assert await charts.waiting() == []


async def test_what_always_fails_is_parked_with_its_reason(charts, say):
    bad = a_gift(coins=2)
    charts.failing = {2: 1_000, "with": ValueError("never")}

    await say(bad)
    async with charts.listening():

        async def parked():
            return [row["key"] for row in await charts.waiting() if row["parked_at"]]

        await eventually(parked, [str(bad.id)])

    (row,) = await charts.waiting()
    assert (row["attempts"], row["reason"]) == (3, "ValueError('never')")
    assert await charts.heard() == []


async def test_a_handler_that_cannot_reach_something_else_does_not_hold_up_the_queue(charts, say):
    """A refused connection looks like a database that is away, but the database answers."""
    charts.failing = {1: 1_000, "with": ConnectionRefusedError()}

    await say(a_gift(coins=1), a_gift(coins=2))
    async with charts.listening():
        await eventually(charts.heard, [2])
        await say(a_gift(coins=3))
        await eventually(charts.heard, [2, 3])


async def test_what_cannot_be_read_is_parked_and_what_is_not_for_us_is_ignored(
    charts, say, publish
):
    sent, paid = "dev.ovation.gift.sent.v1", "dev.ovation.wallet.gift_paid.v1"
    await publish(b"\xff not json", type=sent, message_id="broken")
    await publish(b"{}", type=sent)
    await publish(b" " * 300_000, type=sent, message_id="large")
    event = a_gift()
    body = encode(event, sequence=1, occurred_at=datetime.now(UTC), cause=Cause("two\nlines"))
    await publish(body, type=sent, message_id="two lines")
    await publish(b"{}", type="dev.ovation.gift.sent.v2", message_id="newer")
    await publish(b"{}", type="nobody knows", message_id="unknown")
    await publish(b"{}", type=sent, message_id="forged", service="wallet", name="wallet.gift_paid")
    await publish(
        b"{}", type=paid, message_id="unhandled", service="wallet", name="wallet.gift_paid"
    )
    await say(a_gift(coins=7))

    async with charts.listening():
        await eventually(charts.heard, [7])

    reasons = {row["key"]: row["reason"].split(":")[0] for row in await charts.waiting()}
    assert reasons.pop("broken") == reasons.pop("two lines") == "invalid-envelope"
    assert reasons.pop("large") == "body-too-large"
    assert reasons.pop("forged") == "foreign-publisher"
    # A message without an id is known by what it says.
    assert list(reasons.values()) == ["invalid-envelope"]


async def test_a_connection_that_is_closed_is_opened_again(charts, say, rabbit):
    async with charts.listening():
        await say(a_gift(coins=1))
        await eventually(charts.heard, [1])
        user = charts.queue.removesuffix(".events")

        def close_all():
            for each in rabbit.manage("GET", "/api/connections"):
                if each["user"] == user:
                    rabbit.manage("DELETE", f"/api/connections/{each['name']}")
                    return True
            return False

        # The management API hears of a new connection after a few seconds.
        while not close_all():
            await asyncio.sleep(0.2)
        await say(a_gift(coins=2))
        await eventually(charts.heard, [1, 2])


async def test_a_database_that_dies_is_waited_for(charts, say, postgres):
    async with charts.listening():
        await say(a_gift(coins=1))
        await eventually(charts.heard, [1])
        postgres.kill()
        await say(a_gift(coins=2), a_gift(coins=3))
        while not counted("ovation_kit_paused", charts.queue):
            await asyncio.sleep(0.05)
        postgres.start()
        await eventually(charts.heard, [1, 2, 3])

    assert await charts.waiting() == []
    # The deliveries were kept: given back, each would count towards the limit of its queue.
    assert not counted("ovation_kit_reconnects_total", charts.queue)


async def test_a_log_is_read_from_its_beginning_and_then_from_where_we_were(charts, say):
    await say(a_gift(coins=1), a_gift(coins=2))
    async with charts.listening(log="gift"):
        await eventually(charts.heard, [1, 2])
    # What was handled from the log, the queue brings in vain.
    async with charts.listening():
        await say(a_gift(coins=3))
        await eventually(charts.heard, [1, 2, 3])
    # With what was handled forgotten, only the place keeps us from counting the first two again.
    await charts.query("DELETE FROM ovation.inbox")
    async with charts.listening(log="gift"):
        await say(a_gift(coins=4))
        await eventually(charts.heard, [1, 2, 3, 3, 4])

    (place,) = await charts.query("SELECT next_offset FROM ovation.places")
    assert place["next_offset"] == 4
