"""
Whoever starts with nothing and hears only what owners say again ends as if it had heard it first.

The services are here without a broker between them: their facts are handed over.
"""

from dataclasses import replace
from uuid import uuid4

import pytest

from services.gift import consumers as gift_consumers
from services.gift.commands import republish as gift
from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.requests import GiftRequest, request_gifts
from services.gift.domain.gifts import GiftDetails
from services.gift.store import admissions
from services.live import consumers as live_consumers
from services.payout import consumers as payout_consumers
from services.wallet import consumers as wallet_consumers
from services.wallet.commands import republish as wallet
from shared.contracts.envelope import Cause
from shared.contracts.routes import QUEUES
from shared.messaging.archive import facts_between as archive_facts
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.statements import text
from tests.deliveries import a_broker, as_delivered, forget_inbox, said_again
from tests.gift.conftest import CATALOGUE
from tests.payout.conftest import HOLDING
from tests.wallet.conftest import RULES_FILE, a_purchase_paid
from tests.wallet.conftest import settings as wallet_settings  # noqa: F401 - a fixture
from tests.wallet.test_purchase_events import closed, disputed, refund_requested, refunded

WALLET = (
    "SELECT user_id, kind, asset, balance FROM accounts ORDER BY 1, 2, 3",
    (
        "SELECT user_id, id, coins, remaining, held, spent, refunded, charged_back, owed, repaid,"
        " revision FROM lots ORDER BY 1, 2"
    ),
    "SELECT user_id, purchase, dispute, revision, claimed_minor FROM disputes ORDER BY 1, 2, 3",
    "SELECT user_id, hold_key, purchase, state FROM holds ORDER BY 1, 2",
    "SELECT user_id, reference, outcome FROM outcomes ORDER BY 1, 2",
)
GIFT = (
    "SELECT viewer, id, state, slices, refusal, paid_at, reversed_coins FROM gifts ORDER BY 1, 2",
    "SELECT viewer, gift, lot, revision, reversed_coins FROM reversals ORDER BY 1, 2, 3",
)
PAYOUT = (
    "SELECT user_id, kind, asset, balance FROM accounts ORDER BY 1, 2, 3",
    (
        "SELECT creator, gift, slice, lot, coins, diamonds, reversed_diamonds, lost_diamonds,"
        " occurred_at, matures_at FROM earnings ORDER BY 1, 2, 3"
    ),
    "SELECT creator, gift, lot, revision, reversed_coins FROM reversals ORDER BY 1, 2, 3",
)
LIVE = (
    "SELECT room, gifts, coins FROM rooms ORDER BY 1",
    "SELECT room, viewer, gifts, coins FROM scores ORDER BY 1, 2",
    "SELECT room, gift, lot, revision, reversed_coins FROM reversals ORDER BY 1, 2, 3",
)


async def state(database, queries):
    async with database.transaction() as tx:
        return [[tuple(row) for row in await tx.execute(text(query))] for query in queries]


async def hear(consumers, facts):
    """Give each consumer what its queue is bound to."""
    for consumer in consumers:
        mine = [fact for fact in facts if type(fact.event) in QUEUES[consumer.queue]]
        await consumer.receive([as_delivered(fact) for fact in mine])


@pytest.fixture
def a_wallet(database_of, wallet_settings):  # noqa: F811
    from services.wallet.main import read_rules  # noqa: PLC0415

    def build(database):
        rules = read_rules(RULES_FILE)
        return wallet_consumers.build(wallet_settings, rules, database, a_broker("wallet"))

    def open_wallet():
        database = database_of("wallet")
        return database, build(database)

    return open_wallet


@pytest.fixture
def a_gift_service(database_of):
    """A gift service in which the same three gifts are asked for, and nothing was answered."""
    # The same in each: they are random, and the wallet's answers name them.
    ids = {count: uuid4() for count in (1, 2, 900)}

    async def open_service():
        database = database_of("gift")
        consumers = gift_consumers.build(
            database,
            a_broker("gift"),
            catalogue_cache=CatalogueCache(database, CATALOGUE),
            resolve=lambda _: None,
        )
        tea = GiftDetails(viewer="mira", creator="lea", room="room-1", gift_type="g_tea")
        async with database.transaction() as tx:
            asked = [
                GiftRequest(
                    CATALOGUE.price_gift(replace(tea, count=count)),
                    *(str(count), b"h", "story", 30),
                    gift=gift,
                )
                for count, gift in ids.items()
            ]
            known = await admissions.read(tx, [each.priced.details for each in asked])
            await request_gifts(tx, asked, known, CATALOGUE, anybody_may_receive=True)
        return database, consumers

    return open_service


