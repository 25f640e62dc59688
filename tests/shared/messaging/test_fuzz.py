"""Whatever is done to an event on its way has one outcome, and its neighbour is handled."""

import asyncio
import json
from uuid import uuid4

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.amqp.frames import write_message
from shared.contracts.wallet import GiftPaymentRefused
from shared.messaging.delivery import Delivery
from shared.messaging.receiver import Receiver
from shared.messaging.relay import Relay
from shared.postgres.statements import text
from tests.deliveries import a_broker, a_delivery

TYPE = GiftPaymentRefused.type()
EXAMPLES = 120

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
ATTRIBUTES = (
    *("specversion", "id", "type", "source", "subject", "time", "partitionkey", "sequence"),
    *("correlationid", "causationid", "traceparent", "data"),
)
FIELDS = ("viewer", "gift", "coins", "reason", "shortfall_coins", "balance_coins", "limit_hit")
# What is done to the document: a part of it is dropped, or becomes something else.
changes = st.lists(
    st.tuples(st.sampled_from((*ATTRIBUTES, *FIELDS)), st.just(...) | anything), max_size=3
)
# What is done to its bytes: at a place from the start, these are put instead.
wounds = st.lists(st.tuples(st.integers(0, 700), st.binary(max_size=8)), max_size=3)
headers = st.dictionaries(
    st.sampled_from(
        (
            *("ovation_attempt", "ovation_message_id", "ovation_redrive", "correlation_id"),
            *("traceparent", "cloudEvents_id", "cloudEvents_partitionkey", "invented"),
        )
    ),
    anything | st.text(min_size=200, max_size=600),
    max_size=4,
)


def mutated(changed, wounded, *, kind, user, message_id, headers):
    told = json.loads(a_delivery(an_event()).body)
    for name, value in changed:
        place = told if name in ATTRIBUTES else told.get("data")
        if not isinstance(place, dict):
            continue
        if value is ...:
            place.pop(name, None)
        else:
            place[name] = value
    body = json.dumps(told).encode()
    for start, put in wounded:
        body = body[:start] + put + body[start + len(put) :]
    return Delivery(body, kind, message_id, user, headers)


def an_event():
    return GiftPaymentRefused(
        viewer="mira", gift=uuid4(), coins=10, reason="insufficient-coins", balance_coins=0
    )


async def outcomes(database):
    """What the batch led to: who is in the inbox, and what is in the outbox; both are emptied."""
    async with database.transaction() as tx:
        inbox = await tx.execute(text("DELETE FROM inbox RETURNING message_id"))
        outbox = await tx.execute(
            text(
                "DELETE FROM outbox RETURNING id, share, key, message_id, exchange, routing_key,"
                " headers::text AS headers, body, attempts"
            )
        )
    return [row.message_id for row in inbox], list(outbox)


async def test_one_message_has_one_outcome_and_its_neighbour_is_handled(database_of):
    database, handled = database_of("wallet"), []

    async def handle(_, received):
        handled.extend(envelope.id for envelope in received)

    receiver = Receiver(
        "gift.outcomes", {GiftPaymentRefused: handle}, database=database, user="gift"
    )
    relay = Relay(database, a_broker("gift"))
    loop = asyncio.get_running_loop()

    async def one(delivery):
        good = an_event()
        handled.clear()
        await receiver.receive([delivery, a_delivery(good)])
        inbox, dead_letters = await outcomes(database)
        assert good.id in inbox
        assert len(handled) == len(set(handled)) == len(inbox)
        # Handled, or one letter; never both, never neither.
        assert len(handled) - 1 + len(dead_letters) == 1
        for dead_letter in dead_letters:
            assert dead_letter["body"] == delivery.body
            # And the driver can write it as it is.
            outgoing = relay._outgoing(dead_letter)  # noqa: SLF001 - what the broker would get
            assert b"".join(write_message(outgoing, 1))

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(
        changes,
        wounds,
        st.sampled_from((TYPE, TYPE, TYPE)) | st.text(max_size=60),
        st.sampled_from(("wallet", "wallet", "gift", "ovationctl", "payout", "")),
        st.just("") | st.text(max_size=300),
        headers,
    )
    @example([], [], TYPE, "wallet", "", {})
    @example([("correlationid", "a\x00b")], [], TYPE, "wallet", "", {})
    @example([("correlationid", "c" * 300)], [], TYPE, "wallet", "", {})
    def each(changed, wounded, kind, user, message_id, headers):
        delivery = mutated(
            changed, wounded, kind=kind, user=user, message_id=message_id, headers=headers
        )
        asyncio.run_coroutine_threadsafe(one(delivery), loop).result(30)

    await asyncio.to_thread(each)
