"""Diamonds wait until their money is safe, and go when it is taken back."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import pytest

from services.payout import consumers
from services.payout.commands.maturity import mature
from shared.contracts.decoding import read_body
from shared.contracts.gift import GiftRestored, GiftReversed
from shared.contracts.payout import DiamondsMatured
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.contracts.wallet import LotKind, Slice, lot_id
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import a_broker, a_delivery, announced, forget_inbox
from tests.payout.books import violations
from tests.payout.conftest import HOLDING, KNOWN_FOR_LONG, RULES, a_gift_sent


@pytest.fixture
def hear_with(database):
    """Hand facts to the service as one batch, under given rules."""

    async def hear(rules, *events):
        (consumer,) = consumers.build(database, a_broker("payout"), rules)
        await consumer.receive([a_delivery(event) for event in events])

    return hear


@pytest.fixture
def hold(hear_with):
    async def hear(*events):
        await hear_with(HOLDING, *events)

    return hear


@pytest.fixture
async def ops(lea):
    scopes = "payouts:review adjustments:write audit:read books:read"
    token = a_token("ops", roles=["operator"], scope=scopes)
    async with client_of(lea.app, token) as client:
        yield client


@pytest.fixture(autouse=True)
async def books_are_right(database):
    """After every story the books keep every invariant."""
    yield
    assert await violations(database) == []


async def balances(lea):
    earned = (await lea.get("/v1/earnings/me")).json()
    return earned["pending_diamonds"], earned["available_diamonds"], earned["reserved_diamonds"]


async def let_pass(database, days, *, creator="lea"):
    async with database.part_for(creator).transaction() as tx:
        await mature(tx, HOLDING, now=datetime.now(UTC) + timedelta(days=days))


def reversal(gift, revision, coins, *, contract=GiftReversed):
    about = gift.model_dump(include={"gift", "viewer", "creator", "gift_type", "count", "coins"})
    lot = gift.slices[0].lot
    return contract(**about, lot=lot, revision=revision, reversed_coins=coins)


async def test_a_gift_waits_and_says_until_when_and_why(lea, hold, database):
    await hold(a_gift_sent(100))

    assert await balances(lea) == (100, 0, 0)
    (held,) = (await lea.get("/v1/earnings/me")).json()["holds"]
    assert (held["reason"], held["diamonds"]) == ("new-creator", 100)
    unlocks = datetime.fromisoformat(held["unlocks_at"]) - datetime.now(UTC)
    assert timedelta(days=14) <= unlocks <= timedelta(days=14, hours=1)
    await let_pass(database, 13)
    assert await balances(lea) == (100, 0, 0)

    await let_pass(database, 15)
    await let_pass(database, 15)

    assert await balances(lea) == (0, 100, 0)
    (matured,) = await announced(database, "payout.diamonds_matured")
    assert (matured["diamonds"], matured["batch"]) == (100, 1)


async def test_diamonds_of_the_longest_id_mature_in_a_message_that_receivers_take(hold, database):
    creator = "l" * 255
    await hold(a_gift_sent(100, creator=creator))
    await let_pass(database, 15, creator=creator)

    async with database.transaction() as tx:
        bodies = await tx.execute(
            text("SELECT body FROM outbox WHERE routing_key = 'payout.diamonds_matured'")
        )
        body = bodies.scalar_one()

    assert read_body(body, DiamondsMatured, publisher="payout").data.creator == creator


async def test_a_creator_who_is_known_waits_a_week(lea, hold, database):
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(KNOWN_FOR_LONG))

    await hold(a_gift_sent(100))

    (held,) = (await lea.get("/v1/earnings/me")).json()["holds"]
    assert held["reason"] == "standard"
    await let_pass(database, 8)
    assert await balances(lea) == (0, 100, 0)


@pytest.mark.parametrize("flagged_first", [True, False])
async def test_a_warning_about_the_payment_makes_its_diamonds_wait(
    lea, hold, database, flagged_first
):
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(KNOWN_FOR_LONG))
    purchase = uuid4()
    piece = Slice(
        lot=lot_id(purchase, LotKind.PAID), kind=LotKind.PAID, coins=100, diamond_rate_bp=10_000
    )
    flag = PurchaseRiskFlagged(purchase=purchase, viewer="mira", warning="w", reason="stolen")
    story = (flag, a_gift_sent(100, slices=(piece,)))

    for fact in story if flagged_first else reversed(story):
        await hold(fact)

    (held,) = (await lea.get("/v1/earnings/me")).json()["holds"]
    assert held["reason"] == "funding-risk"
    await let_pass(database, 8)
    assert await balances(lea) == (100, 0, 0)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_no_order_of_a_gift_and_its_reversals_matters(lea, hold, database, order):
    gift = a_gift_sent(100)
    story = (gift, reversal(gift, 1, 100), reversal(gift, 2, 30, contract=GiftRestored))

    for place in order:
        await hold(story[place])
        await hold(story[place])

    assert await balances(lea) == (70, 0, 0)


async def test_pending_diamonds_go_with_their_money_and_come_back_with_it(lea, hold, database):
    gift = a_gift_sent(700)
    await hold(gift)

    await hold(reversal(gift, 1, 700))
    assert await balances(lea) == (0, 0, 0)
    (line,) = (await lea.get("/v1/earnings/me/gifts")).json()["items"]
    assert (line["state"], line["diamonds"]) == ("reversed", 0)
    await hold(reversal(gift, 2, 0, contract=GiftRestored))

    assert await balances(lea) == (700, 0, 0)
    (taken,) = await announced(database, "payout.diamonds_clawed_back")
    (given,) = await announced(database, "payout.diamonds_restored")
    assert (taken["diamonds"], given["diamonds"]) == (700, 700)


async def test_a_reversal_heard_again_takes_nothing_more(lea, hold, database):
    gift = a_gift_sent(100)
    await hold(gift, reversal(gift, 1, 40))
    await forget_inbox(database)

    await hold(reversal(gift, 1, 40))

    assert await balances(lea) == (60, 0, 0)


@pytest.fixture
def until(lea, work):
    """Let the provider and the worker go on until a payout stands so."""

    async def wait(payout, state):
        for _ in range(100):
            await work()
            if (await lea.get(f"/v1/payouts/{payout}")).json()["state"] == state:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never {state}")

    return wait


async def test_matured_diamonds_are_taken_as_far_as_they_go_and_the_rest_is_a_loss(
    lea, hear, cash_out, until, ops, database
):
    gift = a_gift_sent(1_000)
    await hear(gift)
    await until(await cash_out(), "paid")
    assert await balances(lea) == (0, 0, 0)
    await hear(a_gift_sent(300))

    await hear(reversal(gift, 1, 1_000))

    assert await balances(lea) == (0, 0, 0)
    (taken,) = await announced(database, "payout.diamonds_clawed_back")
    assert (taken["diamonds"], taken["loss_diamonds"]) == (300, 700)
    assert (await ops.get("/v1/operator/payout/books")).json()["dispute_loss_diamonds"] == 700
    await hear(reversal(gift, 2, 0, contract=GiftRestored))
    assert await balances(lea) == (0, 300, 0)


async def test_a_payout_that_comes_back_makes_up_for_losses_first(lea, hear, cash_out, until, ops):
    gift = a_gift_sent(1_000)
    await hear(gift)
    payout = await cash_out("acct_return_lea")
    await until(payout, "sent")
    await hear(reversal(gift, 1, 1_000))
    await until(payout, "returned")

    assert await balances(lea) == (0, 3_000, 0)
    assert (await ops.get("/v1/operator/payout/books")).json()["dispute_loss_diamonds"] == 0


@pytest.fixture
def held_payout(lea, hear, cash_out):
    """A payout that was asked for just before the money behind it was taken back."""

    async def make():
        gift = a_gift_sent(1_000)
        await hear(gift)
        payout = await cash_out()
        await hear(reversal(gift, 1, 1_000))
        assert (await lea.get(f"/v1/payouts/{payout}")).json()["state"] == "held"
        return payout

    return make


async def test_a_payout_whose_diamonds_are_gone_waits_for_a_person(
    lea, held_payout, work, until, ops
):
    payout = await held_payout()
    await work()
    assert (await lea.get(f"/v1/payouts/{payout}")).json()["state"] == "held"

    why = {"reason": "known and trusted"}
    for _ in range(2):
        answer = await ops.post(f"/v1/operator/payouts/lea/{payout}/approve", json=why)
        assert answer.json()["state"] == "approved"
    await until(payout, "paid")


async def test_a_held_payout_is_in_the_queue_until_somebody_decides(held_payout, ops):
    payout = await held_payout()

    (waiting,) = (await ops.get("/v1/operator/payouts")).json()["items"]
    assert (waiting["payout"], waiting["creator"]) == (payout, "lea")
    assert waiting["reason"]
    await ops.post(f"/v1/operator/payouts/lea/{payout}/approve", json={"reason": "trusted"})
    assert (await ops.get("/v1/operator/payouts")).json()["items"] == []


async def test_a_payout_that_is_rejected_gives_back_what_was_not_lost(
    lea, held_payout, ops, database
):
    payout = await held_payout()

    why = {"reason": "stolen cards"}
    await ops.post(f"/v1/operator/payouts/lea/{payout}/reject", json=why)
    again = await ops.post(f"/v1/operator/payouts/lea/{payout}/approve", json=why)

    assert (again.status_code, again.json()["code"]) == (409, "not-held")
    assert await balances(lea) == (0, 3_000, 0)
    lines = (await ops.get("/v1/operator/payout/audit")).json()["items"]
    assert [(line["action"], line["reason"]) for line in lines] == [
        ("payout.rejected", "stolen cards")
    ]


async def test_a_correction_needs_a_colleague_and_never_goes_below_zero(lea, hear, ops, database):
    await hear(a_gift_sent(100))
    path = "/v1/operator/payout/adjustments"

    async def ask(diamonds):
        wish = {"user": "lea", "amount": diamonds, "reason": "lost stream"}
        headers = {"Idempotency-Key": uuid4().hex}
        return (await ops.post(path, json=wish, headers=headers)).json()["adjustment"]

    more, too_much = await ask(50), await ask(-151)
    assert (await ops.post(f"{path}/{more}/approve")).json()["code"] == "own-adjustment"
    token = a_token("ben", roles=["operator"], scope="adjustments:write")
    async with client_of(lea.app, token) as ben:
        assert (await ben.post(f"{path}/{more}/approve")).json()["state"] == "applied"
        refused = await ben.post(f"{path}/{too_much}/approve")

    assert refused.json()["code"] == "not-enough-diamonds"
    assert await balances(lea) == (0, 150, 0)


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_nobody_decides_about_a_correction_of_their_own_diamonds(lea, hear, ops, decision):
    await hear(a_gift_sent(100))
    path = "/v1/operator/payout/adjustments"
    wish = {"user": "lea", "amount": -50, "reason": "lost stream"}
    asked = await ops.post(path, json=wish, headers={"Idempotency-Key": uuid4().hex})

    token = a_token("LEA", roles=["operator"], scope="adjustments:write")
    async with client_of(lea.app, token) as herself:
        answer = await herself.post(f"{path}/{asked.json()['adjustment']}/{decision}")

    assert (answer.status_code, answer.json()["code"]) == (403, "own-money")
    assert await balances(lea) == (0, 100, 0)


async def test_a_batch_of_many_gifts_and_reversals_is_few_statements(hear_with, database):
    gifts = [a_gift_sent(10) for _ in range(300)]
    await hear_with(RULES, *gifts)

    await hear_with(RULES, *(reversal(gift, 1, 10) for gift in gifts))

    assert len(await announced(database, "payout.diamonds_clawed_back")) == 300


@pytest.mark.parametrize("spelt", ["lea", "LEA", "\uff4c\uff45\uff41"])
async def test_nobody_reviews_their_own_payout_however_their_id_is_spelt(
    lea, held_payout, hear, spelt
):
    payout = await held_payout()
    token = a_token(spelt, roles=["operator"], scope="payouts:review adjustments:write")
    async with client_of(lea.app, token) as herself:
        path, why = f"/v1/operator/payouts/lea/{payout}", {"reason": "it is mine"}
        answers = [
            await herself.post(f"{path}/approve", json=why),
            await herself.post(f"{path}/reject", json=why),
            await herself.post(f"{path}/resolve", json={**why, "outcome": "failed"}),
            await herself.post(
                "/v1/operator/payout/adjustments",
                json={**why, "user": "lea", "amount": 50},
                headers={"Idempotency-Key": "mine"},
            ),
        ]

    told = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert told == [(403, "own-money")] * 4
    assert (await lea.get(f"/v1/payouts/{payout}")).json()["state"] == "held"


async def test_reviews_are_for_operators_with_the_scope(lea, held_payout):
    payout = await held_payout()
    path = f"/v1/operator/payouts/lea/{payout}/approve"

    assert (await lea.post(path, json={"reason": "it is mine"})).status_code == 403
