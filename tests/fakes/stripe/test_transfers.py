"""Connect at the fake, as Stripe's own SDK sees it."""

import httpx
import pytest
import stripe

from tests.fakes.judge import Contradiction
from tests.fakes.stripe.vendor import Stripe


@pytest.fixture
def account(client):
    """Create an account as we do."""

    async def create(**more):
        params = {
            "type": "express",
            "country": "US",
            "capabilities": {"transfers": {"requested": True}},
        }
        return await client.v1.accounts.create_async(params | more)

    return create


@pytest.fixture
def send(client):
    async def create(destination, amount=1_500, key=None, **more):
        params = {"amount": amount, "currency": "usd", "destination": destination} | more
        options = {"idempotency_key": key} if key else {}
        return await client.v1.transfers.create_async(params, options)

    return create


async def test_nothing_is_sent_to_an_account_before_its_page_was_filled_in(
    client, account, send, kinds
):
    made = await account()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await send(made.id)
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    link = await client.v1.account_links.create_async(
        {
            "account": made.id,
            "type": "account_onboarding",
            "return_url": "http://127.0.0.1/back",
            "refresh_url": "http://127.0.0.1/again",
        }
    )

    async with httpx.AsyncClient() as browser:
        page = await browser.get(link.url)
        done = await browser.post(link.url)

    assert (page.status_code, done.status_code) == (200, 303)
    assert done.headers["location"] == "http://127.0.0.1/back"
    assert (await client.v1.accounts.retrieve_async(made.id)).payouts_enabled
    assert (await send(made.id)).amount == 1_500
    assert await kinds() == ["account.updated", "transfer.created"]


async def test_a_transfer_is_found_by_its_group_and_reversed_in_parts(client, fake, send, kinds):
    account = fake.connect()
    first = await send(account, key="k", transfer_group="attempt-1")
    again = await send(account, key="k", transfer_group="attempt-1")
    await send(account, transfer_group="attempt-2")

    fake.reverse_transfer(first.id, 500)
    listed = await client.v1.transfers.list_async({"transfer_group": "attempt-1"})
    await client.v1.transfers.reversals.create_async(first.id)
    whole = await client.v1.transfers.retrieve_async(first.id)

    assert first.id == again.id
    (found,) = listed.data
    assert (found.id, found.amount_reversed, found.reversed) == (first.id, 500, False)
    assert (whole.amount_reversed, whole.reversed) == (1_500, True)
    assert fake.books()["USD"] == {"transfers": -3_000, "transfer_reversals": 1_500}
    assert (await kinds()).count("transfer.reversed") == 2


async def test_that_the_balance_is_too_small_is_kept_under_the_key(fake, send):
    account = fake.connect()
    fake.be_short()
    for key, is_refused in (("k", True), ("k", True), ("another", False)):
        if not is_refused:
            assert (await send(account, key=key)).amount == 1_500
            continue
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await send(account, key=key)
        assert refused.value.code == "balance_insufficient"


async def test_a_place_that_is_not_there_is_refused(send):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await send("acct_nobody")
    assert (refused.value.code, refused.value.http_status) == ("resource_missing", 400)


async def test_a_parameter_that_stripe_has_not_fails_the_test():
    fake = await Stripe().start()
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{fake.url}/v1/transfers",
            data={"amount": 1, "currency": "usd", "destination": "acct_1", "transfer_grup": "x"},
            headers={"Authorization": f"Bearer {fake.api_key}"},
        )
    assert answer.status_code == 400
    with pytest.raises(Contradiction, match="transfer_grup"):
        await fake.stop()