async def said_by_purchase(database_of, *events):
    """Let purchase announce these, and return what it says again of them."""
    database = database_of("purchase")
    async with database.transaction() as tx:
        facts = [Fact(event, number, Cause("c")) for number, event in enumerate(events, 1)]
        await publish(tx, facts, archive=True)
    return await said_again(database, archive_facts)


async def gift_story(a_wallet, a_gift_service, *, then=()):
    """Three gifts, of which the wallet pays two; `then` happens to the money behind them."""
    paid = a_purchase_paid(coins=20)
    (_, wallet_hears), (gifts, gift_hears) = (opened := a_wallet()), await a_gift_service()
    asked = await said_again(gifts, gift.facts_between)
    await hear(wallet_hears, [Fact(paid, 1, Cause("c"), paid.paid_at), *asked])
    for happens in then:
        event = happens(paid)
        await hear(wallet_hears, [Fact(event, 2, Cause("c"), paid.paid_at)])
    said = await said_again(opened[0], wallet.facts_between)
    await hear(gift_hears, said)
    return gifts, said


async def test_a_wallet_that_hears_only_what_purchase_says_again_holds_the_same(
    a_wallet, database_of
):
    one, other, refund = a_purchase_paid(bonus_coins=5), a_purchase_paid(), uuid4()
    said = await said_by_purchase(
        database_of,
        *(one, other, disputed(one), closed(one, won=True)),
        *(refund_requested(other, refund), refunded(other, refund, 100)),
    )
    first, hears_first = a_wallet()
    again, hears_again = a_wallet()

    for fact in sorted(said, key=lambda fact: fact.sequence):
        await hear(hears_first, [fact])
    before = await state(first, WALLET)
    await hear(hears_again, said)

    # One by one or all at once, a dispute that was won has come and gone.
    assert without_revisions(await state(again, WALLET)) == without_revisions(before)
    # Who heard it all before changes nothing, even with its inbox gone.
    await forget_inbox(first)
    await hear(hears_first, said)
    assert await state(first, WALLET) == before


def without_revisions(tables):
    """
    What was said in between is not looked at: outcomes tell a balance of their moment.

    A revision counts what others were told; what came and went inside one batch was not.
    """
    accounts, lots, *heard, outcomes = tables
    references = [row[:2] for row in outcomes]
    return [accounts, [lot[:-1] for lot in lots], *heard, references]


async def test_a_gift_service_that_hears_only_what_the_wallet_says_again_knows_the_same(
    a_wallet, a_gift_service
):
    then = (disputed, lambda paid: closed(paid, won=True))
    first, said = await gift_story(a_wallet, a_gift_service, then=then)
    before = await state(first, GIFT)
    again, hears_again = await a_gift_service()

    await hear(hears_again, list(reversed(said)))

    assert await state(again, GIFT) == before
    assert sorted(row[2] for row in before[0]) == ["refused", "sent", "sent"]
    assert len(before[1]) == 2


@pytest.mark.parametrize(("service", "tables"), [("payout", PAYOUT), ("live", LIVE)])
async def test_who_hears_only_what_gift_says_again_counts_the_same(
    a_wallet, a_gift_service, database_of, service, tables
):
    gifts, _ = await gift_story(a_wallet, a_gift_service, then=(disputed,))
    said = await said_again(gifts, gift.facts_between)
    first, again = database_of(service), database_of(service)

    await hear(built(service, first), said)
    before = await state(first, tables)
    for fact in reversed(said):
        await hear(built(service, again), [fact])

    assert await state(again, tables) == before
    assert before[-1]
    await forget_inbox(first)
    await hear(built(service, first), said)
    assert await state(first, tables) == before


def built(service, database):
    if service == "live":
        return live_consumers.build(database, a_broker("live"), show=lambda _: None)
    return payout_consumers.build(database, a_broker("payout"), HOLDING)
