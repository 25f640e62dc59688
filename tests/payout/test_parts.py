"""Creators are spread over parts: what several of them are concerned by reaches each, once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from services.payout import consumers, jobs
from services.payout.commands.attempts import open_attempts, store_webhook_event
from services.payout.commands.rate_plans import announce_rates
from services.payout.commands.republish import facts_between, reference_facts_between
from services.payout.domain.transfers import WebhookEvent
from services.payout.main import build_http
from services.payout.store.invariants import INVARIANTS
from shared.contracts.gift import GiftRestored
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.ledger.verification import Violation, verify_ledger
from shared.messaging.delivery import Delivery
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, an_operator_token, client_of
from tests.deliveries import a_broker, a_delivery, announced_by_id, by_id, said_again
from tests.payout.conftest import (
    HOLDING,
    PAYEE,
    RULES,
    SELLER,
    a_gift_sent,
    at_rate,
    quote,
    request,
)
from tests.payout.test_fraud import CARD, FRAUD, a_purchase, gift_of
from tests.payout.test_maturity import reversal
from tests.payout.test_splits import ADD

PARTS = 16
LISTS = (
    "/v1/operator/payouts",
    "/v1/operator/payout-appeals",
    "/v1/operator/payees",
    "/v1/operator/payout/bonuses",
    "/v1/operator/finance/forecast",
    "/v1/operator/finance/dormant",
)
# One party is in the part of the creator, the others are not.
SHARES = {"agency": 2_000, "guest": 3_333, "singer": 1_000}
KEPT = text("""
    SELECT creator, shared_by, sum(diamonds - reversed_diamonds)::bigint AS kept FROM earnings
    GROUP BY creator, shared_by ORDER BY creator
""")
SENT = text("""
    SELECT message_id, routing_key, body FROM outbox
    WHERE routing_key IN ('payout.gift_shared', 'payout.share_reversed', 'payout.share_restored')
    ORDER BY id
""")


@pytest.fixture
async def parted(database_of):
    """The database of payout in an installation with 16 parts, in each of which the laws hold."""
    database = database_of("payout", part_count=PARTS)
    yield database
    for part in database.parts:
        async with part.snapshot() as tx:
            found = [each async for each in verify_ledger(tx, INVARIANTS)]
        assert [each for each in found if isinstance(each, Violation)] == []


@pytest.fixture
def consumer(parted):
    (consumer,) = consumers.build(parted, a_broker("payout"), RULES)
    return consumer


async def split_gifts(database):
    """Let lea's gifts be shared with people of several parts."""
    values = {
        "creator": "lea",
        "at": datetime.now(UTC) - timedelta(days=1),
        "parties": list(SHARES),
        "shares_bp": list(SHARES.values()),
    }
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(ADD), values)


async def sent_shares(database):
    """What the parts sent to each other, as deliveries."""
    found = {}
    async with database.transaction() as tx:
        for row in await tx.execute(SENT):
            kind = f"dev.ovation.{row.routing_key}.v1"
            found[row.message_id] = Delivery(row.body, kind, str(row.message_id), "payout", {})
    return list(found.values())


async def kept(database):
    async with database.transaction() as tx:
        return {(row.creator, row.shared_by): row.kept for row in await tx.execute(KEPT)}


def test_the_parties_are_in_several_parts(parted):
    parts = {name: parted.part_for(name).number for name in ("lea", *SHARES)}

    assert parts["singer"] == parts["lea"]
    assert parts["agency"] != parts["lea"] != parts["guest"]


async def test_each_party_earns_its_share_in_its_own_part(parted, consumer):
    await split_gifts(parted)
    await consumer.receive([a_delivery(a_gift_sent(100))])
    assert await kept(parted) == {("lea", None): 37, ("singer", "lea"): 10}

    await consumer.receive(await sent_shares(parted))

    assert await kept(parted) == {
        ("agency", "lea"): 20,
        ("guest", "lea"): 33,
        ("singer", "lea"): 10,
        ("lea", None): 37,
    }


async def test_shares_and_reversals_end_the_same_in_every_order_and_twice(parted, consumer):
    """Each of the gifts is another; what other parts are told of it arrives in another order."""
    await split_gifts(parted)
    at = datetime.now(UTC)
    for order in permutations(range(3)):
        gift = a_gift_sent(100)
        story = [
            gift,
            reversal(gift, 1, 100),
            reversal(gift, 2, 40, contract=GiftRestored),
        ]
        before = {each.original_id for each in await sent_shares(parted)}
        for place in order:
            await consumer.receive([a_delivery(story[place], at=at)])
        await consumer.receive([a_delivery(each, at=at) for each in story])
        told = [each for each in await sent_shares(parted) if each.original_id not in before]
        assert len(told) == 2 * len(story)
        for turned in (told[::-1], told):
            for each in turned:
                await consumer.receive([each])

    again = by_id(await said_again(parted, facts_between))
    assert again == await announced_by_id(parted)
    gifts = 6
    assert await kept(parted) == {
        ("agency", "lea"): gifts * 12,
        ("guest", "lea"): gifts * 19,
        ("singer", "lea"): gifts * 6,
        ("lea", None): gifts * 23,
    }


