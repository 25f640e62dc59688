"""Requests to the fake of Stripe: keys, faults, lists, expansion, and what the judge refuses."""

import asyncio
import re
import sys
from time import process_time

import httpx
import pytest
import stripe

from tests.fakes.judge import Contradiction
from tests.fakes.stripe.client import SECRET, client_of
from tests.fakes.stripe.contract import blank, load_contract
from tests.fakes.stripe.vendor import Stripe

# The SDK hands httpx its body in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


SESSION = "POST /v1/checkout/sessions"


async def test_the_same_key_is_the_same_session(shop, fake):
    first = await shop(key="purchase-1", expires_at=int(fake.now()) + 3600)
    again = await shop(key="purchase-1", expires_at=first.expires_at)

    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        await shop(key="purchase-1", amount=998, expires_at=first.expires_at)


async def test_a_key_is_forgotten_after_a_day_of_the_vendors_clock(shop, fake):
    expires_at = int(fake.now()) + 24 * 3600 - 60
    first = await shop(key="purchase-1", expires_at=expires_at)
    fake.skew(24 * 3600 - 90)
    assert (await shop(key="purchase-1", expires_at=expires_at)).id == first.id

    fake.skew(24 * 3600 + 1)
    again = await shop(key="purchase-1", expires_at=int(fake.now()) + 3600)

    assert again.id != first.id


async def test_an_answer_lost_on_the_wire_is_found_under_its_key(shop, fake, client):
    expires_at = int(fake.now()) + 3600
    fake.lose_answer(operation=SESSION)

    with pytest.raises(stripe.APIConnectionError):
        await shop(key="purchase-1", expires_at=expires_at)
    found = await shop(key="purchase-1", expires_at=expires_at)

    listed = await client.v1.checkout.sessions.list_async()
    assert [session.id for session in listed.data] == [found.id]


async def test_a_500_is_kept_under_its_key_and_the_work_may_be_done(shop, fake, client):
    expires_at = int(fake.now()) + 3600
    fake.fail(500, operation=SESSION, is_done=True)

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await shop(key="purchase-1", expires_at=expires_at)

    assert len((await client.v1.checkout.sessions.list_async()).data) == 1


async def test_a_429_and_a_409_are_not_kept(shop, fake):
    expires_at = int(fake.now()) + 3600
    fake.fail(429, operation=SESSION)
    with pytest.raises(stripe.RateLimitError):
        await shop(key="purchase-1", expires_at=expires_at)
    fake.fail(409, operation=SESSION)
    with pytest.raises(stripe.APIError, match="in-progress"):
        await shop(key="purchase-1", expires_at=expires_at)

    assert (await shop(key="purchase-1", expires_at=expires_at)).id


async def test_another_key_of_the_account_is_refused(fake):
    async with client_of(fake, "sk_test_other") as other:
        with pytest.raises(stripe.AuthenticationError):
            await other.v1.accounts.retrieve_current_async()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sucess_url": "https://example.com"},
        {"mode": "payments"},
        {"payment_intent_data": {"meta": {"a": "b"}}},
        {"line_items": [{"quantity": "one"}]},
    ],
)
async def test_the_contract_refuses_what_stripe_does_not_know(shop, fake, wrong):
    with pytest.raises(stripe.InvalidRequestError):
        await shop(**wrong)

    assert fake.take_violations()


async def test_a_wrong_enum_in_an_answer_fails_the_test():
    fake = await Stripe().start()
    fake.handlers["GET /v1/charges/{charge}"] = lambda call: {
        **blank("charge"),
        "status": "settled",
        "id": call.path["charge"],
    }
    async with client_of(fake) as client:
        await client.v1.charges.retrieve_async("ch_1")

    with pytest.raises(Contradiction, match=r"answer 200 GET /v1/charges/{charge}: status"):
        await fake.stop()


async def test_lists_have_pages(client, shop):
    made = [(await shop()).id for _ in range(5)]

    listed = await client.v1.checkout.sessions.list_async({"limit": 2})
    found = [session.id async for session in listed.auto_paging_iter()]

    assert found == made[::-1]


async def test_an_account_says_which_one_it_is(client, fake):
    account = await client.v1.accounts.retrieve_current_async()

    assert account.id == fake.account
    assert (await client.v1.balance.retrieve_async()).livemode is False


async def test_expanded_objects_are_copies(client, fake, paid):
    intent = await paid()
    fake.refund_by_dashboard(intent, 100)
    params = {"expand": ["latest_charge.refunds.data.balance_transaction"]}

    for _ in range(2):
        found = await client.v1.payment_intents.retrieve_async(intent, params)
        assert found.latest_charge.refunds.data[0].balance_transaction.amount == -100

    listed = await client.v1.refunds.list_async({"payment_intent": intent})
    assert listed.data[0].balance_transaction.startswith("txn_")


async def test_a_live_account_is_another_one(received):
    async with (
        Stripe(webhooks=received[0], secret=SECRET, api_key="sk_live_x") as fake,
        client_of(fake) as client,
    ):
        assert (await client.v1.balance.retrieve_async()).livemode is True


async def test_a_fake_that_runs_as_a_process_is_driven_over_http():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.stripe", stdout=asyncio.subprocess.PIPE
    )
    try:
        line = (await process.stdout.readline()).decode()
        url = re.search(r"http://\S+(?=,)", line)[0]
        async with httpx.AsyncClient(base_url=url) as client:
            created = await client.post(
                "/v1/checkout/sessions",
                headers={"authorization": "Bearer sk_test_fake"},
                data={
                    "mode": "payment",
                    "success_url": "http://127.0.0.1/",
                    "line_items[0][quantity]": "1",
                    "line_items[0][price_data][currency]": "usd",
                    "line_items[0][price_data][unit_amount]": "999",
                    "line_items[0][price_data][product_data][name]": "coins",
                },
            )
            paid = await client.post("/_fake/pay", json={"session": created.json()["id"]})
            assert paid.json()["status"] == "succeeded"
            books = (await client.post("/_fake/books")).json()
            assert books == {"USD": {"payments": 999, "fees": -59}}
            await client.get("/v1/checkout/sessions?limits=3")
            refused = (await client.post("/_fake/contradictions")).json()
            assert "limits" in refused[0]
            assert (await client.post("/_fake/stop")).status_code == 404
            assert (await client.post("/_fake/pay", json={"session": "x"})).status_code == 400
    finally:
        process.terminate()
        await process.wait()


async def test_an_expansion_that_does_not_exist_is_refused(client, shop):
    session = await shop()
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payments"]})


async def test_the_judge_is_fast_enough_for_thousands_of_calls(fake, shop, client, paid):
    intent = await paid()
    contract = load_contract()
    charge = fake.charge_of(intent)
    body = {key: value for key, value in charge.items() if key[0] != "_"}

    started = process_time()
    for _ in range(200):
        assert not contract.judge_object("charge", body, where="x")

    assert (process_time() - started) / 200 < 0.002
