"""What is committed leaves: in order, confirmed, and never lost behind something that cannot."""

import asyncio
import json
from uuid import uuid4

import pytest

from shared.contracts.envelope import Cause, schema_url
from shared.contracts.wallet import GiftPaymentRefused
from shared.messaging.outbox import Message, publish, send, share_of
from shared.messaging.relay import PUBLISH_BATCH_MAX
from shared.messaging.topology import topology
from shared.postgres.statements import text
from tests.metrics import metric
from tests.shared.messaging.conftest import a_fact, is_empty, outbox_size
from tests.shared.messaging.waiting import eventually


async def test_committed_facts_arrive_in_order_and_leave_the_outbox(
    wallet_database, relay, say, messages_in
):
    facts = [a_fact(number) for number in range(1, 1201)]
    await say(*facts[:700])
    relay()
    await say(*facts[700:])

    arrived = await messages_in("gift.outcomes", 1200)

    assert [message.message_id for message in arrived] == [str(fact.event.id) for fact in facts]
    assert arrived[0].user_id == "wallet"
    assert arrived[0].type == "dev.ovation.wallet.gift_refused.v1"
    assert arrived[0].headers["cloudEvents_partitionkey"] == "mira"
    assert arrived[0].headers["cloudEvents_dataschema"] == (
        "http://localhost:8080/schemas/wallet.gift_refused/1.0.json"
    )
    assert json.loads(arrived[0].body)["sequence"] == "00000000000000000001"
    await eventually(lambda: is_empty(wallet_database))


async def publish_and_fail(database, fact):
    async with database.part_for("mira").transaction() as tx:
        await publish(tx, [fact])
        _ = 1 // 0


async def test_what_is_rolled_back_was_never_said(wallet_database, relay, say, messages_in):
    relay()
    with pytest.raises(ZeroDivisionError):
        await publish_and_fail(wallet_database, a_fact(1))
    kept = a_fact(2)
    await say(kept)

    (message,) = await messages_in("gift.outcomes", 1)
    assert message.message_id == str(kept.event.id)


async def test_a_fact_that_still_waits_is_not_sent_twice(wallet_database, relay, say, messages_in):
    """Its first row leaves, in the place of that row, and all its rows are deleted."""
    fact, behind, later = a_fact(1), a_fact(2), a_fact(4)
    await say(fact)
    await say(behind)
    await say(fact._replace(sequence=3))
    relay()

    await eventually(lambda: is_empty(wallet_database))
    await say(later)

    arrived = [json.loads(message.body) for message in await messages_in("gift.outcomes", 3)]
    assert [(each["id"], each["sequence"]) for each in arrived] == [
        (str(said.event.id), f"{said.sequence:020}") for said in (fact, behind, later)
    ]


async def test_an_event_arrives_with_its_attributes_as_headers(relay, say, messages_in):
    """The outbox keeps them in the body alone."""
    viewer = 'Zoë "the, \\data\\":{ 🎁'
    fact = a_fact(viewer=viewer)._replace(cause=Cause("story", "cause", "00-0a-0b-01"))
    await say(fact)
    relay()

    (message,) = await messages_in("gift.outcomes", 1)

    ours = {name: text for name, text in message.headers.items() if not name.startswith("x-")}
    assert ours == {
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": str(fact.event.id),
        "cloudEvents_type": "dev.ovation.wallet.gift_refused.v1",
        "cloudEvents_source": "/ovation/wallet",
        "cloudEvents_subject": fact.event.subject,
        "cloudEvents_partitionkey": viewer,
        "cloudEvents_dataschema": schema_url(GiftPaymentRefused),
        "correlation_id": "story",
        "traceparent": "00-0a-0b-01",
        "ovation_share": f"{share_of(viewer):02}",
    }
    assert message.type == "dev.ovation.wallet.gift_refused.v1"
    assert message.correlation_id == "story"


