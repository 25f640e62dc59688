"""The broker takes an event and not an earlier one of its key: it leaves again, in its turn."""

import asyncio
from uuid import uuid4

from shared.messaging.outbox import EVENTS_EXCHANGE, Message, send
from tests.shared.messaging.conftest import a_fact, is_empty, outbox_size
from tests.shared.messaging.waiting import eventually


def an_event(routing_key, *, key="mira"):
    return Message(
        key=key,
        message_id=uuid4(),
        exchange=EVENTS_EXCHANGE,
        routing_key=routing_key,
        headers={"cloudEvents_type": f"dev.ovation.{routing_key}.v1"},
        body=b"{}",
    )


async def store(database, *messages):
    async with database.part_for("mira").transaction() as tx:
        await send(tx, messages)


async def test_what_the_broker_took_behind_a_returned_event_of_its_key_is_published_after_it_again(
    wallet_database, relay, messages_in, as_operator
):
    """Once only, and not with each attempt; an event of another key leaves once."""
    returned, behind = an_event("wallet.coins_credited"), an_event("wallet.lot_reversed")
    other = an_event("wallet.lot_reversed", key="jonas")
    async with as_operator() as channel:
        exchange = await channel.get_exchange("ovation.events.wallet")
        for name, key in (
            ("purchase.credits", "wallet.coins_credited"),
            ("ovation.log.wallet", "wallet.#"),
        ):
            await (await channel.get_queue(name)).unbind(exchange, key)
        watched = await channel.declare_queue("watched")
        await watched.bind(exchange, "wallet.lot_reversed")
        await store(wallet_database, returned, behind, other)
        relay()
        seen = await messages_in("watched", 2)

        await asyncio.sleep(1)
        assert await outbox_size(wallet_database) == 2
        await watched.bind(exchange, "wallet.coins_credited")
        seen += await messages_in("watched", 2)

    await eventually(lambda: is_empty(wallet_database))
    ids = [str(each.message_id) for each in (behind, other, returned, behind)]
    assert [message.message_id for message in seen] == ids


async def test_what_the_broker_took_behind_a_refused_event_of_its_key_is_published_after_it_again(
    wallet_database, relay, say, messages_in, full_reversals
):
    """A full queue refuses the first; the others are published once with it, and once after it."""
    await store(wallet_database, an_event("wallet.lot_reversed"))
    facts = [a_fact(number) for number in range(3)]
    elsewhere = [a_fact(number, viewer="jonas") for number in range(3)]
    await say(*facts, *elsewhere)
    relay()
    taken = await messages_in("gift.outcomes", 6)

    await asyncio.sleep(1)
    assert await outbox_size(wallet_database) == 4
    full_reversals()
    taken += await messages_in("gift.outcomes", 3)

    await eventually(lambda: is_empty(wallet_database))
    expected = [str(fact.event.id) for fact in (*facts, *elsewhere, *facts)]
    assert [message.message_id for message in taken] == expected
