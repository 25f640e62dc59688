"""A team reads what it was granted, and can do nothing else at the broker."""

import asyncio
import secrets as random

import aiormq
import pytest

from shared.messaging.teams import NotGranted, Team
from shared.messaging.topology import topology, users


@pytest.fixture(scope="module")
def vhost(rabbit, credentials):
    """One vhost for all of these tests: their teams have names of their own."""
    name = f"rights-{random.token_hex(4)}"
    rabbit.load(topology(), vhost=name)
    rabbit.load(users(credentials.broker), vhost=name)
    yield name
    rabbit.remove_vhost(name)


async def take(channel, queue):
    return await (await channel.get_queue(queue, ensure=False)).get(fail=False)


async def begin(channel, service):
    """Begin to read a log."""
    await channel.set_qos(prefetch_count=10)
    log = await channel.get_queue(f"ovation.log.{service}", ensure=False)
    arrived = asyncio.Queue()
    await log.consume(arrived.put, arguments={"x-stream-offset": "first"})
    return arrived


async def bind(channel, queue, key):
    await (await channel.get_queue(queue, ensure=False)).bind("ovation.events.gift", key)


@pytest.fixture
def refused(as_team):
    """Try something as a team; the broker must not let it."""

    async def attempt(given, action):
        async with as_team(given) as channel:
            with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
                await action(channel)

    return attempt


async def test_a_team_reads_its_queue_and_a_log_it_was_granted(team, as_team, publish):
    charts = team("--reads", "gift.sent,wallet.gift_paid", "--bind", "gift.sent", "--logs", "gift")

    await publish(b"heard")
    await publish(b"not bound", name="gift.refused")

    async with as_team(charts) as channel:
        message = await take(channel, charts["queue"])
        assert message.body == b"heard"
        await message.ack()
        assert await take(channel, charts["queue"]) is None
        arrived = await begin(channel, "gift")
        logged = await asyncio.wait_for(arrived.get(), 60)
        assert logged.body == b"heard"


async def test_a_team_reads_nobody_elses_queue(team, refused):
    charts, fraud = team("--reads", "gift.sent"), team("--reads", "gift.sent")

    for queue in (fraud["queue"], f"{fraud['queue']}.dlq", "live.gifts", "ovation.delay.1s.gift"):
        await refused(charts, lambda channel, queue=queue: take(channel, queue))


async def test_a_name_that_begins_alike_is_another_team(team, refused):
    longer = team("--reads", "gift.sent")
    shorter = team("--reads", "gift.sent", name=longer["name"][:-1])

    await refused(shorter, lambda channel: take(channel, longer["queue"]))


async def test_a_team_reads_no_log_it_was_not_granted(team, refused):
    await refused(
        team("--reads", "gift.sent", "--logs", "gift"), lambda channel: begin(channel, "wallet")
    )
    await refused(team("--reads", "gift.sent"), lambda channel: begin(channel, "gift"))


@pytest.mark.parametrize("key", ["payout.paid", "#", "gift.*", "gift.sent"])
async def test_a_team_binds_nothing_not_even_what_it_may_read(team, refused, key):
    charts = team("--reads", "gift.sent")

    await refused(charts, lambda channel: bind(channel, charts["queue"], key))


@pytest.mark.parametrize("key", ["payout.paid", "#", "gift.*"])
async def test_a_right_given_by_hand_does_not_open_the_rest(
    team, as_team, refused, rabbit, vhost, key
):
    """Somebody lets the team bind, one day: it can still bind only what it was granted."""
    charts = team("--reads", "gift.sent")
    right = {"configure": "^$", "write": f"^{charts['queue']}$", "read": ".*"}
    rabbit.manage("PUT", f"/api/permissions/{vhost}/{charts['user']}", right)

    async with as_team(charts) as channel:
        await bind(channel, charts["queue"], "gift.sent")
    await refused(charts, lambda channel: bind(channel, charts["queue"], key))


async def test_a_team_does_not_unbind_itself_either(team, refused):
    charts = team("--reads", "gift.sent")

    async def unbind(channel):
        queue = await channel.get_queue(charts["queue"], ensure=False)
        await queue.unbind("ovation.events.gift", "gift.sent")

    await refused(charts, unbind)


@pytest.mark.parametrize(
    "exchange", ["ovation.events", "ovation.events.gift", "ovation.redeliver", "ovation.dlx", ""]
)
async def test_a_team_publishes_nothing(team, refused, exchange):
    async def publish(channel):
        underlay = await channel.get_underlay_channel()
        await underlay.basic_publish(b"{}", exchange=exchange, routing_key="gift.sent")

    await refused(team("--reads", "gift.sent"), publish)


async def test_a_team_declares_and_deletes_nothing(team, refused):
    charts = team("--reads", "gift.sent")

    for action in (
        lambda channel: channel.declare_queue(f"{charts['user']}.more"),
        lambda channel: channel.declare_exchange(f"{charts['user']}.mine"),
        lambda channel: channel.queue_delete(charts["queue"]),
    ):
        await refused(charts, action)


@pytest.mark.parametrize("service", ["payout", "purchase", "wallet"])
def test_what_is_about_peoples_money_is_granted_by_name_only(service):
    with pytest.raises(NotGranted, match="name each one"):
        Team.granted("charts", reads=[service])

    assert Team.granted("charts", reads=["payout.paid"]).hears == ("payout.paid",)


@pytest.mark.parametrize(
    "wish",
    [
        {"name": "Charts", "reads": ["gift"]},
        {"name": "a.b", "reads": ["gift"]},
        {"name": "charts", "reads": []},
        {"name": "charts", "reads": ["gift.snet"]},
        {"name": "charts", "reads": ["gift"], "hears": ["payout.paid"]},
        {"name": "charts", "reads": ["gift"], "logs": ["everything"]},
        {"name": "charts", "reads": ["gift"], "messages_max": 0},
    ],
)
def test_what_is_not_there_is_not_granted(wish):
    with pytest.raises(NotGranted):
        Team.granted(**wish)
