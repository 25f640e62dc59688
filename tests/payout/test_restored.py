"""Diamonds that come back wait as new ones do, whatever was heard first."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest

from services.payout import consumers
from services.payout.commands.adjustments import decide_payout_adjustment
from services.payout.commands.maturity import mature
from shared.backoffice.adjustments import AdjustmentRequest, request_adjustment
from shared.contracts.gift import GiftRestored
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.contracts.wallet import LotKind, Slice, lot_id
from shared.postgres.statements import text
from tests.deliveries import a_broker, a_delivery, announced, forget_inbox, rows_returned
from tests.payout.books import violations
from tests.payout.conftest import HOLDING, KNOWN_FOR_LONG, a_gift_sent
from tests.payout.test_maturity import balances, let_pass, reversal

DAY = timedelta(days=1)


def restoration(gift, revision, coins):
    return reversal(gift, revision, coins, contract=GiftRestored)


@pytest.fixture
def now():
    """When the test begins."""
    return datetime.now(UTC)


@pytest.fixture
def hear(database, now):
    """Hand facts to the service, as they occurred so many days ago (or, negative, from now)."""
    (consumer,) = consumers.build(database, a_broker("payout"), HOLDING)

    async def hear_all(*events, days_ago=0.0):
        at = now - days_ago * DAY
        await consumer.receive([a_delivery(event, at=at) for event in events])

    return hear_all


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


async def holds(lea):
    earned = (await lea.get("/v1/earnings/me")).json()
    return {held["reason"]: held["diamonds"] for held in earned["holds"]}


@pytest.fixture
def matured_gift(hear, database, lea):
    """A gift of 15 days ago, whose diamonds are available."""

    async def give(coins=100):
        gift = a_gift_sent(coins)
        await hear(gift, days_ago=15)
        await let_pass(database, 0)
        assert (await balances(lea))[1] >= coins
        return gift

    return give


async def test_what_had_matured_and_comes_back_waits_again(lea, hear, matured_gift, database, now):
    gift = await matured_gift()

    await hear(reversal(gift, 1, 100))
    await hear(restoration(gift, 2, 0))

    assert await balances(lea) == (100, 0, 0)
    (held,) = (await lea.get("/v1/earnings/me")).json()["holds"]
    assert (held["reason"], held["diamonds"]) == ("restored", 100)
    unlocks = datetime.fromisoformat(held["unlocks_at"]) - now
    assert timedelta(days=14) <= unlocks <= timedelta(days=14, hours=1)
    (line,) = (await lea.get("/v1/earnings/me/gifts")).json()["items"]
    assert (line["state"], line["hold_reason"]) == ("pending", "restored")
    (told,) = await announced(database, "payout.diamonds_restored")
    assert datetime.fromisoformat(told["matures_at"]) == now + 14 * DAY
    await let_pass(database, 13.9)
    assert await balances(lea) == (100, 0, 0)

    await let_pass(database, 14.1)
    await let_pass(database, 14.1)

    assert await balances(lea) == (0, 100, 0)
    (_, matured) = await announced(database, "payout.diamonds_matured")
    assert (matured["diamonds"], matured["batch"]) == (100, 2)


async def test_what_comes_back_before_the_gift_matures_waits_longer_than_the_rest(
    lea, hear, database
):
    gift = a_gift_sent(100)
    await hear(gift, days_ago=10)
    await hear(reversal(gift, 1, 60), days_ago=9)
    await hear(restoration(gift, 2, 20), days_ago=1)

    assert await holds(lea) == {"new-creator": 40, "restored": 40}
    await let_pass(database, 5)
    assert await balances(lea) == (40, 40, 0)
    await let_pass(database, 14)
    assert await balances(lea) == (0, 80, 0)


async def test_what_came_back_is_taken_again_first_and_before_what_is_available(
    lea, hear, matured_gift
):
    gift = await matured_gift()
    await hear(reversal(gift, 1, 60))
    await hear(restoration(gift, 2, 0))
    assert await balances(lea) == (60, 40, 0)

    await hear(reversal(gift, 3, 50))
    assert await balances(lea) == (10, 40, 0)

    await hear(reversal(gift, 4, 90))
    assert await balances(lea) == (0, 10, 0)


async def test_what_came_back_and_matured_stays_available_when_more_comes_back(
    lea, hear, matured_gift, database
):
    gift = await matured_gift()
    await hear(reversal(gift, 1, 100), days_ago=14.9)
    await hear(restoration(gift, 2, 30), days_ago=14.8)
    await let_pass(database, 0)
    assert await balances(lea) == (0, 70, 0)

    await hear(restoration(gift, 3, 0))
    assert await balances(lea) == (30, 70, 0)
    await hear(reversal(gift, 4, 50))

    assert await balances(lea) == (0, 50, 0)


async def test_a_stale_reversal_sends_what_came_back_after_it_into_waiting(
    lea, hear, matured_gift, database
):
    """The restoration was heard first, and changed nothing: nothing had been taken yet."""
    gift = await matured_gift()
    await hear(restoration(gift, 2, 30))
    assert await balances(lea) == (0, 70, 0)

    await hear(reversal(gift, 1, 100))
    await hear(reversal(gift, 1, 100))

    assert await balances(lea) == (70, 0, 0)
    assert await holds(lea) == {"restored": 70}
    taken = await announced(database, "payout.diamonds_clawed_back")
    given = await announced(database, "payout.diamonds_restored")
    assert [(fact["revision"], fact["diamonds"]) for fact in taken] == [(2, 30), (1, 70)]
    assert [(fact["revision"], fact["diamonds"]) for fact in given] == [(1, 70)]


async def test_a_stale_reversal_takes_again_what_had_come_back_and_matured(
    lea, hear, matured_gift, database
):
    """No more than was taken before, and heard after its own restoration."""
    gift = await matured_gift()
    await hear(reversal(gift, 1, 100), days_ago=15)
    await hear(restoration(gift, 2, 0), days_ago=14.5)
    await let_pass(database, 0)
    assert await balances(lea) == (0, 100, 0)
    await hear(restoration(gift, 4, 0))

    for _ in range(2):
        await hear(reversal(gift, 3, 60))
        assert await balances(lea) == (60, 40, 0)
        await let_pass(database, 0)
        await forget_inbox(database)

    assert await holds(lea) == {"restored": 60}


async def test_what_was_heard_before_the_gift_takes_nothing_when_it_comes_again(
    lea, hear, database
):
    gift = a_gift_sent(100)
    story = (reversal(gift, 1, 100), restoration(gift, 2, 0))
    for heard in story:
        await hear(heard, days_ago=15)
    await hear(gift, days_ago=15)
    await let_pass(database, 0)
    assert await balances(lea) == (0, 100, 0)
    await forget_inbox(database)

    for heard in story:
        await hear(heard, days_ago=15)

    assert await balances(lea) == (0, 100, 0)


async def test_a_stale_reversal_of_what_was_paid_out_leaves_no_loss(lea, hear, database):
    """What was lost comes back first, and nothing is left to wait."""
    gift = a_gift_sent(100)
    await hear(gift, days_ago=15)
    await let_pass(database, 0)
    await spend(database, 80)
    await hear(restoration(gift, 2, 0))

    await hear(reversal(gift, 1, 100))

    assert await balances(lea) == (20, 0, 0)
    assert await lost(database) == 0


async def spend(database, diamonds):
    """Take diamonds as two operators do: only what is left can be taken back."""
    wish = AdjustmentRequest("payout", "lea", -diamonds, "spent", "ann", uuid4().hex, b"h")
    async with database.part_for("lea").transaction() as tx:
        asked = await request_adjustment(tx, wish)
        await decide_payout_adjustment(tx, asked.id, "ben", True, "c", rules=HOLDING)


async def lost(database):
    statement = "SELECT coalesce(sum(lost_diamonds), 0)::bigint FROM earnings"
    async with database.transaction() as tx:
        return (await tx.execute(text(statement))).scalar_one()


@pytest.mark.parametrize("first", [0, 1])
async def test_what_comes_back_makes_up_for_losses_of_any_gift(
    lea, hear, matured_gift, database, first
):
    """Two gifts, half of it spent: which of them is lost must not decide what is left."""
    gifts = [await matured_gift(100) for _ in range(2)]
    await spend(database, 100)

    await hear(reversal(gifts[first], 1, 100))
    await hear(reversal(gifts[1 - first], 1, 100))
    assert (await balances(lea), await lost(database)) == ((0, 0, 0), 100)
    await hear(restoration(gifts[0], 2, 0))

    assert (await balances(lea), await lost(database)) == ((0, 0, 0), 0)
    await hear(restoration(gifts[1], 2, 0))
    assert await balances(lea) == (100, 0, 0)


async def test_a_reversal_reads_no_losses_of_other_gifts(hear, matured_gift, database, monkeypatch):
    """A chargeback may leave a creator a hundred thousand: each batch of it would read them all."""
    gifts = [await matured_gift(100) for _ in range(12)]
    await spend(database, 1_200)
    await hear(*(reversal(gift, 1, 100) for gift in gifts[1:11]))
    assert await lost(database) == 1_000

    with rows_returned(monkeypatch) as returned:
        await hear(reversal(gifts[0], 1, 100))

    assert await lost(database) == 1_100
    assert max(returned) < 10


async def test_a_restoration_reads_no_more_losses_than_it_can_make_up_for(
    hear, matured_gift, database, monkeypatch
):
    """A won dispute brings back a hundred thousand gifts: each would read all other losses."""
    gifts = [await matured_gift(100) for _ in range(30)]
    await spend(database, 3_000)
    await hear(*(reversal(gift, 1, 100) for gift in gifts))
    assert await lost(database) == 3_000

    with rows_returned(monkeypatch) as returned:
        await hear(*(restoration(gift, 2, 0) for gift in gifts[20:22]))

    assert await lost(database) == 2_800
    assert max(returned) < 10


async def test_a_restored_debt_never_becomes_money_before_it_has_waited(
    lea, hear, matured_gift, database
):
    """A stolen card settles the debt of another: it is found out within the wait, as that was."""
    gift = await matured_gift(9_900)
    await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})
    await hear(reversal(gift, 1, 9_900))
    await hear(restoration(gift, 2, 0))

    refused = await lea.post("/v1/payouts/quotes", json={})
    assert refused.json()["code"] == "below-minimum"
    await hear(reversal(gift, 3, 9_900))

    assert (await balances(lea), await lost(database)) == ((0, 0, 0), 0)
    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT sum(reversed_diamonds)::bigint AS n FROM earnings"))
        assert rows.scalar_one() == 9_900


async def test_charged_back_diamonds_do_not_make_a_creator_known(lea, hear, database):
    """$600 were earned, and taken back: the next gift waits as a stranger's does."""
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(KNOWN_FOR_LONG))
        await tx.execute(text("UPDATE creators SET lifetime_diamonds = 0"))
    gift = a_gift_sent(120_000)
    await hear(gift, days_ago=20)
    await hear(reversal(gift, 1, 120_000), days_ago=5)
    assert (await lea.get("/v1/earnings/me")).json()["lifetime_diamonds"] == 0

    await hear(a_gift_sent(10))
    assert await holds(lea) == {"new-creator": 10}

    await hear(restoration(gift, 2, 0))
    assert (await lea.get("/v1/earnings/me")).json()["lifetime_diamonds"] == 120_010
    await hear(a_gift_sent(7))
    assert (await holds(lea))["standard"] == 7


