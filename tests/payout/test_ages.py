"""Diamonds become money for adults; who is of unknown age is asked for it first."""

import pytest

from tests.clients import a_token, client_of
from tests.payout.conftest import a_gift_sent


@pytest.fixture
async def ready(lea, hear):
    """Lea has diamonds and a payee, and an application of her own; calls as somebody else's age."""
    await hear(a_gift_sent(3_000))
    await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})

    def aged(age):
        return client_of(lea.app, a_token("lea", roles=["creator"], age_verified=age))

    return aged


@pytest.mark.parametrize(("age", "why"), [(17, "too-young"), (None, "age-unknown")])
async def test_no_money_is_offered_to_the_young_and_those_of_unknown_age(ready, age, why):
    async with ready(age) as lea:
        answer = await lea.post("/v1/payouts/quotes", json={})

    assert (answer.status_code, answer.json()["code"]) == (403, why)


@pytest.mark.parametrize(("age", "why"), [(17, "too-young"), (None, "age-unknown")])
async def test_an_age_is_looked_at_again_when_an_offer_is_taken(ready, lea, age, why):
    async with ready(30) as adult:
        quote = (await adult.post("/v1/payouts/quotes", json={})).json()["quote"]

    async with ready(age) as somebody:
        headers = {"Idempotency-Key": "k"}
        answer = await somebody.post("/v1/payouts", json={"quote": quote}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, why)
    assert (await lea.get("/v1/earnings/me")).json()["available_diamonds"] == 3_000


async def test_a_payout_that_was_asked_for_is_found_again_whatever_the_token_says_now(ready):
    headers = {"Idempotency-Key": "k"}
    async with ready(30) as adult:
        quote = (await adult.post("/v1/payouts/quotes", json={})).json()["quote"]
        first = await adult.post("/v1/payouts", json={"quote": quote}, headers=headers)

    async with ready(None) as again:
        second = await again.post("/v1/payouts", json={"quote": quote}, headers=headers)

    assert (second.status_code, second.json()["payout"]) == (201, first.json()["payout"])