async def test_an_unroutable_message_holds_back_its_key_and_nobody_else(
    wallet_database, relay, say, messages_in, as_operator
):
    """Once somebody binds the queue again, everything leaves in order."""
    async with as_operator() as channel:
        events = await channel.get_exchange("ovation.events.wallet")
        for name in ("gift.outcomes", "ovation.log.wallet"):
            queue = await channel.get_queue(name)
            key = "wallet.gift_refused" if name.startswith("gift") else "wallet.#"
            await queue.unbind(events, key)
        lost, behind = a_fact(1), a_fact(2)
        await say(lost)
        relay()
        blocked = "SELECT reason FROM outbox_blocked"

        async def reason():
            async with wallet_database.transaction() as tx:
                return (await tx.execute(text(blocked))).scalar_one_or_none()

        assert await eventually(reason) == "unroutable"
        await say(behind)
        await asyncio.sleep(0.3)
        assert await outbox_size(wallet_database) == 2

        await (await channel.get_queue("gift.outcomes")).bind(events, "wallet.gift_refused")

    arrived = await messages_in("gift.outcomes", 2)
    assert [m.message_id for m in arrived] == [str(lost.event.id), str(behind.event.id)]
    await eventually(lambda: is_empty(wallet_database))
    assert await reason() is None


async def test_a_message_the_broker_refuses_is_parked_and_the_rest_leaves(
    wallet_database, relay, say, messages_in
):
    """Speaking in another service's name closes the channel; only that row stays behind."""
    forged = a_fact()
    async with wallet_database.part_for("mira").transaction() as tx:
        await send(
            tx,
            [
                Message(
                    key="forger",
                    message_id=forged.event.id,
                    exchange="ovation.events",
                    routing_key="purchase.paid",
                    headers={"cloudEvents_type": "dev.ovation.purchase.paid.v1"},
                    body=b"{}",
                )
            ],
        )
    facts = [a_fact(number) for number in range(20)]
    await say(*facts)
    relay()

    arrived = await messages_in("gift.outcomes", 20)

    # Those in the window of the closed channel may come twice: at least once, in order.
    first_seen = list(dict.fromkeys(message.message_id for message in arrived))
    assert first_seen == [str(fact.event.id) for fact in facts][: len(first_seen)]

    async def only_the_forged_one_is_left():
        async with wallet_database.transaction() as tx:
            rows = await tx.execute(
                text("SELECT key, retry_at FROM outbox_blocked JOIN outbox USING (share, key)")
            )
            left = [tuple(row) for row in rows]
        return await outbox_size(wallet_database) == 1 and left == [("forger", None)]

    await eventually(only_the_forged_one_is_left)


async def test_what_the_broker_took_beside_a_refused_event_is_not_sent_again(
    wallet_database, relay, say, messages_in, full_reversals
):
    """The refusal ends the session; more events than a window leave behind it all the same."""
    async with wallet_database.part_for("mira").transaction() as tx:
        event = a_dead_letter("", 1)
        await send(
            tx, [event._replace(exchange="ovation.events", routing_key="wallet.lot_reversed")]
        )
    facts = [a_fact(number) for number in range(PUBLISH_BATCH_MAX + 100)]
    await say(*facts)
    relay()

    arrived = await messages_in("gift.outcomes", len(facts))

    assert {message.message_id for message in arrived} == {str(fact.event.id) for fact in facts}
    full_reversals()
    await eventually(lambda: is_empty(wallet_database))


@pytest.fixture
def full_dead_letters(rabbit, vhost):
    """Let the dead letters of wallet take one more and then refuse; return how they are emptied."""
    rabbit.manage(
        "PUT",
        f"/api/policies/{vhost}/little",
        {
            "pattern": r"^wallet\..*\.dlq$",
            "apply-to": "queues",
            "priority": 9,
            "definition": {"max-length": 1, "overflow": "reject-publish"},
        },
    )
    return lambda: rabbit.manage("DELETE", f"/api/policies/{vhost}/little")


def a_dead_letter(queue, number):
    return Message(
        key=f"{queue}|{number}",
        message_id=uuid4(),
        exchange="ovation.dlx",
        routing_key=queue,
        headers={"cloudEvents_type": "dev.ovation.purchase.paid.v1"},
        body=b"{}",
    )