async def test_a_warning_lets_the_diamonds_of_all_parts_wait(parted):
    (consumer,) = consumers.build(parted, a_broker("payout"), HOLDING)
    bought = a_purchase()
    flagged = PurchaseRiskFlagged(
        purchase=bought.purchase, viewer="mira", warning="w", reason="stolen"
    )
    creators = ("lea", "agency", "tomas")
    gifts = [gift_of(bought, 100, creator=creator) for creator in creators]

    before = datetime.now(UTC) - timedelta(hours=1)

    await consumer.receive([a_delivery(each, at=before) for each in gifts[:2]])
    await consumer.receive([a_delivery(flagged)])
    await consumer.receive([a_delivery(gifts[2], at=before)])

    async with parted.transaction() as tx:
        rows = await tx.execute(text("SELECT creator, hold_reason FROM earnings ORDER BY creator"))
        assert [tuple(row) for row in rows] == [
            (creator, "funding-risk") for creator in sorted(creators)
        ]
        lots = await tx.execute(text("SELECT count(*), count(DISTINCT lot) FROM fraud_warnings"))
        assert tuple(lots.one()) == (2 * PARTS, 2)


@pytest.fixture
def app(parted, provider):
    return build_http(
        parted, a_verifier(), {"sandbox": provider}, replace(RULES, fraud=FRAUD), seller=SELLER
    )


async def cash_out(app, creator):
    """Let a creator ask for all of their diamonds; return the answer."""
    async with client_of(app, a_token(creator, roles=["creator"])) as client:
        await client.put(PAYEE, json={"destination": f"acct_ok_{creator}"})
        quoted = await quote(client)
        return (await request(client, quoted)).json()


async def test_payouts_of_all_parts_are_sent_and_seen(parted, consumer, app, provider):
    creators = ("lea", "agency", "tomas")
    await consumer.receive([a_delivery(a_gift_sent(3_000, creator=each)) for each in creators])
    for creator in creators:
        assert (await cash_out(app, creator))["state"] == "approved"
    await announce_rates(parted, RULES, datetime.now(UTC))
    running = jobs.build(parted, {"sandbox": provider}, None, RULES)

    for _ in range(3):
        for job in running:
            while await job.run():
                pass
        async with parted.reference.transaction() as tx:
            known = await tx.execute(text("SELECT count(*) FROM rate_announcements"))
            assert known.scalar_one() > 0
        for part in parted.parts:
            async with part.transaction() as tx:
                await tx.execute(text("UPDATE attempts SET next_check_at = now()"))

    scopes = ("books:read", "payouts:review", "payees:review", "bonuses:write")
    finance = ("finance:read", "dormant:read")
    async with client_of(app, an_operator_token(*scopes, *finance)) as ops:
        books = (await ops.get("/v1/operator/payout/books")).json()
        assert books["payouts_by_state"] == {"paid": 3}
        assert (books["diamonds_paid_out"], books["gifts"], books["postings_sum"]) == (9_000, 3, 0)
        for path in LISTS:
            answer = await ops.get(path)
            assert (answer.status_code, answer.json()["items"]) == (200, []), path


async def test_an_announced_rate_is_of_no_part_and_is_published_again(parted):
    now = datetime.now(UTC)
    for rules in (RULES, at_rate(RULES, 400, since=now + timedelta(days=31))):
        await announce_rates(parted, rules, now)
    told = await announced_by_id(parted)
    assert {name for name, _, _ in told.values()} == {"payout.rate_announced"}

    again = await said_again(parted, facts_between, reference_facts_between=reference_facts_between)

    assert by_id(again) == told


async def test_what_waits_in_all_parts_is_one_list_the_oldest_first(parted, consumer, app):
    people = ("lea", "agency", "tomas", "singer")
    async with client_of(app, an_operator_token("bonuses:write")) as ops:
        for creator in people:
            wish = {"funder": "platform", "diamonds": 5, "reason": "a hundred hours"}
            path = f"/v1/operator/creators/{creator}/bonuses"
            await ops.post(path, json=wish, headers={"Idempotency-Key": creator})

        waiting = (await ops.get("/v1/operator/payout/bonuses")).json()["items"]

    assert [each["creator"] for each in waiting] == list(people)


async def test_fraud_rules_see_the_cards_of_viewers_in_other_parts(parted, consumer, app):
    """Whose card it is, the viewer's part knows; that it is the creator's own, the creator's."""
    bought = a_purchase("mira", fingerprint=CARD)
    own = a_purchase("lea", fingerprint=CARD)
    await consumer.receive([a_delivery(each) for each in (bought, own, gift_of(bought, 30_000))])

    asked = await cash_out(app, "lea")

    async with client_of(app, an_operator_token("payouts:review")) as ops:
        found = (await ops.get(f"/v1/operator/payouts/lea/{asked['payout']}/findings")).json()
    assert "self-gifting" in [each["rule"] for each in found["items"]]


async def test_a_webhook_is_about_an_attempt_of_any_part_and_is_stored_once(
    parted, consumer, app, provider
):
    await consumer.receive([a_delivery(a_gift_sent(3_000, creator="tomas"))])
    await cash_out(app, "tomas")
    async with parted.part_for("tomas").transaction() as tx:
        await open_attempts(tx)
        later = text("UPDATE attempts SET next_check_at = now() + interval '1 day' RETURNING id")
        attempt = (await tx.execute(later)).scalar_one()
    event = WebhookEvent("evt_1", "transfer.paid", attempt, b"hash")

    for _ in range(2):
        await store_webhook_event(parted, "sandbox", event)

    async with parted.transaction() as tx:
        due = await tx.execute(text("SELECT count(*) FROM attempts WHERE next_check_at <= now()"))
        stored = await tx.execute(text("SELECT count(*) FROM webhook_events"))
        assert (due.scalar_one(), stored.scalar_one()) == (1, 1)