@pytest.mark.parametrize("warned", ["before", "after"])
async def test_a_warning_holds_what_came_back_too(lea, hear, database, now, warned):
    purchase = uuid4()
    piece = Slice(
        lot=lot_id(purchase, LotKind.PAID), kind=LotKind.PAID, coins=100, diamond_rate_bp=10_000
    )
    gift = a_gift_sent(100, slices=(piece,))
    await hear(gift, days_ago=40)
    await let_pass(database, 0)
    await hear(reversal(gift, 1, 100), days_ago=20)
    flag = PurchaseRiskFlagged(purchase=purchase, viewer="mira", warning="w", reason="stolen")
    story = [partial(hear, flag), partial(hear, restoration(gift, 2, 0), days_ago=13)]
    for tell in story if warned == "before" else reversed(story):
        await tell()

    assert await holds(lea) == {"funding-risk": 100}
    (held,) = (await lea.get("/v1/earnings/me")).json()["holds"]
    assert datetime.fromisoformat(held["unlocks_at"]) >= now + 14 * DAY
    await let_pass(database, 13)
    assert await balances(lea) == (100, 0, 0)
    await let_pass(database, 15)
    assert await balances(lea) == (0, 100, 0)


async def test_a_batch_with_everything_about_a_gift_ends_as_one_by_one(lea, hear):
    gift = a_gift_sent(100)

    await hear(restoration(gift, 2, 20), gift, reversal(gift, 1, 90), reversal(gift, 3, 50))

    assert await balances(lea) == (50, 0, 0)
    assert await holds(lea) == {"new-creator": 10, "restored": 40}


async def test_maturing_again_after_a_restoration_counts_it_once(
    lea, hear, database, matured_gift, now
):
    gift = await matured_gift()
    await hear(reversal(gift, 1, 100))
    await hear(restoration(gift, 2, 0))
    for _ in range(2):
        async with database.part_for("lea").transaction() as tx:
            await mature(tx, HOLDING, now=now + 20 * DAY)

    assert await balances(lea) == (0, 100, 0)
