"""A viewer withdraws from a purchase: stated once, kept for good, and the unused coins go back."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.purchase.commands.withdrawals import Statement, record_withdrawal
from services.purchase.domain.refunds import RefundPolicy
from services.purchase.domain.withdrawals import AlreadyWithdrawn, WithdrawalTooLate
from services.purchase.main import build_http
from tests.clients import a_token, a_verifier, an_operator_token, client_of, is_replayed
from tests.deliveries import announced
from tests.parts import in_every_part
from tests.purchase.conftest import MIRA, RULES
from tests.purchase.wallet_events import coins_held


@pytest.fixture
def withdrawal_of(app):
    """Read the withdrawal from a purchase as its viewer."""

    async def read_one(purchase):
        async with client_of(app, a_token("mira")) as client:
            items = (await client.get(f"/v1/purchases/{purchase}/withdrawals")).json()["items"]
        return items[0] if items else None

    return read_one


@pytest.fixture
def age(database):
    """Let so many days pass since everything was paid."""

    async def let_pass(days):
        await in_every_part(
            database,
            "UPDATE purchases SET paid_at = paid_at - make_interval(days => :days)",
            days=days,
        )

    return let_pass


async def test_a_withdrawal_is_recorded_and_the_unused_coins_are_refunded(
    bought_in, withdraw, withdrawal_of, read, consume, give_back, pretend, database
):
    purchase = await bought_in()
    before = await read(purchase)
    assert before["withdrawn_at"] is None
    assert before["withdrawable_until"] > datetime.now(UTC).isoformat()

    answer = await withdraw(purchase)

    assert answer.status_code == 201
    stated = answer.json()
    assert (stated["name"], stated["reply_to"]) == (MIRA["name"], MIRA["reply_to"])
    assert stated["period_ends_at"] == before["withdrawable_until"]
    assert stated["refund"]["state"] == "requested"
    await consume(coins_held(purchase, stated["refund"]["refund"], paid=380, bonus=0))
    await give_back()
    assert pretend.payment_of(purchase)["refunded_minor"] == 362
    now = await withdrawal_of(purchase)
    assert (now["refund"]["state"], now["refund"]["amount_minor"]) == ("refunded", 362)
    assert {**now, "refund": None} == {**stated, "refund": None}
    after = await read(purchase)
    assert (after["withdrawable_until"], after["withdrawn_at"]) == (None, stated["received_at"])
    facts = [each["name"].removeprefix("purchase.") for each in await announced(database)]
    assert facts[2:] == ["withdrawal_received", "refund_requested", "refunded"]


async def test_whoever_sends_the_mail_reads_in_the_event_what_was_stated_and_when(
    bought_in, withdraw, database
):
    purchase = await bought_in()
    stated = (await withdraw(purchase)).json()

    (event,) = await announced(database, "purchase.withdrawal_received")

    assert event["withdrawal"] == stated["withdrawal"]
    assert event["consumer_name"] == "Mira Example"
    assert event["reply_to"] == "mira@example.com"
    assert event["refund"] == stated["refund"]["refund"]
    assert event["reason"] is None
    received = datetime.fromisoformat(event["received_at"])
    assert received == datetime.fromisoformat(stated["received_at"])


async def test_said_again_it_is_one_withdrawal_also_when_its_time_is_over(
    bought_in, withdraw, age, database
):
    purchase = await bought_in()
    first = await withdraw(purchase)
    await age(60)

    again = await withdraw(purchase)
    other = await withdraw(purchase, body={"name": "Somebody else"})
    second = await withdraw(purchase, key="withdrawal-2")

    assert (again.status_code, again.json()) == (201, first.json())
    assert [is_replayed(each) for each in (first, again, other)] == [False, True, False]
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    assert (second.status_code, second.json()["code"]) == (409, "already-withdrawn")
    assert len(await announced(database, "purchase.withdrawal_received")) == 1
    assert len(await announced(database, "purchase.refund_requested")) == 1


@pytest.mark.parametrize("keys", [["same"] * 10, [f"key-{number}" for number in range(10)]])
async def test_ten_at_once_are_one_withdrawal(bought_in, withdraw, database, keys):
    purchase = await bought_in()

    answers = await asyncio.gather(*(withdraw(purchase, key=key) for key in keys))

    accepted = [each.json()["withdrawal"] for each in answers if each.status_code == 201]
    refused = {each.json()["code"] for each in answers if each.status_code != 201}
    assert len(set(accepted)) == 1
    assert len(accepted) == (10 if len(set(keys)) == 1 else 1)
    assert refused <= {"already-withdrawn"}
    assert len(await announced(database, "purchase.refund_requested")) == 1


async def test_the_last_moment_counts_and_the_next_one_does_not(bought_in, read, database):
    """And not when the lock was free, but when the request came."""
    purchase = await bought_in()
    until = datetime.fromisoformat((await read(purchase))["withdrawable_until"])
    stated = Statement("mira", UUID(purchase), "key", b"", "Mira", None, until)

    with pytest.raises(WithdrawalTooLate):
        async with database.part_for("mira").transaction() as tx:
            await record_withdrawal(tx, stated, RULES)
    in_time = replace(stated, received_at=until - timedelta(microseconds=1))
    async with database.part_for("mira").transaction() as tx:
        withdrawal = await record_withdrawal(tx, in_time, RULES)

    assert withdrawal.period_ends_at == until


@pytest.mark.parametrize(
    ("country", "days", "problem"),
    [
        ("DE", 14, None),
        ("DE", 40, "withdrawal-too-late"),
        ("GB", 14, None),
        ("BR", 7, None),
        ("BR", 40, "withdrawal-too-late"),
        ("KR", 7, None),
        ("US", 0, "not-withdrawable"),
        (None, 0, "not-withdrawable"),
    ],
)
async def test_the_law_of_the_country_says_how_long(
    bought_in, withdraw, read, age, country, days, problem
):
    purchase = await bought_in({"country": country} if country else {})
    await age(days)

    answer = await withdraw(purchase)

    assert answer.json().get("code") == problem
    assert answer.status_code == (403 if problem else 201)
    is_offered = (await read(purchase))["withdrawable_until"] is not None
    assert is_offered == (problem == "withdrawal-too-late")


async def test_a_purchase_keeps_the_days_that_it_was_made_under(
    bought_in, withdraw, age, database, providers
):
    """Tomorrow's rules give nothing back to anybody: what was promised before stays promised."""
    purchase = await bought_in()
    none = replace(RULES, refunds=RefundPolicy({}, RULES.refunds.calendars))
    tomorrow = build_http(database, a_verifier(), providers, none)
    await age(13)

    assert (await withdraw(purchase, service=tomorrow)).status_code == 201


