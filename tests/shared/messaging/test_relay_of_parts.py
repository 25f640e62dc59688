"""A relay publishes the outboxes of all parts that are its own, and no part waits for another."""

import json
from collections import Counter

import pytest

from shared.messaging.outbox import publish
from shared.messaging.relay import PUBLISH_BATCH_MAX, Relay
from shared.postgres.parts import part_of
from tests.shared.messaging.conftest import a_fact, is_empty
from tests.shared.messaging.waiting import eventually

VIEWERS = [f"viewer-{number}" for number in range(40)]


@pytest.fixture
def parted(database_of):
    """The wallet's database of an installation with 16 parts."""
    return database_of("wallet", part_count=16)


@pytest.fixture
def relay_of_parts(parted, broker_of, running):
    return lambda: running(Relay(parted, broker_of("wallet")))


def viewer_of(message):
    return json.loads(message.body)["data"]["viewer"]


async def write(database, viewer, *facts):
    async with database.part_for(viewer).transaction() as tx:
        await publish(tx, facts)


async def test_the_facts_of_all_parts_are_published_those_of_a_viewer_in_order(
    parted, relay_of_parts, messages_in
):
    relay_of_parts()
    facts = {viewer: [a_fact(number, viewer=viewer) for number in range(5)] for viewer in VIEWERS}
    for viewer, of_viewer in facts.items():
        for fact in of_viewer:
            await write(parted, viewer, fact)

    heard = await messages_in("gift.outcomes", 5 * len(VIEWERS))

    assert len({part_of(viewer, 16) for viewer in VIEWERS}) > 10
    for of_viewer in facts.values():
        ids = [str(fact.event.id) for fact in of_viewer]
        assert [each.message_id for each in heard if each.message_id in ids] == ids
    await eventually(lambda: is_empty(parted))


async def test_a_part_with_a_backlog_keeps_no_other_waiting(parted, relay_of_parts, messages_in):
    """Of each outbox that is woken a batch takes some rows."""
    crowded, quiet = (
        VIEWERS[0],
        next(each for each in VIEWERS if part_of(each, 16) != part_of(VIEWERS[0], 16)),
    )
    backlog = [a_fact(number, viewer=crowded) for number in range(3 * PUBLISH_BATCH_MAX)]
    await write(parted, crowded, *backlog)
    await write(parted, quiet, a_fact(viewer=quiet))
    relay_of_parts()

    heard = await messages_in("gift.outcomes", len(backlog) + 1)

    place = [viewer_of(each) for each in heard].index(quiet)
    assert place < 2 * PUBLISH_BATCH_MAX


async def test_what_is_of_no_single_user_is_published_too(parted, relay_of_parts, messages_in):
    relay_of_parts()
    async with parted.reference.transaction() as tx:
        await publish(tx, [a_fact(viewer=viewer) for viewer in VIEWERS])

    heard = await messages_in("gift.outcomes", len(VIEWERS))

    assert Counter(viewer_of(each) for each in heard) == Counter(VIEWERS)


async def test_two_relays_divide_the_parts(parted, relay_of_parts, messages_in):
    relay_of_parts()
    relay_of_parts()
    for viewer in VIEWERS:
        await write(parted, viewer, a_fact(viewer=viewer))

    heard = await messages_in("gift.outcomes", len(VIEWERS))

    assert Counter(viewer_of(each) for each in heard) == Counter(VIEWERS)
    await eventually(lambda: is_empty(parted))
