"""Payouts at the fake, which PayPal's own document judges."""

import json

import httpx
import pytest

from tests.fakes.paypal.payouts import BATCH_IDS_SECONDS

PAYOUTS = "/v1/payments/payouts"


def a_payout(name="attempt-1", value="15.00", currency="USD", receiver="lea@example.com"):
    return {
        "sender_batch_header": {"sender_batch_id": name, "email_subject": "Your payout"},
        "items": [
            {
                "recipient_type": "EMAIL",
                "receiver": receiver,
                "sender_item_id": name,
                "amount": {"currency": currency, "value": value},
            }
        ],
    }


@pytest.fixture
def send(ask):
    async def post(**about):
        return await ask("POST", PAYOUTS, a_payout(**about))

    return post


async def test_a_batch_is_taken_and_looked_at_afterwards(ask, send, paypal, receiver):
    taken = (await send()).json()["batch_header"]
    found = (await ask("GET", f"{PAYOUTS}/{taken['payout_batch_id']}")).json()

    assert taken["batch_status"] == "PENDING"
    assert found["batch_header"]["batch_status"] == "SUCCESS"
    (item,) = found["items"]
    assert (item["transaction_status"], item["payout_item"]["sender_item_id"]) == (
        "SUCCESS",
        "attempt-1",
    )
    assert paypal.books()["USD"] == {"payouts": -1_500}
    await paypal.webhooks.wait_until_delivered()
    ((_, body),) = receiver.arrived
    told = json.loads(body)
    assert told["event_type"] == "PAYMENT.PAYOUTS-ITEM.SUCCEEDED"
    assert told["resource"]["sender_batch_id"] == "attempt-1"


async def test_a_second_batch_of_a_name_is_refused_with_the_address_of_the_first(ask, send, paypal):
    paypal.lose_answer(operation=f"POST {PAYOUTS}")
    with pytest.raises(httpx.TransportError):
        await send()

    refused = await send()

    assert (refused.status_code, refused.json()["name"]) == (400, "USER_BUSINESS_ERROR")
    (link,) = refused.json()["links"]
    found = (await ask("GET", link["href"].removeprefix(paypal.url))).json()
    assert found["batch_header"]["sender_batch_header"]["sender_batch_id"] == "attempt-1"
    assert len(paypal.payouts) == 1


async def test_after_thirty_days_the_name_is_new_again(send, paypal):
    await send()
    (payout,) = paypal.payouts.values()
    payout.created -= BATCH_IDS_SECONDS + 1

    assert (await send()).status_code == 201


@pytest.mark.parametrize(
    "about", [{"receiver": "nobody"}, {"currency": "KWD"}, {"currency": "HUF", "value": "1.50"}]
)
async def test_what_is_invalid_is_refused_before_anything_is_sent(send, paypal, about):
    refused = await send(**about)

    assert (refused.status_code, refused.json()["name"]) == (400, "VALIDATION_ERROR")
    assert paypal.payouts == {}


@pytest.mark.parametrize("status", ["UNCLAIMED", "ONHOLD", "FAILED", "PENDING"])
async def test_an_item_that_has_not_arrived_may_still_become_anything(ask, send, paypal, status):
    paypal.plan_payout(status)
    batch = (await send()).json()["batch_header"]["payout_batch_id"]

    for then in ("SUCCESS", "REVERSED"):
        paypal.become_payout(batch, then)
        (item,) = (await ask("GET", f"{PAYOUTS}/{batch}")).json()["items"]
        assert item["transaction_status"] == then

    assert sum(paypal.books()["USD"].values()) == 0


async def test_an_account_that_is_short_of_money_and_a_batch_that_is_not_there(ask, send, paypal):
    paypal.be_short()
    short, missing = await send(), await ask("GET", f"{PAYOUTS}/NOTHERE")

    assert (short.status_code, short.json()["name"]) == (422, "INSUFFICIENT_FUNDS")
    assert missing.status_code == 404