async def test_a_refund_that_is_asked_for_at_the_same_moment_is_the_same_money(
    bought_in, withdraw, request_refund, withdrawal_of, database, subtests
):
    for number in range(5):
        with subtests.test(number):
            purchase = await bought_in(key=f"key-{number}")
            stated, asked = await asyncio.gather(
                withdraw(purchase, key=f"w-{number}"), request_refund(purchase, key=f"r-{number}")
            )
            assert stated.status_code == 201
            assert asked.status_code in (202, 409)
            requested = await announced(database, "purchase.refund_requested")
            ours = [each["refund"] for each in requested if each["purchase"] == purchase]
            assert ours == [(await withdrawal_of(purchase))["refund"]["refund"]]


async def test_support_reads_what_was_stated_and_that_is_on_record(bought_in, withdraw, app, rows):
    purchase = await bought_in()
    path = f"/v1/operator/purchases/mira/{purchase}/withdrawals"
    async with client_of(app, an_operator_token("disputes:read")) as client:
        assert (await client.get(path)).json() == {"items": []}
        stated = (await withdraw(purchase)).json()
        assert (await client.get(path)).json() == {"items": [stated]}
    async with client_of(app, an_operator_token("refunds:write")) as client:
        assert (await client.get(path)).status_code == 403
    assert len(await rows("SELECT * FROM audit WHERE user_id = 'mira'")) >= 2


async def test_what_is_not_paid_cannot_be_withdrawn_from(bought, withdraw, read):
    purchase = await bought(claims={"country": "DE"})

    answer = await withdraw(purchase)

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-paid")
    assert (await read(purchase))["withdrawable_until"] is None


async def test_what_is_paid_can_be_withdrawn_from_before_the_coins_are_there(
    buy, pay, withdraw, credit, read
):
    purchase = (await buy("coins_500", claims={"country": "DE"})).json()["purchase"]
    await pay(purchase)

    assert (await withdraw(purchase)).status_code == 201
    await credit(purchase, coins=525)

    after = await read(purchase)
    assert after["state"] == "completed"
    assert after["withdrawn_at"] is not None


