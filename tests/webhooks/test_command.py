"""An operator lets a team have events by webhook: what the broker sends, and what is read."""

import asyncio
import json

import aio_pika
import pytest

from deploy.config.databases import in_own_thread
from deploy.ctl import topology
from deploy.ctl.commands import hooks as commands
from deploy.ctl.installation import Installation
from services.webhooks import consumers
from shared.contracts.envelope import headers_of
from shared.messaging.broker import Broker
from shared.postgres.statements import text
from tests.deliveries import a_delivery
from tests.live.conftest import a_gift_sent
from tests.terminal import a_terminal
from tests.webhooks.conftest import eventually


@pytest.fixture
def installation(vhost, postgres, rabbit, credentials, database):
    return Installation(
        f"{postgres.host}:{postgres.port}",
        rabbit.management_url,
        f"{rabbit.host}:{rabbit.port}",
        secret=credentials.read,
        vhost=vhost,
        databases={"webhooks": database.name},
    )


@pytest.fixture
def ctl(monkeypatch, vhost, postgres, rabbit, credentials, installation):
    run = a_terminal(
        monkeypatch, postgres=postgres, rabbit=rabbit, vhost=vhost, secrets=credentials
    )
    monkeypatch.setattr(commands, "here", lambda: installation)
    return lambda *arguments: in_own_thread(lambda: run("hooks", *arguments))


@pytest.fixture
def granted(database):
    async def read():
        async with database.transaction() as tx:
            rows = await tx.execute(text("SELECT team, event FROM grants ORDER BY 1, 2"))
        return [(row.team, row.event) for row in rows]

    return read


def bound(installation):
    """The events that come to the queue."""
    path = f"{installation.within('queues')}/webhooks.events/bindings"
    found = installation.manage("GET", path)
    return {each["routing_key"] for each in found if ".events." in each["source"]}


async def test_what_a_team_is_granted_is_bound_and_what_no_team_has_is_not(
    ctl, installation, granted
):
    assert bound(installation) == set()

    code, _ = ctl("grant", "charts", "--reads", "gift.sent,live", "--yes", "--json")
    assert code == 0
    assert {"gift.sent", "live.room_opened"} <= bound(installation)
    assert ("charts", "gift.sent") in await granted()
    ctl("grant", "rivals", "--reads", "gift.sent", "--yes")
    ctl("grant", "charts", "--reads", "gift.combo_ended", "--yes")
    assert bound(installation) == {"gift.sent", "gift.combo_ended"}
    assert await granted() == [("charts", "gift.combo_ended"), ("rivals", "gift.sent")]

    assert ctl("revoke", "rivals", "--yes", "--json")[0] == 0
    assert bound(installation) == {"gift.combo_ended"}
    assert ctl("revoke", "rivals", "--yes", "--json")[0] == 1


async def test_the_topology_is_as_it_should_be_with_what_was_granted(ctl, installation):
    def of_hooks():
        rows = topology.differences(installation)
        return [row for row in rows if "webhooks" in str(row["name"])]

    assert of_hooks() == []
    ctl("grant", "charts", "--reads", "gift.sent", "--yes")
    assert of_hooks() == []


@pytest.mark.parametrize(
    ("name", "reads"),
    [("charts", "wallet"), ("charts", "gift.gibberish"), ("Charts!", "gift.sent")],
)
async def test_a_team_is_granted_nothing_that_it_could_not_have_at_the_broker(
    ctl, granted, name, reads
):
    code, _ = ctl("grant", name, "--reads", reads, "--yes")

    assert code == 2
    assert await granted() == []


async def test_a_granted_event_goes_from_the_broker_to_the_endpoint(
    ctl, rabbit, vhost, credentials, charts, add, receiver, working, database, policy
):
    ctl("grant", "charts", "--reads", "gift.sent", "--yes")
    made = await add(receiver.url, "gift.sent")
    gift, stopping = a_gift_sent(), asyncio.Event()
    url = rabbit.url(vhost, user="webhooks", password=credentials.broker["webhooks"])
    broker = Broker(url, credentials.broker["webhooks"], "webhooks")
    running = [
        asyncio.create_task(consumer.run(stopping))
        for consumer in consumers.build(database, broker, policy)
    ]
    url = rabbit.url(vhost, user="gift", password=credentials.broker["gift"])
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange("ovation.events.gift", ensure=False)
        body = a_delivery(gift).body
        known = {"type": gift.type(), "message_id": str(gift.id), "user_id": "gift"}
        message = aio_pika.Message(body, headers=dict(headers_of(body)), **known)
        for _ in range(2):
            await exchange.publish(message, "gift.sent")
    async with working():

        async def is_taken():
            return receiver.taken

        (got,) = await eventually(is_taken)
    stopping.set()
    await asyncio.gather(*running)

    assert got.document == json.loads(body)
    assert got.verify(made["secret"])


async def test_teams_are_listed_with_what_waits_for_them(ctl, charts, add, hear):
    await add("https://hooks.example/")
    await hear(a_gift_sent())

    code, printed = ctl("ls", "--json")

    assert code == 0
    (row,) = json.loads(printed)
    assert (row["team"], row["endpoints"], row["pending"], row["failed"]) == ("charts", 1, 1, 0)
