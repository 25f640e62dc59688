"""A store is told that the coins are there, until it has taken that."""

from dataclasses import replace

import pytest

from services.purchase import jobs
from services.purchase.main import build_http
from services.purchase.store.in_flight import IN_FLIGHT
from tests.clients import a_token, a_verifier, client_of
from tests.parts import in_every_part
from tests.purchase.conftest import RULES
from tests.purchase.pretend_store import METHODS, PretendStore


@pytest.fixture
def provider():
    return PretendStore()


@pytest.fixture
async def app(database, provider, violations):
    rules = replace(RULES, methods=METHODS)
    yield build_http(database, a_verifier(), {"store": provider}, rules)
    assert await violations() == []


@pytest.fixture
def sold(app, bought, provider):
    """Order coins in the app, buy them in the store and claim them."""

    async def sell():
        purchase = await bought(channel="ios")
        token = provider.sell(purchase)
        async with client_of(app, a_token("mira")) as client:
            await client.post(f"/v1/purchases/{purchase}/claim", json={"token": token})
        return purchase

    return sell


@pytest.fixture
def accept(database, provider):
    """Let time pass, and the job tell the stores; returns what the row says then."""

    async def take_turn():
        await in_every_part(
            database,
            "UPDATE acceptances SET next_check_at = now() WHERE next_check_at IS NOT NULL",
        )
        await jobs.accept_due(database, {"store": provider})

    return take_turn


async def test_a_store_is_told_once_the_coins_are_there(sold, credit, accept, provider):
    purchase = await sold()
    await accept()
    assert provider.accepted == []

    await credit(purchase)
    await accept()
    await accept()

    assert provider.accepted == ["store-token-1"]


async def test_coins_that_came_before_the_payment_was_known_are_accepted_too(
    app, bought, provider, credit, accept
):
    purchase = await bought(channel="ios")
    await credit(purchase)
    await accept()
    assert provider.accepted == []

    async with client_of(app, a_token("mira")) as client:
        token = provider.sell(purchase)
        await client.post(f"/v1/purchases/{purchase}/claim", json={"token": token})
    await accept()

    assert provider.accepted == ["store-token-1"]


async def test_a_store_that_does_not_answer_is_told_again(sold, credit, accept, provider, rows):
    await credit(await sold())
    provider.is_silent = True
    await accept()
    await accept()
    assert (await rows("SELECT accepted_at, checks FROM acceptances")) == [
        {"accepted_at": None, "checks": 2}
    ]

    provider.is_silent = False
    await accept()
    assert provider.accepted == ["store-token-1"]


async def test_what_a_store_will_never_take_is_not_told_again(sold, credit, accept, provider, rows):
    await credit(await sold())
    provider.rejects = "voided"
    await accept()
    provider.rejects = None
    await accept()

    assert provider.accepted == []
    assert await rows("SELECT rejected FROM acceptances") == [{"rejected": "voided"}]


async def test_what_is_not_accepted_for_two_days_is_overdue(sold, credit, rows):
    """Google refunds after three days: a person has one of them left."""
    (watched,) = [each for each in IN_FLIGHT if each.type == "acceptance"]
    await credit(await sold())

    (waiting,) = await rows(watched.query)

    assert waiting["state"] in watched.overdue_seconds
    assert watched.overdue_seconds[waiting["state"]] == 48 * 3_600
