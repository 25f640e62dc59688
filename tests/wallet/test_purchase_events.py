"""Coins follow their money: frozen, refunded, taken back, owed, repaid, restored."""

from itertools import permutations
from uuid import uuid4

import pytest

from services.wallet.store import queries
from shared.contracts.purchase import (
    PurchaseDisputeClosed,
    PurchaseDisputed,
    PurchaseRefundDeclined,
    PurchaseRefunded,
    PurchaseRefundRequested,
    PurchaseRiskFlagged,
    PurchaseUsageRequested,
)
from shared.postgres.statements import text
from tests.deliveries import announced, forget_inbox, rows_returned
from tests.wallet.conftest import a_gift_requested, a_purchase_paid


def disputed(paid, *, dispute="dp_1", revision=1, amount_minor=None, currency="USD"):
    return PurchaseDisputed(
        purchase=paid.purchase,
        viewer=paid.viewer,
        dispute=dispute,
        revision=revision,
        amount_minor=paid.amount_minor if amount_minor is None else amount_minor,
        currency=currency,
        reason="fraudulent",
    )


def closed(paid, *, won, dispute="dp_1", revision=2):
    return PurchaseDisputeClosed(
        purchase=paid.purchase,
        viewer=paid.viewer,
        dispute=dispute,
        revision=revision,
        amount_minor=paid.amount_minor,
        currency="USD",
        won=won,
    )


def refund_requested(paid, refund):
    return PurchaseRefundRequested(
        purchase=paid.purchase, viewer=paid.viewer, refund=refund, requested_by="viewer"
    )


def usage_requested(paid, question):
    return PurchaseUsageRequested(purchase=paid.purchase, viewer=paid.viewer, question=question)


def refunded(paid, refund, coins):
    return PurchaseRefunded(
        purchase=paid.purchase,
        viewer=paid.viewer,
        refund=refund,
        coins=coins,
        amount_minor=1,
        currency="USD",
    )


def refund_declined(paid, refund):
    return PurchaseRefundDeclined(
        purchase=paid.purchase, viewer=paid.viewer, refund=refund, reason="provider"
    )


def flagged(paid, warning="efw_1"):
    return PurchaseRiskFlagged(
        purchase=paid.purchase, viewer=paid.viewer, warning=warning, reason="stolen"
    )


async def reversed_coins(database):
    """What receivers hold to stand reversed, by gift: the highest revision counts."""
    newest = {}
    for fact in await announced(database):
        for gift in fact.get("gifts", ()):
            known = newest.get(gift["gift"], (0, 0))
            newest[gift["gift"]] = max(known, (fact["revision"], gift["reversed_coins"]))
    return {gift: coins for gift, (_, coins) in newest.items() if coins}


async def test_a_refund_freezes_what_is_unspent_and_burns_it(hear, held, database):
    paid, refund = a_purchase_paid(coins=500, amount_minor=499), uuid4()
    await hear(paid)
    await hear(a_gift_requested(coins=120))

    await hear(refund_requested(paid, refund))
    assert await held() == (0, 380, 0)
    await hear(refunded(paid, refund, 380))

    assert await held() == (0, 0, 0)
    held_coins, voided = (await announced(database))[-2:]
    assert (held_coins["name"], held_coins["coins"]) == ("wallet.coins_frozen", 380)
    assert (voided["name"], voided["coins"]) == ("wallet.coins_refunded", 380)


async def test_a_refund_that_is_declined_gives_the_coins_back(hear, held):
    paid, refund = a_purchase_paid(), uuid4()
    await hear(paid, refund_requested(paid, refund))

    await hear(refund_declined(paid, refund))

    assert await held() == (100, 0, 0)


async def test_a_refund_of_coins_that_are_spent_freezes_none_and_says_so(hear, held, database):
    paid, refund = a_purchase_paid(coins=100), uuid4()
    await hear(paid)
    await hear(a_gift_requested(coins=100))

    await hear(refund_requested(paid, refund))

    assert (await announced(database))[-1]["coins"] == 0
    assert await held() == (0, 0, 0)


async def test_a_refund_that_was_declined_before_it_was_heard_freezes_nothing(hear, held):
    paid, refund = a_purchase_paid(), uuid4()
    await hear(paid)

    await hear(refund_declined(paid, refund))
    await hear(refund_requested(paid, refund))

    assert await held() == (100, 0, 0)


