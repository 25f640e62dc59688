"""Every store of an app: only its own tokens buy, and it learns what became of the coins."""

from uuid import UUID

import pytest

from services.purchase import jobs
from shared.contracts.wallet import UsageReported
from tests.deliveries import announced
from tests.parts import in_every_part
from tests.purchase.providers.driver import Action


@pytest.fixture(autouse=True)
def store(vendor):
    """Skip the vendors that are no store."""
    if not vendor.is_store:
        vendor.lacks("app that buys in it")
    return vendor


@pytest.fixture
def accept(database, providers):
    """Let the stores be told that the coins are there."""

    async def tell_stores():
        await in_every_part(
            database, "UPDATE acceptances SET next_check_at = now() WHERE accepted_at IS NULL"
        )
        await jobs.accept_due(database, providers)

    return tell_stores


@pytest.fixture
def answer(database, providers):
    return lambda: jobs.answer_due(database, providers)


async def test_a_claim_and_its_webhook_are_one_payment(bought, store, claim, arrive, database):
    purchase = await bought()
    store.pay(purchase)
    states = [(await claim(purchase)).json()["state"] for _ in range(2)]
    await arrive()

    assert states == ["paid", "paid"]
    assert [fact["name"] for fact in await announced(database)] == ["purchase.paid"]


async def test_a_forged_token_is_refused(bought, store, claim, read):
    purchase = await bought()

    refused = await claim(purchase, store.forged_token(purchase))

    assert (refused.status_code, refused.json()["code"]) == (422, "token-refused")
    assert (await read(purchase))["state"] == "created"


async def test_a_token_of_another_purchase_is_refused(bought, store, claim, read):
    mine, others = await bought(), await bought(key="key-2", viewer="jonas")
    store.pay(others)

    refused = await claim(mine, store.token_of(others))

    assert (refused.status_code, refused.json()["code"]) == (422, "token-refused")
    assert (await read(mine))["state"] == "created"


async def test_a_token_that_was_refunded_meanwhile_buys_nothing(bought, store, claim, state_of):
    purchase = await bought()
    store.hold_webhooks()
    store.pay(purchase)
    token = store.token_of(purchase)
    store.refund(purchase)

    await claim(purchase, token)

    assert await state_of(purchase) not in ("paid", "completed")


async def test_a_store_is_told_once_the_coins_are_there(
    bought, store, claim, credit, accept, state_of
):
    purchase = await bought()
    store.pay(purchase)
    await claim(purchase)
    await accept()
    assert not store.is_accepted(purchase)

    await credit(purchase)
    await accept()

    assert store.is_accepted(purchase)
    assert await state_of(purchase) == "completed"


async def test_a_store_is_told_again_until_it_answers(bought, store, claim, credit, accept, rows):
    purchase = await bought()
    store.pay(purchase)
    await claim(purchase)
    await credit(purchase)
    store.fail(Action.ACCEPT, 503)
    await accept()
    assert not store.is_accepted(purchase)
    store.lose_answer(Action.ACCEPT)
    await accept()

    await accept()

    assert store.is_accepted(purchase)
    assert await rows("SELECT viewer FROM acceptances WHERE accepted_at IS NULL") == []


@pytest.mark.parametrize(("is_consented", "told"), [(True, [24_000]), (False, [])])
async def test_a_store_learns_how_much_was_used_if_the_buyer_consented(
    *, bought, store, arrive, credit, consume, answer, database, is_consented, told
):
    purchase = await bought(consumption_consent=is_consented)
    store.pay(purchase)
    await arrive()
    await credit(purchase)
    store.ask(purchase)
    await arrive()
    facts = await announced(database)
    for fact in [each for each in facts if each["name"] == "purchase.usage_requested"]:
        question = UUID(fact["question"])
        await consume(
            UsageReported(
                viewer="mira", purchase=UUID(purchase), question=question, coins=100, used_coins=24
            )
        )
    await answer()

    assert store.answers_to(purchase) == told
