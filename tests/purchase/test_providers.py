"""Several providers beside each other: each purchase stays with the one that it began with."""

from dataclasses import replace

import pytest

from services.purchase import jobs
from services.purchase.commands.status_polls import StatusPolls
from services.purchase.domain.methods import Method, Methods
from services.purchase.main import build_http
from services.purchase.providers.sandbox import SandboxProvider
from tests.clients import a_token, a_verifier, client_of, served
from tests.purchase.conftest import RULES
from tests.purchase.pretend import WEBHOOK_SECRET, PretendProvider, a_webhook


@pytest.fixture
def other_pretend():
    return PretendProvider()


@pytest.fixture
async def other(other_pretend):
    async with served(other_pretend) as url:
        opened = SandboxProvider(url=url, api_key="key", webhook_secret=WEBHOOK_SECRET)
        opened.name = "other"
        yield opened
        await opened.close()


@pytest.fixture
def buy_at(database):
    """Buy at an installation with these providers; return the id of the purchase."""

    async def buy_one(providers, *, key):
        methods = Methods(tuple(Method("card", name) for name in providers))
        app = build_http(database, a_verifier(), providers, replace(RULES, methods=methods))
        async with client_of(app, a_token("mira")) as client:
            body, headers = {"package": "coins_100"}, {"Idempotency-Key": key}
            return (await client.post("/v1/purchases", json=body, headers=headers)).json()[
                "purchase"
            ]

    return buy_one


async def test_new_purchases_go_to_the_first_provider_and_the_others_finish_theirs(
    *, buy_at, provider, pretend, other, other_pretend, database, turn_due, rows
):
    former = await buy_at({"sandbox": provider, "other": other}, key="key-1")
    providers = {"other": other, "sandbox": provider}
    later = await buy_at(providers, key="key-2")
    pretend.become(former, "succeeded")
    other_pretend.become(later, "succeeded")

    await turn_due()
    await jobs.poll_due(StatusPolls(database, providers))

    found = await rows("SELECT id, provider, state FROM purchases ORDER BY provider")
    assert [(str(each["id"]), each["provider"], each["state"]) for each in found] == [
        (later, "other", "paid"),
        (former, "sandbox", "paid"),
    ]


async def test_a_webhook_event_says_nothing_of_another_providers_purchase(
    *, buy_at, provider, pretend, other, other_pretend, database, rows
):
    providers = {"sandbox": provider, "other": other}
    purchase = await buy_at(providers, key="key-1")
    foreign = other_pretend.make(reference=purchase, status="succeeded")
    headers, body = a_webhook(foreign)
    async with client_of(build_http(database, a_verifier(), providers, RULES)) as client:
        answer = await client.post("/v1/webhooks/other/payments", content=body, headers=headers)

    assert answer.status_code == 200
    assert await rows("SELECT state FROM purchases") == [{"state": "pending"}]
    assert await rows("SELECT provider, purchase FROM webhook_events") == [
        {"provider": "other", "purchase": None}
    ]