async def test_the_same_lot_cannot_be_refunded_twice(hear, held, database):
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    for _ in range(2):
        refund = uuid4()
        await hear(refund_requested(paid, refund))
        await hear(refunded(paid, refund, 100))

    held_coins = [f["coins"] for f in await announced(database, "wallet.coins_frozen")]
    assert held_coins == [100, 0]
    assert await held() == (0, 0, 0)


async def test_frozen_coins_pay_no_gift(hear, database):
    paid = a_purchase_paid(coins=100)
    await hear(paid, refund_requested(paid, uuid4()))

    await hear(a_gift_requested(coins=10))

    assert (await announced(database))[-1]["reason"] == "insufficient-coins"


async def test_a_warning_freezes_coins_also_when_it_comes_before_them(hear, held):
    for flagged_first in (True, False):
        viewer = f"viewer-{flagged_first}"
        paid = a_purchase_paid(viewer=viewer)
        for fact in (flagged(paid), paid) if flagged_first else (paid, flagged(paid)):
            await hear(fact)
        assert await held(viewer) == (0, 100, 0)


async def test_a_chargeback_burns_the_rest_and_the_spent_part_is_owed(hear, held, names, database):
    paid = a_purchase_paid(coins=1_000, amount_minor=999)
    await hear(paid)
    gift = a_gift_requested(coins=700)
    await hear(gift)
    await names()

    await hear(disputed(paid))

    assert await held() == (0, 0, 700)
    assert await names() == ["wallet.lot_reversed", "wallet.debt_opened"]
    assert await reversed_coins(database) == {str(gift.gift): 700}


async def test_a_dispute_that_is_won_restores_everything(hear, held, names, database):
    paid = a_purchase_paid(coins=1_000, amount_minor=999)
    await hear(paid)
    await hear(a_gift_requested(coins=700))
    await hear(disputed(paid))
    await names()

    await hear(closed(paid, won=True))

    assert await held() == (300, 0, 0)
    assert await names() == ["wallet.lot_restored", "wallet.debt_settled"]
    assert await reversed_coins(database) == {}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_the_order_in_which_a_purchase_and_its_dispute_are_heard_is_no_matter(
    hear, held, order
):
    paid = a_purchase_paid(coins=100)
    story = (paid, disputed(paid), closed(paid, won=True))

    for place in order:
        await hear(story[place])
        await hear(story[place])

    assert await held() == (100, 0, 0)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_a_lost_dispute_takes_the_coins_whatever_is_heard_first(hear, held, order):
    paid = a_purchase_paid(coins=100)
    story = (paid, disputed(paid), closed(paid, won=False))

    for place in order:
        await hear(story[place])

    assert await held() == (0, 0, 0)


async def test_the_same_dispute_heard_again_changes_nothing(hear, held, database):
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    await hear(a_gift_requested(coins=40))
    await hear(disputed(paid), disputed(paid))
    facts = len(await announced(database))
    await forget_inbox(database)

    await hear(disputed(paid))

    assert await held() == (0, 0, 40)
    assert len(await announced(database)) == facts


async def test_who_owes_sends_no_gifts_and_the_next_purchase_settles_first(hear, held, database):
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    gift = a_gift_requested(coins=100)
    await hear(gift)
    await hear(disputed(paid))

    await hear(a_gift_requested(coins=1))
    assert (await announced(database))[-1]["reason"] == "wallet-in-debt"
    await hear(a_purchase_paid(coins=500))

    assert await held() == (400, 0, 0)
    assert await reversed_coins(database) == {}
    repaid = await announced(database, "wallet.debt_settled")
    assert (repaid[-1]["coins"], repaid[-1]["debt_coins"]) == (100, 0)


async def test_a_debt_that_is_settled_in_part_restores_the_oldest_gifts_first(hear, database):
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    early, late = a_gift_requested(coins=60), a_gift_requested(coins=40)
    await hear(early)
    await hear(late)
    await hear(disputed(paid))

    await hear(a_purchase_paid(coins=70))

    assert await reversed_coins(database) == {str(late.gift): 30}


async def test_a_dispute_won_after_the_debt_was_settled_gives_those_coins_back(
    hear, held, database
):
    first = a_purchase_paid(coins=100)
    await hear(first)
    await hear(a_gift_requested(coins=100))
    await hear(disputed(first))
    await hear(a_purchase_paid(coins=500))
    assert await held() == (400, 0, 0)

    await hear(closed(first, won=True))

    assert await held() == (500, 0, 0)
    assert await reversed_coins(database) == {}


