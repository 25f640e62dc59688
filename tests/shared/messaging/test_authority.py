"""
What each broker user can place where, tried on a real broker: every user, exchange, key and header.

A service or team that was taken over may say what its own events say, and nothing else: it reaches
no queue of another service or team past the events that this other one wants to hear of it.
"""

import asyncio
import secrets as random

import aio_pika
import aiormq
import pytest

from shared.contracts.routes import ALWAYS_BOUND, EVENTS, QUEUES, SERVICES
from shared.messaging.retry import DELAYS
from shared.messaging.teams import Team, team_topology
from shared.messaging.topology import (
    AUDIT_STREAM,
    DEAD_LETTER_STREAM,
    USER_LIMITS,
    a_user,
    topology,
    user_names,
    users,
)

TEAM = Team.granted("matrix", reads=["gift.sent"], hears=["gift.sent"], logs=["gift"])
PASSWORD = "the password of a team"
BUILT_IN = ("", "amq.direct", "amq.fanout", "amq.headers", "amq.topic", "amq.match")
FORBIDDEN = aiormq.exceptions.ChannelAccessRefused


@pytest.fixture(scope="module")
def vhost(rabbit, credentials):
    """One vhost for all of these tests, with a team that hears of gifts."""
    name = f"authority-{random.token_hex(4)}"
    rabbit.load(topology(), vhost=name)
    rabbit.load(users(credentials.broker), vhost=name)
    rabbit.load({"users": [a_user(TEAM.user, PASSWORD)], **team_topology(TEAM)}, vhost=name)
    yield name
    rabbit.remove_vhost(name)
    rabbit.manage("DELETE", f"/api/users/{TEAM.user}")


@pytest.fixture
def connect_as(rabbit, vhost, credentials):
    """Connect as a broker user."""

    async def connect(user):
        password = PASSWORD if user == TEAM.user else credentials.broker[user]
        return await aio_pika.connect(rabbit.url(vhost, user=user, password=password))

    return connect


def all_queues():
    return [queue["name"] for part in (topology(), team_topology(TEAM)) for queue in part["queues"]]


def all_exchanges():
    return [*(exchange["name"] for exchange in topology()["exchanges"]), *BUILT_IN]


def owned_by(user):
    """What a user may reach because it is its own: queues, letters and their copies, its log."""
    return {
        DEAD_LETTER_STREAM,
        *(queue for queue in QUEUES if queue.startswith(f"{user}.")),
        *(f"{queue}.dlq" for queue in QUEUES if queue.startswith(f"{user}.")),
        f"ovation.log.{user}",
    }


def listening_to(user):
    """Who wants to hear what a user announces."""
    queues = {
        name for name, events in ALWAYS_BOUND.items() for each in events if each.owner() == user
    }
    return queues | (
        {TEAM.queue} if any(name.startswith(f"{user}.") for name in TEAM.hears) else set()
    )


@pytest.mark.parametrize("user", [*SERVICES, "auditor"])
@pytest.mark.usefixtures("vhost")
def test_no_user_can_take_all_sockets_of_the_broker(rabbit, user):
    (found,) = rabbit.manage("GET", f"/api/user-limits/{user}")

    assert found["value"] == USER_LIMITS[user]
    assert 0 < found["value"]["max-connections"] <= 200


async def test_a_user_with_as_many_connections_as_it_may_have_gets_no_more(rabbit, vhost):
    """A team's, for it has the fewest."""
    rabbit.manage("PUT", f"/api/user-limits/{TEAM.user}/max-connections", {"value": 1})
    url = rabbit.url(vhost, user=TEAM.user, password=PASSWORD)
    try:
        async with await aio_pika.connect(url):
            with pytest.raises(aiormq.exceptions.AMQPError):
                await aio_pika.connect(url)
    finally:
        rabbit.manage("DELETE", f"/api/user-limits/{TEAM.user}/max-connections")


class Attacker:
    """Publishes as one user; the channel that the broker closes is opened again."""

    def __init__(self, connection, user):
        self._connection, self._user = connection, user
        self._channel = None

    async def publish(self, exchange, key, headers=None, *, expires=False):
        """Whether the broker took it; it waits in no delay for longer than a moment."""
        expires = expires or exchange.startswith("ovation.delay.")
        if self._channel is None or self._channel.is_closed:
            self._channel = await self._connection.channel(on_return_raises=False)
        body = f"{self._user} -> {exchange!r} {key} {'with ' + min(headers) if headers else ''}"
        message = aio_pika.Message(
            body.encode(),
            user_id=self._user,
            headers=headers or {},
            expiration=0.001 if expires else None,
        )
        underlay = await self._channel.get_underlay_channel()
        try:
            await underlay.basic_publish(
                message.body, exchange=exchange, routing_key=key, properties=message.properties
            )
        except (aiormq.exceptions.ChannelClosed, aiormq.exceptions.DeliveryError):
            return False
        return True


async def attack(connection, user):
    """Try every exchange with every key, plain and with other people's keys in a header."""
    keys = [*all_queues(), *sorted({event.name for event in EVENTS})]
    foreign = [key for key in keys if not key.startswith(f"{user}.")]
    attacker = Attacker(connection, user)
    for exchange in all_exchanges():
        # Another exchange's refusal does not depend on the key: two of them are enough.
        own_key = f"{user}.anything"
        open_to_us = [
            await attacker.publish(exchange, key, headers)
            for key in (own_key, "wallet.money", "")
            for headers in (None, {"CC": foreign}, {"BCC": foreign})
        ]
        if any(open_to_us):
            for key in keys:
                await attacker.publish(exchange, key)
                await attacker.publish(exchange, key, expires=True)
                await attacker.publish(exchange, key, {"CC": foreign})
                await attacker.publish(exchange, key, {"BCC": foreign})


