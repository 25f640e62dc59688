"""Unused coins become money again: where the law says so, once, and never more than was paid."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.contracts.spending_controls import ExclusionEnded, ExclusionStarted
from shared.contracts.wallet import CoinsRefunded
from tests.clients import a_token, client_of, is_replayed
from tests.deliveries import announced, forget_inbox
from tests.parts import in_every_part
from tests.purchase.conftest import GERMANY
from tests.purchase.wallet_events import coins_held


async def age(database, days):
    await in_every_part(
        database, "UPDATE purchases SET paid_at = paid_at - make_interval(days => :days)", days=days
    )


async def test_the_unused_part_goes_back_rounded_up(
    bought_in, request_refund, consume, give_back, refund_of, pretend, database
):
    """4.99 for 525 coins with the bonus, 145 of them spent: 3.6118 is 3.62."""
    purchase = await bought_in()

    asked = await request_refund(purchase)
    assert (asked.status_code, asked.json()["state"]) == (202, "requested")
    await consume(coins_held(purchase, asked.json()["refund"], paid=380, bonus=0))
    await give_back()

    refund = await refund_of(purchase)
    assert (refund["state"], refund["amount_minor"], refund["coins"]) == ("refunded", 362, 380)
    assert pretend.payment_of(purchase)["refunded_minor"] == 362
    (refunded,) = await announced(database, "purchase.refunded")
    assert (refunded["amount_minor"], refunded["coins"]) == (362, 380)


async def test_our_own_refund_is_not_taken_for_somebody_elses(
    bought_in, request_refund, consume, give_back, send_webhook, database
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]
    await consume(coins_held(purchase, refund))
    await give_back()

    await send_webhook(purchase, "payment.refunded")

    assert await announced(database, "purchase.disputed") == []


@pytest.mark.parametrize(
    ("country", "days", "problem"),
    [
        ("DE", 14, None),
        ("DE", 40, "refund-too-late"),
        ("BR", 7, None),
        ("BR", 30, "refund-too-late"),
        ("US", 0, "not-refundable"),
        (None, 0, "not-refundable"),
    ],
)
async def test_the_law_of_the_country_decides(
    bought_in, request_refund, database, country, days, problem
):
    purchase = await bought_in({"country": country} if country else {})
    await age(database, days)

    answer = await request_refund(purchase)

    assert answer.json().get("code") == problem
    assert answer.status_code == (403 if problem else 202)


async def test_coins_that_are_all_spent_bring_nothing(
    bought_in, request_refund, consume, refund_of, database
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]

    await consume(coins_held(purchase, refund, paid=0, bonus=0))

    assert (await refund_of(purchase))["reason"] == "nothing-unused"
    (declined,) = await announced(database, "purchase.refund_declined")
    assert declined["reason"] == "nothing-unused"


async def test_asked_again_it_is_one_refund_and_a_second_waits_for_the_first(
    bought_in, request_refund
):
    purchase = await bought_in()

    first, again, second = (
        await request_refund(purchase),
        await request_refund(purchase),
        await request_refund(purchase, key="refund-2"),
    )

    assert first.json()["refund"] == again.json()["refund"]
    assert (second.status_code, second.json()["code"]) == (409, "refund-open")


async def test_an_answer_that_is_lost_is_asked_for_again_and_paid_once(
    bought_in, request_refund, consume, give_back, refund_of, pretend, database
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]
    await consume(coins_held(purchase, refund), coins_held(purchase, refund))
    await forget_inbox(database)
    await consume(coins_held(purchase, refund))

    for mood in ("silent", "forgetful", "well", "well"):
        pretend.mood = mood
        await give_back()

    assert (await refund_of(purchase))["state"] == "refunded"
    assert pretend.payment_of(purchase)["refunded_minor"] == 499
    assert len(await announced(database, "purchase.refunded")) == 1


async def test_a_provider_that_will_not_refund_declines(
    bought_in, request_refund, consume, give_back, refund_of, pretend
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]
    await consume(coins_held(purchase, refund))
    pretend.mood = "stingy"

    await give_back()

    assert (await refund_of(purchase))["reason"] == "refund-too-large"


async def test_what_was_refunded_once_is_refunded_no_more(
    bought_in, request_refund, consume, give_back, refund_of, database
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]
    await consume(coins_held(purchase, refund))
    await give_back()

    again = (await request_refund(purchase, key="refund-2")).json()["refund"]
    await consume(coins_held(purchase, again, paid=0, bonus=0))

    assert (await refund_of(purchase))["reason"] == "nothing-unused"
    assert len(await announced(database, "purchase.refunded")) == 1


async def test_an_operator_refunds_what_no_law_does_and_says_why(app, bought_in, rows):
    purchase = await bought_in({"country": "US"})
    path = f"/v1/operator/purchases/mira/{purchase}/refunds"
    token = a_token("ann", roles=["operator"], scope="refunds:write")
    async with client_of(app, token) as ann:
        answer = await ann.post(
            path, json={"reason": "bought by a child"}, headers={"Idempotency-Key": "k"}
        )
    assert (answer.status_code, answer.json()["requested_by"]) == (202, "operator")
    (line,) = await rows("SELECT operator, action, reason FROM audit")
    assert line == {
        "operator": "ann",
        "action": "refund.requested",
        "reason": "bought by a child",
    }
    async with client_of(app, a_token("mira")) as mira:
        own = await mira.post(path, json={"reason": "please"}, headers={"Idempotency-Key": "k"})
    assert own.status_code == 403


@pytest.fixture
def ask_as(app):
    """Ask for a refund as an operator, under a key."""

    async def ask_for(operator, purchase, *, key, reason="bought by a child"):
        path = f"/v1/operator/purchases/mira/{purchase}/refunds"
        token = a_token(operator, roles=["operator"], scope="refunds:write")
        async with client_of(app, token) as client:
            headers = {"Idempotency-Key": key}
            return await client.post(path, json={"reason": reason}, headers=headers)

    return ask_for


async def test_a_viewer_cannot_take_an_operators_key_before_them(bought_in, request_refund, ask_as):
    theirs, other = await bought_in(), await bought_in(key="key-2")
    assert (await request_refund(theirs, key="ann k")).status_code == 202

    asked = await ask_as("ann", other, key="k")

    assert (asked.status_code, asked.json()["requested_by"]) == (202, "operator")


async def test_no_two_operators_share_a_key_however_they_are_called(bought_in, ask_as):
    first, second = await bought_in(), await bought_in(key="key-2")

    asked = [await ask_as("ann b", first, key="c"), await ask_as("ann", second, key="b c")]

    assert [answer.status_code for answer in asked] == [202, 202]
    assert len({answer.json()["refund"] for answer in asked}) == 2


async def test_an_operators_key_is_kept_whole_however_long(bought_in, ask_as):
    first, second, operator = await bought_in(), await bought_in(key="key-2"), "o" * 255

    asked = [
        await ask_as(operator, purchase, key="k" * 127 + end)
        for purchase, end in ((first, "a"), (second, "b"))
    ]

    assert [answer.status_code for answer in asked] == [202, 202]


async def test_an_operators_repeat_is_one_refund_and_another_wish_under_its_key_none(
    bought_in, ask_as, rows
):
    purchase = await bought_in()

    first, again = [await ask_as("ann", purchase, key="k") for _ in range(2)]
    other = await ask_as("ann", purchase, key="k", reason="changed my mind")

    assert first.json() == again.json()
    assert [is_replayed(each) for each in (first, again, other)] == [False, True, False]
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    assert len(await rows("SELECT 1 FROM refunds")) == 1


async def test_nobody_gives_back_what_is_not_theirs_or_not_paid(buy, request_refund, bought_in):
    theirs, unpaid = await bought_in(), (await buy(key="other", claims=GERMANY)).json()["purchase"]

    assert (await request_refund(theirs, viewer="otto")).json()["code"] == "no-such-purchase"
    assert (await request_refund(str(uuid4()))).status_code == 404
    assert (await request_refund(unpaid, key="r")).json()["code"] == "nothing-paid"


async def test_the_money_is_in_the_books(bought_in, request_refund, consume, give_back, rows):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]
    await consume(coins_held(purchase, refund, paid=380, bonus=0))
    await give_back()

    balances = await rows("""
        SELECT account, sum(amount)::integer AS amount FROM postings GROUP BY account ORDER BY 1
    """)
    assert balances == [
        {"account": "@coin_sales", "amount": -499},
        {"account": "@provider_clearing", "amount": 137},
        {"account": "@refunds", "amount": 362},
    ]


async def test_a_dispute_is_in_the_books_and_out_again_when_it_is_won(
    bought_in, pretend, send_webhook, rows
):
    purchase = await bought_in()
    loss = "SELECT coalesce(sum(amount), 0)::integer AS n FROM postings WHERE account = '{}'"

    for status, lost in (("open", 499), ("open", 499), ("won", 0), ("lost", 499)):
        pretend.dispute(purchase, status)
        await send_webhook(purchase, "dispute.updated")
        assert (await rows(loss.format("@dispute_loss")))[0]["n"] == lost


async def test_who_excluded_themselves_buys_nothing_until_it_is_over(buy, consume):
    until = datetime.now(UTC) + timedelta(days=7)
    about = {"viewer": "mira", "exclusion": uuid4(), "until": until}
    await consume(ExclusionStarted(**about))

    refused = await buy()
    assert (refused.status_code, refused.json()["code"]) == (403, "self-excluded")
    assert (await buy(viewer="otto")).status_code == 201
    await consume(ExclusionEnded(**about))
    await consume(ExclusionStarted(**about))

    assert (await buy()).status_code == 201


async def test_what_was_bought_before_an_exclusion_and_paid_after_is_honoured(
    bought, pay, consume, read
):
    purchase = await bought()
    until = datetime.now(UTC) + timedelta(days=7)
    await consume(ExclusionStarted(viewer="mira", exclusion=uuid4(), until=until))

    await pay(purchase)

    assert (await read(purchase))["state"] == "paid"


async def test_that_the_coins_are_voided_is_remembered(
    bought_in, request_refund, consume, give_back, rows
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]
    await consume(coins_held(purchase, refund))
    await give_back()

    await consume(CoinsRefunded(**coins_held(purchase, refund).model_dump()))

    (row,) = await rows("SELECT voided_at IS NOT NULL AS voided FROM refunds")
    assert row["voided"]