async def test_coins_that_come_back_to_a_disputed_lot_do_not_stay(hear, held):
    first, second = a_purchase_paid(coins=100), a_purchase_paid(coins=100)
    await hear(first)
    await hear(a_gift_requested(coins=100))
    await hear(disputed(first))
    await hear(second)
    await hear(disputed(second, dispute="dp_2"))
    assert await held() == (0, 0, 100)

    await hear(closed(first, won=True))

    assert await held() == (0, 0, 0)


async def test_a_part_of_the_price_takes_the_same_part_of_the_coins_rounded_up(hear, held):
    paid = a_purchase_paid(coins=100, bonus_coins=10, amount_minor=99)
    await hear(paid)

    await hear(disputed(paid, amount_minor=33))

    # A third of 100 coins is 34, and of 10 bonus coins 4.
    assert await held() == (110 - 34 - 4, 0, 0)


async def test_two_disputes_never_take_more_than_there_was(hear, held):
    paid = a_purchase_paid(coins=100, amount_minor=99)
    await hear(paid)

    await hear(disputed(paid), disputed(paid, dispute="dp_2"))

    assert await held() == (0, 0, 0)


async def test_a_dispute_takes_frozen_coins_too_and_the_refund_finds_none_left(hear, held):
    paid, refund = a_purchase_paid(coins=100), uuid4()
    await hear(paid, refund_requested(paid, refund))

    await hear(disputed(paid))
    await hear(refunded(paid, refund, 100))

    assert await held() == (0, 0, 0)


async def test_a_dispute_over_more_gifts_than_fit_into_a_message_comes_in_parts(hear, database):
    paid = a_purchase_paid(coins=1_200)
    await hear(paid)
    await hear(*(a_gift_requested(coins=1) for _ in range(1_200)))

    await hear(disputed(paid))

    parts = await announced(database, "wallet.lot_reversed")
    assert [(part["part"], part["parts"], len(part["gifts"])) for part in parts] == [
        (1, 2, 1_000),
        (2, 2, 200),
    ]


async def test_a_dispute_over_many_gifts_has_as_many_statements_and_rows_as_one_over_few(
    hear, database, monkeypatch
):
    """The viewer is locked meanwhile, so PostgreSQL compares the gifts: a row is a message."""
    counts = []
    # The first one opens the accounts.
    for gifts in (1, 10, 900):
        paid = a_purchase_paid(coins=gifts)
        await hear(paid)
        await hear(*(a_gift_requested(coins=1) for _ in range(gifts)))
        with rows_returned(monkeypatch) as returned:
            await hear(disputed(paid))
        await hear(closed(paid, won=True))
        await hear(a_gift_requested(coins=gifts))
        counts.append(returned)

    _, few, many = counts
    assert len(few) == len(many)
    assert sum(many) <= sum(few) + 5
    parts = await announced(database, "wallet.lot_reversed")
    assert [len(part["gifts"]) for part in parts] == [1, 10, 900]


async def test_every_entry_of_all_this_sums_to_zero(hear, database):
    paid = a_purchase_paid(coins=1_000, bonus_coins=100)
    await hear(paid)
    await hear(a_gift_requested(coins=700))
    await hear(disputed(paid))
    await hear(a_purchase_paid(coins=300))
    await hear(closed(paid, won=True))

    async with database.transaction() as tx:
        rows = await tx.execute(
            text("SELECT sum(amount) AS sum FROM postings GROUP BY user_id, entry")
        )
        assert {row["sum"] for row in rows} == {0}
        books = await queries.totals(tx)
    assert books.balances_coins == books.lots_coins == 700
    assert books.disputed_coins == books.debt_coins == 0


async def test_a_store_is_told_which_coins_are_used_the_same_each_time(hear, database):
    paid, question = a_purchase_paid(coins=100, bonus_coins=20), uuid4()
    await hear(paid)
    await hear(a_gift_requested(coins=30))
    await hear(usage_requested(paid, question))
    await hear(a_gift_requested(coins=30))
    await forget_inbox(database)
    await hear(usage_requested(paid, question))

    (said,) = await announced(database, "wallet.usage_reported")
    assert (said["coins"], said["used_coins"]) == (120, 30)


async def test_coins_that_are_held_or_gone_with_their_money_are_not_used(hear, database):
    paid, other = a_purchase_paid(coins=100), a_purchase_paid(coins=100)
    refund = uuid4()
    await hear(paid, other)
    await hear(refund_requested(other, refund))
    await hear(usage_requested(paid, uuid4()), usage_requested(other, uuid4()))
    await hear(disputed(paid))
    await hear(usage_requested(paid, uuid4()))

    said = await announced(database, "wallet.usage_reported")
    assert [each["used_coins"] for each in said] == [0, 0, 0]