def is_stream(queue):
    return queue in (AUDIT_STREAM, DEAD_LETTER_STREAM) or queue.startswith("ovation.log.")


async def found_in(channel, queue):
    """Take all that is in a queue; read a stream up to a mark that is put there now."""
    taken = []
    if not is_stream(queue):
        handle = await channel.get_queue(queue)
        while (message := await handle.get(no_ack=True, fail=False)) is not None:
            taken.append((message.user_id, message.body.decode()))
        return taken
    mark = random.token_hex(8).encode()
    await channel.default_exchange.publish(aio_pika.Message(mark), routing_key=queue)
    arrived = asyncio.Queue()
    await channel.set_qos(prefetch_count=1_000)
    underlay = await channel.get_underlay_channel()
    await underlay.basic_consume(queue, arrived.put, arguments={"x-stream-offset": "first"})
    while (message := await asyncio.wait_for(arrived.get(), 60)).body != mark:
        await underlay.basic_ack(message.delivery_tag)
        taken.append((message.header.properties.user_id, message.body.decode()))
    return taken


async def where_it_went(connect_as, user):
    """Return the queues that hold something a user published, with how it got there."""
    async with await connect_as("ovationctl") as connection:
        for delay in DELAYS:
            # What expired leaves by itself.
            await _is_empty(connection, f"ovation.delay.{delay}.{user}", user in SERVICES)
        went: dict[str, list[str]] = {}
        for queue in all_queues():
            channel = await connection.channel()
            for publisher, body in await found_in(channel, queue):
                if publisher == user:
                    went.setdefault(queue, []).append(body)
            await channel.close()
        return went


async def _is_empty(connection, queue, exists):
    deadline = asyncio.get_running_loop().time() + 60
    while exists:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        await channel.close()
        if declared.declaration_result.message_count == 0:
            return
        assert asyncio.get_running_loop().time() < deadline, f"{queue} never emptied"
        await asyncio.sleep(0.05)


def test_every_broker_user_attacks_or_is_the_operator():
    """A user of a new kind is asked here too, or it is said that it may do everything."""
    assert set(user_names()) == {*SERVICES, "auditor", "ovationctl"}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_places_nothing_in_another_ones_queue_but_its_own_events(
    connect_as, service
):
    async with await connect_as(service) as connection:
        await attack(connection, service)

    went = await where_it_went(connect_as, service)

    # What its event says it may say badly: then it is a dead letter of who listens.
    dead_letters = {f"{queue}.dlq" for queue in listening_to(service)}
    allowed = owned_by(service) | listening_to(service) | dead_letters
    assert {queue: how[:3] for queue, how in went.items() if queue not in allowed} == {}
    # The matrix is about something: what a service may reach it does reach.
    assert set(went) == allowed
    for queue in sorted(listening_to(service) - owned_by(service)):
        names = {event.name for event in QUEUES.get(queue, ())} | set(TEAM.hears)
        for how in went[queue]:
            assert any(f" {name} " in how for name in names if name.startswith(f"{service}.")), how


@pytest.mark.parametrize("user", [TEAM.user, "auditor"])
async def test_who_only_reads_places_nothing_anywhere(connect_as, user):
    async with await connect_as(user) as connection:
        await attack(connection, user)

    assert await where_it_went(connect_as, user) == {}


def readable_by(user):
    """What each may take from: its own work, its own log, what it was granted."""
    if user == TEAM.user:
        return {TEAM.queue, f"{TEAM.queue}.dlq", "ovation.log.gift"}
    if user == "auditor":
        return {AUDIT_STREAM}
    own = {queue for queue in QUEUES if queue.startswith(f"{user}.")}
    # Removing a dead letter leaves its copy in the stream, which no service may read.
    return {*own, *(f"{queue}.dlq" for queue in own), f"ovation.log.{user}"}


async def tried(connection, action):
    """Whether the broker let it happen, as far as rights are concerned."""
    channel = await connection.channel()
    try:
        await action(channel)
    except FORBIDDEN:
        return False
    except aiormq.exceptions.AMQPError:
        return True
    return True


@pytest.mark.parametrize("user", [*SERVICES, TEAM.user, "auditor"])
async def test_a_user_takes_only_from_what_is_its_own_and_changes_nothing(connect_as, user):
    def consume(queue):
        async def begin(channel):
            await channel.set_qos(prefetch_count=1)
            underlay = await channel.get_underlay_channel()
            await underlay.basic_consume(queue, print, arguments={"x-stream-offset": "next"})

        return begin

    def purge(queue):
        async def empty(channel):
            await (await channel.get_queue(queue, ensure=False)).purge()

        return empty

    async with await connect_as(user) as connection:
        taken = {queue for queue in all_queues() if await tried(connection, consume(queue))}
        # Nobody can purge a stream; to ask for it ends the connection.
        queues = [queue for queue in all_queues() if not is_stream(queue)]
        purged = {queue for queue in queues if await tried(connection, purge(queue))}
        changed = [
            (queue, exchange)
            for queue in all_queues()
            for exchange in ("ovation.events", "ovation.events.gift", "ovation.redeliver")
            if await tried(connection, binding(queue, exchange))
        ]

    assert taken == readable_by(user)
    assert purged <= readable_by(user)
    assert changed == []


def binding(queue, exchange):
    async def bind(channel):
        await (await channel.get_queue(queue, ensure=False)).bind(exchange, "#")

    return bind
