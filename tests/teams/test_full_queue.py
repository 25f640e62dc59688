"""A team that does not keep up loses its oldest events; everyone sees it, and nobody else waits."""

import asyncio
import json
from datetime import UTC, datetime

import httpx

from shared.contracts.envelope import Cause
from shared.messaging.broker import Broker
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.messaging.relay import Relay
from shared.postgres.statements import text
from tests.teams.gifts import a_gift

KEPT, SENT = 5, 400
DROPPED = "rabbitmq_global_messages_dead_lettered_maxlen_total"


def lost_so_far(rabbit):
    """What the broker counts: only teams' queues let anything go for want of room."""
    lines = httpx.get(rabbit.metrics_url, trust_env=False).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(DROPPED))


def bodies_in(ctl, queue):
    _, printed = ctl("dlq", "show", "--queue", queue, "--max", "1000", "--json")
    return json.loads(printed)


async def test_a_full_queue_drops_its_oldest_and_the_loss_is_seen(
    ctl, team, publish, as_team, rabbit
):
    slow = team("--reads", "gift.sent", "--messages-max", str(KEPT))
    before = lost_so_far(rabbit) if rabbit.metrics_url else None

    bodies = (json.dumps(number).encode() for number in range(12))
    await publish(*bodies, type="dev.ovation.gift.sent.v1")

    async with as_team(slow) as channel:
        queue = await channel.get_queue(slow["queue"], ensure=False)
        left = [json.loads((await queue.get(fail=False)).body) for _ in range(KEPT)]
        assert left == [7, 8, 9, 10, 11]
        assert await queue.get(fail=False) is None
    (row,) = json.loads(ctl("team", "ls", "--json")[1])
    assert (row["waiting"], row["dead_letters"]) == (5, 7)
    (found,) = json.loads(ctl("dlq", "ls", "--json")[1])
    assert found == {
        "queue": slow["queue"],
        "dead_letters": 7,
        "reasons": {"maxlen": 7},
        "user_ids": {"gift": 7},
    }
    assert sorted(each["body"] for each in bodies_in(ctl, slow["queue"])) == list(range(7))
    if before is not None:
        assert lost_so_far(rabbit) - before == 7


async def test_what_was_lost_can_be_given_again(ctl, team, publish, as_team):
    slow = team("--reads", "gift.sent", "--messages-max", "1")
    await publish(b"1", b"2", type="dev.ovation.gift.sent.v1")

    team("--reads", "gift.sent", "--messages-max", "10", name=slow["name"])
    assert ctl("dlq", "redrive", "--queue", slow["queue"], "--yes")[0] == 0

    async with as_team(slow) as channel:
        queue = await channel.get_queue(slow["queue"], ensure=False)
        assert [(await queue.get()).body for _ in range(2)] == [b"2", b"1"]


async def test_a_full_queue_slows_nobody(ctl, team, database_of, rabbit, vhost, credentials):
    """The relay's facts are confirmed, and services get all of them, as if no team were there."""
    team("--reads", "gift.sent", "--messages-max", "1")
    database = database_of("gift")
    facts = [
        Fact(a_gift(), number, Cause("story"), datetime.now(UTC)) for number in range(1, SENT + 1)
    ]
    async with database.transaction() as tx:
        await publish(tx, facts)
    url = f"amqp://gift@{rabbit.host}:{rabbit.port}/{vhost}"
    stopping = asyncio.Event()
    relay = Relay(database, Broker(url, credentials.broker["gift"], "gift"))
    running = asyncio.create_task(relay.run(stopping))
    try:
        async with asyncio.timeout(60):
            while await waiting_in(database):
                await asyncio.sleep(0.05)
    finally:
        stopping.set()
        await running

    (row,) = json.loads(ctl("team", "ls", "--json")[1])
    assert (row["waiting"], row["dead_letters"]) == (1, SENT - 1)
    for queue in ("payout.gifts", "live.gifts"):
        assert await ready_in(rabbit, vhost, queue) == SENT


async def waiting_in(database):
    async with database.transaction() as tx:
        return (await tx.execute(text("SELECT count(*) FROM outbox"))).scalar_one()


async def ready_in(rabbit, vhost, queue):
    """Ask until the management API has caught up: its numbers are some seconds old."""
    for _ in range(100):
        found = rabbit.manage("GET", f"/api/queues/{vhost}/{queue}").get("messages_ready")
        if found == SENT:
            break
        await asyncio.sleep(0.1)
    return found
