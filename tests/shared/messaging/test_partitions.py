"""A queue has partitions where an installation says so: each user stays in order, always."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from deploy.ctl.installation import Installation
from deploy.ctl.partitions import NothingToMove, move
from shared.contracts.routes import QUEUES
from shared.messaging.consumer import Consumer
from shared.messaging.outbox import SHARES
from shared.messaging.partitions import BadPartitions, Spread, parse_partitions
from shared.messaging.relay import Relay
from shared.messaging.topology import topology
from shared.postgres.database import Database
from tests.shared.messaging.conftest import QUEUE, a_fact, is_empty
from tests.shared.messaging.waiting import eventually

VIEWERS = [f"viewer-{number}" for number in range(24)]


def test_the_setting_names_queues_and_their_numbers():
    assert parse_partitions("wallet.gifts=4 gift.outcomes=1,4") == {
        "wallet.gifts": (4,),
        "gift.outcomes": (1, 4),
    }
    assert parse_partitions("") == {}


@pytest.mark.parametrize(
    "setting", ["wallet.presents=4", "wallet.gifts", "wallet.gifts=0", "wallet.gifts=17", "=4"]
)
def test_a_setting_that_cannot_be_is_refused_with_what_is_wrong(setting):
    with pytest.raises(BadPartitions, match="OVATION_QUEUE_PARTITIONS"):
        parse_partitions(setting)


@pytest.mark.parametrize("count", [2, 3, 4, 16])
def test_each_share_has_its_queue_and_no_queue_is_without_one(count):
    bindings = topology({QUEUE: (count,)})["bindings"]
    of_spread = [each for each in bindings if each["source"] == f"{QUEUE}.{count}"]

    assert len({each["arguments"]["ovation_share"] for each in of_spread}) == SHARES
    assert {each["destination"] for each in of_spread} == set(Spread(QUEUE, count).queues)


def test_an_installation_that_says_nothing_has_one_queue_for_a_consumer():
    names = {queue["name"] for queue in topology()["queues"]}

    assert set(QUEUES) <= names
    assert not any(name.rpartition(".")[2].isdigit() for name in names)


@pytest.fixture
def installation(rabbit, vhost, credentials):
    """The installation in this test's vhost, with some partitions."""

    def with_partitions(*counts):
        return Installation(
            postgres="",
            rabbit=rabbit.management_url,
            broker=f"{rabbit.host}:{rabbit.port}",
            secret=credentials.read,
            vhost=vhost,
            partitions={QUEUE: counts},
        )

    return with_partitions


@pytest.fixture
async def instance(gift_database, broker_of, running):
    """Start an instance of the gift service: what it handled is in `handled`, once it committed."""
    opened = []

    def start(partitions, handled):
        async def note(tx, received):
            tx.after_commit(lambda: handled.extend(received))

        database = Database(gift_database.url)
        opened.append(database)
        running(Relay(database, broker_of("gift")))
        routes = dict.fromkeys(QUEUES[QUEUE], note)
        running(
            Consumer(
                QUEUE, routes, database=database, broker=broker_of("gift"), partitions=partitions
            )
        )

    yield start
    for database in opened:
        await database.close()


@pytest.fixture
def queues_with_consumers(rabbit, vhost):
    """Return the queues of outcomes, and how many consumers each has."""

    async def ask():
        found = await asyncio.to_thread(rabbit.manage, "GET", f"/api/consumers/{vhost}")
        names = [each["queue"]["name"] for each in found]
        return sorted((name, names.count(name)) for name in set(names) if name.startswith(QUEUE))

    return ask


@pytest.fixture
def telling(say):
    """Tell facts of all viewers as long as a block; what it yields counts them by viewer."""

    @asynccontextmanager
    async def tell():
        told, stopping = [], asyncio.Event()

        async def tell_on():
            while not stopping.is_set():
                await say(*(a_fact(len(told) + 1, viewer=viewer) for viewer in VIEWERS))
                told.append(len(told) + 1)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(tell_on())
        yield told
        stopping.set()
        await task

    return tell


def orders(handled):
    """The sequences that were handled, in their order, by viewer."""
    found: dict[str, list[int]] = {}
    for envelope in handled:
        found.setdefault(envelope.partitionkey, []).append(int(envelope.sequence))
    return found


async def all_handled(handled, told):
    async def complete():
        return len(handled) >= len(told) * len(VIEWERS)

    await eventually(complete)
    assert orders(handled) == dict.fromkeys(VIEWERS, told)


async def test_instances_divide_the_partitions_and_each_user_stays_in_order(
    wallet_database, relay, installation, instance, telling, queues_with_consumers, rabbit, vhost
):
    rabbit.load(topology({QUEUE: (4,)}), vhost=vhost)
    handled = []
    for _ in range(2):
        instance({QUEUE: (4,)}, handled)
    relay()

    async def is_divided():
        return await queues_with_consumers() == [(f"{QUEUE}.4.{n}", 1) for n in range(4)]

    async with telling() as told:
        await eventually(is_divided)
    await all_handled(handled, told)
    await eventually(lambda: is_empty(wallet_database))


@pytest.mark.parametrize(("counts", "instances"), [((1, 4), 1), ((2, 4), 2), ((2, 1), 1)])
async def test_the_number_changes_under_load_without_loss_and_in_order(
    relay, installation, instance, telling, queues_with_consumers, rabbit, vhost, counts, instances
):
    """The earlier queues are emptied and deleted; their consumers then go on with the new ones."""
    before, after = (Spread(QUEUE, count) for count in counts)
    here = installation(*counts)
    if before.exchange:
        rabbit.load(topology({QUEUE: (before.count,)}), vhost=vhost)
        await asyncio.to_thread(rabbit.manage, "DELETE", f"/api/queues/{vhost}/{QUEUE}")
    handled = []
    for _ in range(instances):
        instance({QUEUE: counts}, handled)
    relay()

    async with telling() as told:

        async def is_under_way():
            return len(handled) > 10 * len(VIEWERS)

        await eventually(is_under_way)
        await asyncio.to_thread(move, here, QUEUE)
        since = len(handled)

        async def goes_on():
            return len(handled) > since + 10 * len(VIEWERS)

        await eventually(goes_on)
    await all_handled(handled, told)

    async def are_consumed():
        return [name for name, _ in await queues_with_consumers()] == after.queues

    await eventually(are_consumed)
    names = {each["name"] for each in rabbit.manage("GET", f"/api/queues/{vhost}")}
    assert not names & set(before.queues)


def test_a_queue_that_stays_as_it_is_is_not_moved(installation):
    with pytest.raises(NothingToMove, match=f"{QUEUE}=1,4"):
        move(installation(4), QUEUE)
