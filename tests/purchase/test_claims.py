"""An app buys in its store, and claims what the store gave it: at the store's price, once."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from services.purchase.domain.purchases import Status
from services.purchase.main import build_http
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.purchase.conftest import RULES
from tests.purchase.pretend_store import METHODS, PRODUCT, PretendStore
from tests.quotas import end_times, is_too_often, leave


@pytest.fixture
def provider():
    return PretendStore()


@pytest.fixture
async def app(database, provider, violations):
    rules = replace(RULES, methods=METHODS)
    yield build_http(database, a_verifier(), {"store": provider}, rules)
    assert await violations() == []


@pytest.fixture
def order(buy):
    """Order coins in the app; returns the purchase's id."""

    async def order_one(package="coins_100", *, key="key-1", **about):
        return (await buy(package, key=key, channel="ios", **about)).json()["purchase"]

    return order_one


@pytest.fixture
def claim(app):
    """Claim a token; returns the response."""

    async def claim_one(purchase, token, *, viewer="mira"):
        async with client_of(app, a_token(viewer)) as client:
            return await client.post(f"/v1/purchases/{purchase}/claim", json={"token": token})

    return claim_one


async def test_an_app_is_told_what_to_buy_and_for_whom(buy):
    response = await buy("coins_100", channel="ios", method="store")

    said = response.json()
    assert response.status_code == 201
    assert said["next_action"] == {
        "type": "store",
        "product": PRODUCT,
        "account_token": said["purchase"],
    }


async def test_what_the_store_does_not_sell_cannot_be_ordered(buy):
    response = await buy("coins_10000", channel="ios")

    assert (response.status_code, response.json()["code"]) == (404, "unknown-package")


async def test_a_claim_buys_at_the_price_of_the_store(order, provider, claim, database):
    purchase = await order()

    said = (await claim(purchase, provider.sell(purchase))).json()

    assert (said["state"], said["amount_minor"], said["currency"]) == ("paid", 119, "EUR")
    assert said["next_action"] is None
    (paid,) = await announced(database)
    assert (paid["name"], paid["amount_minor"], paid["currency"]) == ("purchase.paid", 119, "EUR")


async def test_a_claim_may_come_any_number_of_times(order, provider, claim, database):
    purchase = await order()
    token = provider.sell(purchase)

    answers = await asyncio.gather(*(claim(purchase, token) for _ in range(5)))

    assert {answer.json()["state"] for answer in answers} == {"paid"}
    assert len(await announced(database)) == 1


@pytest.mark.parametrize(
    "wrong", [{"product": "c500"}, {"quantity": 2}, {"product": None}, {"amount_minor": 0}]
)
async def test_another_product_than_was_ordered_buys_nothing(order, provider, claim, wrong):
    purchase = await order()

    said = (await claim(purchase, provider.sell(purchase, **wrong))).json()

    assert said["state"] == "mismatched"


async def test_a_token_of_another_purchase_is_refused(order, provider, claim, database):
    mine, other = await order(), await order(key="key-2")
    token = provider.sell(other)

    refused = await claim(mine, token)

    assert (refused.status_code, refused.json()["code"]) == (422, "token-refused")
    assert await announced(database) == []


async def test_a_payment_buys_for_one_purchase_also_at_the_same_moment(
    order, provider, claim, database
):
    """The store says what the app told it: of two purchases that name one payment, one is paid."""
    purchases = [await order(key=f"key-{number}") for number in range(2)]
    tokens = [
        provider.sell(purchase, token=f"token-{number}", id="transaction-1", names=())
        for number, purchase in enumerate(purchases)
    ]
    provider.gate = asyncio.Barrier(2)

    answers = await asyncio.gather(*map(claim, purchases, tokens))

    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert len(await announced(database)) == 1
    for answer, purchase, token in zip(answers, purchases, tokens, strict=True):
        assert (await claim(purchase, token)).status_code == answer.status_code


async def test_a_purchase_of_somebody_else_cannot_be_claimed(order, provider, claim):
    purchase = await order()

    assert (await claim(purchase, provider.sell(purchase), viewer="jonas")).status_code == 404
    assert (await claim(uuid4(), "token")).status_code == 404


async def test_without_an_answer_of_the_store_the_app_claims_again(order, provider, claim):
    purchase = await order()
    token = provider.sell(purchase)
    provider.is_silent = True

    assert (await claim(purchase, token)).status_code == 503

    provider.is_silent = False
    assert (await claim(purchase, token)).json()["state"] == "paid"


@pytest.mark.parametrize("token", ["", "a b", "x" * 16_385])
async def test_a_token_is_short_and_printable(order, claim, token):
    assert (await claim(await order(), token)).status_code == 422


async def test_a_payment_that_waits_is_credited_once_it_is_paid(order, provider, claim, wait):
    purchase = await order()
    token = provider.sell(purchase, status=Status.PROCESSING, paid_at=None)
    said = (await claim(purchase, token)).json()
    assert (said["state"], said["next_action"]) == ("created", None)

    await wait(minutes=60)
    provider.become(token, status=Status.SUCCEEDED)
    assert (await claim(purchase, token)).json()["state"] == "paid"


async def test_what_is_claimed_too_late_is_honoured(order, provider, claim, wait, database):
    purchase = await order()
    await wait(minutes=60)

    assert (await claim(purchase, provider.sell(purchase))).json()["state"] == "paid"
    assert [fact["name"] for fact in await announced(database)] == [
        "purchase.expired",
        "purchase.paid",
    ]


async def test_a_viewer_claims_so_many_times_an_hour(order, claim, provider, database):
    purchase, quota = await order(), RULES.quotas.claims
    provider.sell(purchase, token="token")
    await leave(database, "mira", quota, 1)

    first, second = await asyncio.gather(claim(purchase, "token"), claim(purchase, "token"))

    assert {first.status_code, second.status_code} == {200, 429}
    refused = first if first.status_code == 429 else second
    assert is_too_often(refused, quota)
    await end_times(database)
    assert (await claim(purchase, "token")).status_code == 200


async def test_a_claim_for_somebody_elses_purchase_counts_for_nobody(order, claim, rows):
    purchase = await order()

    assert (await claim(purchase, "token", viewer="noa")).status_code == 404

    assert await rows("SELECT 1 FROM quotas WHERE act = 'claims'") == []
