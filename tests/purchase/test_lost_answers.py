"""A provider that gives no answer: the purchase is recorded, and asked for again."""

import pytest

from services.purchase.main import build_http
from services.purchase.providers.sandbox import SandboxProvider
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.purchase.conftest import RULES
from tests.purchase.pretend import WEBHOOK_SECRET


@pytest.mark.parametrize("mood", ["silent", "broken", "babbling", "forgetful"])
async def test_a_provider_without_an_answer_makes_it_a_202_and_the_repeat_a_201(buy, pretend, mood):
    pretend.mood = mood
    first = await buy()
    pretend.mood = "well"
    second = await buy()

    assert (first.status_code, first.json()["state"]) == (202, "created")
    assert first.json()["next_action"] is None
    assert (second.status_code, second.json()["state"]) == (201, "pending")
    assert len(pretend.payments) == 1


async def test_a_provider_that_takes_too_long_is_not_waited_for(database, provider_url, pretend):
    impatient = SandboxProvider(
        url=provider_url, api_key="key", webhook_secret=WEBHOOK_SECRET, answer_seconds_max=0.05
    )
    app = build_http(database, a_verifier(), {"sandbox": impatient}, RULES)
    pretend.mood = "slow"

    async with client_of(app, a_token("mira")) as client:
        answer = await client.post(
            "/v1/purchases", json={"package": "coins_100"}, headers={"Idempotency-Key": "k"}
        )
    await impatient.close()

    assert (answer.status_code, answer.json()["state"]) == (202, "created")


@pytest.mark.parametrize("mood", ["silent", "forgetful"])
async def test_the_janitor_asks_the_provider_again_under_the_same_key(
    bought, read, wait, pretend, mood
):
    pretend.mood = mood
    purchase = await bought()
    pretend.mood = "well"

    await wait()

    assert (await read(purchase))["next_action"]["url"] == pretend.payment_of(purchase)["pay_url"]


async def test_a_payment_the_provider_refuses_fails_the_purchase(buy, database):
    answer = await buy("custom", coins=55)

    assert (answer.status_code, answer.json()["state"]) == (201, "failed")
    (failed,) = await announced(database)
    assert (failed["name"], failed["reason"]) == ("purchase.failed", "amount-too-small")