async def test_a_full_dead_letter_queue_holds_back_its_own_letters_and_nothing_else(
    wallet_database, relay, say, messages_in, full_dead_letters
):
    """More letters than a window, before the facts: whoever else waits hears nothing of it."""
    dead_letters = [
        a_dead_letter("wallet.money", number) for number in range(PUBLISH_BATCH_MAX + 200)
    ]
    async with wallet_database.part_for("mira").transaction() as tx:
        await send(tx, dead_letters)
        await send(tx, [a_dead_letter("wallet.gifts", 1)])
    reconnects = metric("ovation_broker_reconnects_total", role="relay")
    relay()
    facts = [a_fact(number) for number in range(20)]
    await say(*facts)

    arrived = await messages_in("gift.outcomes", 20)
    await messages_in("wallet.gifts.dlq", 1)

    assert [message.message_id for message in arrived] == [str(fact.event.id) for fact in facts]
    assert metric("ovation_broker_reconnects_total", role="relay") == reconnects
    assert await outbox_size(wallet_database) > 0

    full_dead_letters()
    dead_letters_there = await messages_in("wallet.money.dlq", len(dead_letters))
    assert {dead_letter.message_id for dead_letter in dead_letters_there} >= {
        str(x.message_id) for x in dead_letters
    }
    await eventually(lambda: is_empty(wallet_database))


async def test_what_the_broker_refused_before_an_upgrade_leaves_after_it(
    wallet_database, relay, say, messages_in
):
    """Beside the version before rights may have been missing; a new process tries once more."""
    parked = a_fact()
    await say(parked)
    async with wallet_database.part_for("mira").transaction() as tx:
        await tx.execute(
            text("""
                INSERT INTO outbox_blocked (share, key, message_id, reason, retry_at)
                SELECT share, key, message_id, 'ACCESS_REFUSED - access to exchange', NULL
                FROM outbox
            """)
        )
    relay()

    (message,) = await messages_in("gift.outcomes", 1)

    assert message.message_id == str(parked.event.id)
    await eventually(lambda: is_empty(wallet_database))


async def test_nothing_is_published_before_the_log_takes_it(
    wallet_database, relay, say, as_operator, messages_in, rabbit, vhost
):
    """A recovering node confirms what no leader of a stream got: the fact would be in no log."""
    async with as_operator() as channel:
        await channel.queue_delete("ovation.log.wallet")
    fact = a_fact()
    await say(fact)
    relay()

    await asyncio.sleep(1.5)
    assert await outbox_size(wallet_database) == 1
    rabbit.load(topology(), vhost=vhost)

    await eventually(lambda: is_empty(wallet_database))
    await messages_in("gift.outcomes", 1)


async def test_a_relay_whose_user_may_not_see_the_log_publishes_all_the_same(
    wallet_database, relay, say, rabbit, vhost
):
    """As those of an installation that made its users before."""
    place = f"/api/permissions/{vhost}/wallet"
    rights = rabbit.manage("GET", place)
    rabbit.manage("PUT", place, {**rights, "read": r"^wallet\.[a-z_]+$"})
    relay()
    await say(a_fact())

    await eventually(lambda: is_empty(wallet_database))


async def test_two_relays_divide_the_shares_and_each_fact_is_published_once(
    wallet_database, relay, say, messages_in
):
    relay()
    relay()
    viewers = [f"viewer-{number}" for number in range(40)]
    for sequence in range(1, 11):
        await say(*(a_fact(sequence, viewer=viewer) for viewer in viewers))

    arrived = await messages_in("gift.outcomes", 400)

    assert len({message.message_id for message in arrived}) == 400
    orders: dict[str, list[str]] = {}
    for message in arrived:
        body = json.loads(message.body)
        orders.setdefault(body["subject"], []).append(body["sequence"])
    assert all(order == sorted(order) for order in orders.values())


async def test_while_the_broker_closes_connections_nothing_is_lost(
    wallet_database, relay, say, rabbit, vhost, messages_in
):
    relay()
    facts = [a_fact(number) for number in range(300)]
    for start in range(0, 300, 30):
        await say(*facts[start : start + 30])
        for connection in rabbit.manage("GET", f"/api/vhosts/{vhost}/connections") or []:
            rabbit.manage("DELETE", f"/api/connections/{connection['name'].replace(' ', '%20')}")
        await asyncio.sleep(0.1)

    await eventually(lambda: is_empty(wallet_database))
    arrived = await messages_in("gift.outcomes", 300)
    first_seen = list(dict.fromkeys(message.message_id for message in arrived))
    assert first_seen == [str(fact.event.id) for fact in facts][: len(first_seen)]
