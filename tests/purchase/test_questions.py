"""A store asks how much of a purchase was used, and is told it from the wallet's lots."""

from dataclasses import replace
from uuid import UUID

import pytest

from services.purchase import jobs
from services.purchase.commands.status_polls import StatusPolls
from services.purchase.domain.purchases import CONSUMPTION_REQUEST, WebhookEvent
from services.purchase.main import build_http
from services.purchase.providers import Consumption
from shared.contracts.wallet import UsageReported
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
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
    """Order coins in the app, with consent or without, buy them in the store and claim them."""

    async def sell(*, consent=True):
        purchase = await bought(channel="ios", consumption_consent=consent)
        token = provider.sell(purchase)
        async with client_of(app, a_token("mira")) as client:
            await client.post(f"/v1/purchases/{purchase}/claim", json={"token": token})
        return purchase

    return sell


@pytest.fixture
def ask(database, provider):
    """Let the store ask about a purchase, by a webhook that names its token."""
    polls = StatusPolls(database, {"store": provider})

    async def ask_one(question="question-1"):
        await polls.receive(
            WebhookEvent("store", question, CONSUMPTION_REQUEST, b"", "token-1", None)
        )

    return ask_one


@pytest.fixture
def requested(database):
    """The questions that the wallet was asked."""

    async def read_requested():
        facts = [it for it in await announced(database) if it["name"] == "purchase.usage_requested"]
        return [UUID(fact["question"]) for fact in facts]

    return read_requested


@pytest.fixture
def report(consume):
    """Let the wallet say how many of 100 coins are used."""

    async def report_one(purchase, question, *, used_coins=24):
        await consume(
            UsageReported(
                viewer="mira",
                purchase=UUID(purchase),
                question=question,
                coins=100,
                used_coins=used_coins,
            )
        )

    return report_one


@pytest.fixture
def answer(database, provider):
    """Let time pass, and the job answer what is due."""

    async def take_turn(*, hours=0):
        await in_every_part(
            database,
            """
            UPDATE store_questions SET asked_at = asked_at - make_interval(hours => :hours),
                next_check_at = CASE WHEN next_check_at IS NOT NULL THEN now() END
            """,
            hours=hours,
        )
        await jobs.answer_due(database, {"store": provider})

    return take_turn


async def test_a_store_is_told_what_the_wallet_says_is_used(
    sold, credit, ask, requested, report, answer, provider
):
    purchase = await sold()
    await credit(purchase)
    await ask()
    (question,) = await requested()
    await answer()
    assert provider.answers == []

    await report(purchase, question)
    await answer()
    await answer()

    assert provider.answers == [("store-token-1", "question-1", Consumption(100, 24, True, True))]


async def test_a_question_that_comes_twice_is_answered_once(
    sold, credit, ask, requested, report, answer, provider
):
    purchase = await sold()
    await credit(purchase)
    await ask()
    await ask()
    (question,) = await requested()
    await report(purchase, question)
    await report(purchase, question, used_coins=50)
    await answer()

    assert [consumption.used_coins for _, _, consumption in provider.answers] == [24]


async def test_without_consent_nobody_is_asked_and_nothing_is_told(
    sold, credit, ask, requested, answer, provider, rows
):
    await credit(await sold(consent=False))
    await ask()
    await answer()

    assert (await requested(), provider.answers) == ([], [])
    assert await rows("SELECT 1 FROM store_questions") == []


async def test_of_coins_that_are_not_there_none_is_used(sold, ask, requested, answer, provider):
    await sold()
    await ask()
    await answer()

    assert await requested() == []
    assert provider.answers == [("store-token-1", "question-1", Consumption(100, 0, True, False))]


async def test_a_store_that_does_not_answer_is_told_again_for_a_day(
    sold, ask, answer, provider, rows
):
    await sold()
    await ask()
    provider.is_silent = True
    await answer()
    await answer(hours=25)
    provider.is_silent = False
    await answer()

    assert provider.answers == []
    assert await rows("SELECT rejected FROM store_questions") == [{"rejected": "too-late"}]


async def test_a_store_that_takes_no_answer_is_not_told_again(sold, ask, answer, provider, rows):
    await sold()
    await ask()
    provider.rejects = "over"
    await answer()
    provider.rejects = None
    await answer()

    assert provider.answers == []
    assert await rows("SELECT rejected FROM store_questions") == [{"rejected": "over"}]