async def test_nobody_withdraws_from_what_another_bought(bought_in, withdraw, withdrawal_of):
    purchase = await bought_in()

    answer = await withdraw(purchase, viewer="jonas")

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-purchase")
    assert await withdrawal_of(purchase) is None


async def test_a_statement_counts_although_all_coins_are_used(
    bought_in, withdraw, withdrawal_of, consume
):
    purchase = await bought_in()
    refund = (await withdraw(purchase)).json()["refund"]["refund"]

    await consume(coins_held(purchase, refund, paid=0, bonus=0))

    stated = await withdrawal_of(purchase)
    assert (stated["refund"]["state"], stated["refund"]["reason"]) == ("declined", "nothing-unused")


async def test_a_statement_counts_although_the_bank_has_the_money_and_says_why(
    bought_in, withdraw, request_refund, age, pretend, send_webhook, database
):
    purchase = await bought_in()
    pretend.dispute(purchase)
    await send_webhook(purchase, "payment.disputed")

    stated = (await withdraw(purchase)).json()

    assert (stated["refund"], stated["reason"]) == (None, "disputed")
    (event,) = await announced(database, "purchase.withdrawal_received")
    assert (event["refund"], event["reason"]) == (None, "disputed")
    # The bank gives the money back after all, long after the time for a withdrawal.
    pretend.dispute(purchase, "won")
    await send_webhook(purchase, "payment.disputed")
    await age(60)
    assert (await request_refund(purchase)).status_code == 202


async def test_a_refund_that_is_under_way_already_is_the_one(
    bought_in, request_refund, withdraw, database
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]

    stated = (await withdraw(purchase)).json()

    assert stated["refund"]["refund"] == refund
    assert len(await announced(database, "purchase.refund_requested")) == 1


async def test_who_withdrew_in_time_is_not_too_late_when_the_provider_refuses_at_first(
    bought_in, withdraw, request_refund, consume, give_back, refund_of, pretend, age
):
    purchase = await bought_in()
    refund = (await withdraw(purchase)).json()["refund"]["refund"]
    await consume(coins_held(purchase, refund))
    pretend.mood = "stingy"
    await give_back()
    assert (await refund_of(purchase))["state"] == "declined"
    pretend.mood = "well"
    await age(60)

    second = (await request_refund(purchase, key="once more")).json()["refund"]
    await consume(coins_held(purchase, second))
    await give_back()

    assert pretend.payment_of(purchase)["refunded_minor"] == 499


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": " \u2003 "},
        {"name": "\u202e\u200b\u2069"},
        {"name": "M" * 201},
        {"name": "Mi\nra"},
        {"name": "Mi\x00ra"},
        {"name": "Mi\ud800ra"},
        {"name": 7},
        {"name": "Mira", "reply_to": "mira"},
        {"name": "Mira", "reply_to": "a@b\r\nBcc: everybody@example.com"},
        {"name": "Mira", "reply_to": "a@b,c@d"},
        {"name": "Mira", "reply_to": "mira@\u202eexample.com"},
        {"name": "Mira", "reply_to": "mira\u200b@example.com"},
        {"name": "Mira", "reply_to": "a@b@c"},
        {"name": "Mira", "reply_to": "a@" + "b" * 253},
        {"name": "Mira", "viewer": "jonas"},
    ],
)
async def test_a_statement_that_says_nothing_or_too_much_is_refused(
    bought_in, withdraw, withdrawal_of, body
):
    purchase = await bought_in()

    answer = await withdraw(purchase, body=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert await withdrawal_of(purchase) is None


@pytest.mark.parametrize(
    ("channel", "country", "days"),
    [("web", "DE", 14), ("web", "KR", 7), ("web", "US", None), ("ios", "DE", None)],
)
def test_what_an_app_store_sold_is_not_withdrawn_from_here(channel, country, days):
    """The store is the seller there, and gives the money back itself."""
    assert RULES.refunds.days_of(channel, country) == days


async def test_a_withdrawn_purchase_is_withdrawn_from_once_under_the_lock(bought_in, database):
    purchase = await bought_in()
    now = datetime.now(UTC)
    first, second = (
        Statement("mira", UUID(purchase), key, b"", "Mira", None, now) for key in ("a", "b")
    )
    async with database.part_for("mira").transaction() as tx:
        await record_withdrawal(tx, first, RULES)

    with pytest.raises(AlreadyWithdrawn):
        async with database.part_for("mira").transaction() as tx:
            await record_withdrawal(tx, second, RULES)
