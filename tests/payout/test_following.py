"""A payout goes its way once, whatever the provider says, when, and how often."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from standardwebhooks.webhooks import Webhook

from deploy.config.environment import new_webhook_secret
from services.payout.main import build_http
from services.payout.providers.sandbox import SandboxProvider
from services.sandbox import provider as sandbox_provider
from shared.postgres.statements import text
from tests.clients import a_verifier, client_of, is_replayed
from tests.deliveries import announced
from tests.payout.conftest import RULES, SECRET, a_gift_sent


@pytest.fixture(autouse=True)
def fast_bank(monkeypatch):
    """The bank settles at once, but for a moment."""
    monkeypatch.setattr(sandbox_provider, "TRANSFER_SECONDS", 0.05)
    monkeypatch.setattr(sandbox_provider, "RETURN_AFTER_SECONDS", 0.05)


async def state_of(lea, payout):
    return (await lea.get(f"/v1/payouts/{payout}")).json()["state"]


async def diamonds_of(lea):
    earned = (await lea.get("/v1/earnings/me")).json()
    return earned["available_diamonds"], earned["reserved_diamonds"]


async def names(database):
    return [fact["name"] for fact in await announced(database) if "earned" not in fact["name"]]


async def test_money_that_arrives_takes_the_reserved_diamonds(lea, cash_out, work, database):
    payout = await cash_out()
    assert await diamonds_of(lea) == (0, 3_000)

    await work()
    await asyncio.sleep(0.1)
    await work()
    await work()

    assert await state_of(lea, payout) == "paid"
    assert await diamonds_of(lea) == (0, 0)
    assert await names(database) == [
        "payout.requested",
        "payout.approved",
        "payout.sent",
        "payout.paid",
    ]


async def test_money_that_cannot_be_sent_gives_the_diamonds_back(lea, cash_out, work):
    payout = await cash_out("acct_fail_lea")
    await work()
    await asyncio.sleep(0.1)
    await work()

    assert await state_of(lea, payout) == "failed"
    assert await diamonds_of(lea) == (3_000, 0)
    told = (await lea.get(f"/v1/payouts/{payout}")).json()["timeline"][-1]
    assert told["reason"] == "account_closed"


@pytest.mark.parametrize("seen_as_paid", [True, False])
async def test_money_that_comes_back_gives_the_diamonds_back_once(
    lea, cash_out, work, seen_as_paid, database
):
    payout = await cash_out("acct_return_lea")
    await work()
    if seen_as_paid:
        await asyncio.sleep(0.07)
        await work()
    await asyncio.sleep(0.15)
    await work()
    await work()

    assert await state_of(lea, payout) == "returned"
    assert await diamonds_of(lea) == (3_000, 0)
    assert (await names(database))[-2:] == ["payout.paid", "payout.returned"]


@pytest.mark.parametrize("mood", ["silent", "forgetful"])
async def test_an_unknown_result_is_asked_about_and_never_sent_twice(
    lea, cash_out, work, network, mood, database
):
    """Silent: the provider knows nothing. Forgetful: it does, but its answer was lost."""
    payout = await cash_out()
    network.mood = mood
    await work()
    await work()
    assert await state_of(lea, payout) == "approved"
    assert await diamonds_of(lea) == (0, 3_000)

    network.mood = "well"
    await work()
    await asyncio.sleep(0.1)
    await work()

    assert await state_of(lea, payout) == "paid"
    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM attempts"))).scalar_one() == 1


async def test_two_workers_at_once_send_once(lea, cash_out, work, sandbox, database):
    payout = await cash_out()

    await asyncio.gather(work(), work(), work())
    await asyncio.sleep(0.1)
    await work()

    assert await state_of(lea, payout) == "paid"
    events = [event["type"] for event in sandbox.state.webhooks.events.values()]
    assert events.count("transfer.paid") == 1


def a_webhook(attempt=None, *, body=None, secret=SECRET):
    about = {"type": "transfer.paid", "data": {"object": {"reference": attempt}}}
    body = json.dumps(about) if body is None else body
    now, webhook_id = datetime.now(UTC), f"evt_{uuid4().hex}"
    return body, {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, now, body),
    }


async def test_a_webhook_is_kept_once_and_makes_its_attempt_due(lea, cash_out, work, database):
    await cash_out()
    await work()
    async with database.transaction() as tx:
        attempt = (await tx.execute(text("SELECT id FROM attempts"))).scalar_one()
    body, headers = a_webhook(str(attempt))

    for _ in range(2):
        answer = await lea.post("/v1/webhooks/sandbox/transfers", content=body, headers=headers)
        assert answer.status_code == 200

    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM webhook_events"))).scalar_one() == 1
        due = text("SELECT next_check_at <= now() FROM attempts")
        assert (await tx.execute(due)).scalar_one()


@pytest.mark.parametrize(
    "body",
    ["paid", "[]", '{"type": "x", "data": []}', '{"type": "\\u0000", "data": {"object": {}}}'],
)
async def test_a_webhook_that_makes_no_sense_is_kept_and_not_asked_for_again(lea, database, body):
    body, headers = a_webhook(body=body)

    answer = await lea.post("/v1/webhooks/sandbox/transfers", content=body, headers=headers)

    assert answer.status_code == 200
    async with database.transaction() as tx:
        kinds = await tx.execute(text("SELECT kind FROM webhook_events"))
        assert [row.kind for row in kinds] == ["unreadable"]


async def test_a_webhook_somebody_else_signed_is_refused(lea):
    body, headers = a_webhook("x", secret="whsec_c29tZWJvZHkgZWxzZSBzaWduZWQgdGhpcyBvbmUh")

    answer = await lea.post("/v1/webhooks/sandbox/transfers", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-signature")
    unknown = await lea.post("/v1/webhooks/acme/transfers", content=body, headers=headers)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-provider")


async def test_while_the_secret_is_replaced_a_webhook_under_either_is_taken(
    lea, database, sandbox_url
):
    newest = new_webhook_secret()
    both = SandboxProvider(url=sandbox_url, api_key="key", webhook_secret=f"{newest}\n{SECRET}")
    async with client_of(build_http(database, a_verifier(), {"sandbox": both}, RULES)) as rolled:
        for secret in (SECRET, newest):
            body, headers = a_webhook("x", secret=secret)
            answer = await rolled.post(
                "/v1/webhooks/sandbox/transfers", content=body, headers=headers
            )
            assert answer.status_code == 200
    await both.close()


async def test_a_payout_asked_for_again_is_the_same_payout(lea, rich, hear):
    await rich(3_000)
    key = str(uuid4())
    offered = (await lea.post("/v1/payouts/quotes", json={})).json()["quote"]
    asked = {"json": {"quote": offered}, "headers": {"Idempotency-Key": key}}
    first, same = [await lea.post("/v1/payouts", **asked) for _ in range(2)]
    assert [is_replayed(first), is_replayed(same)] == [False, True]
    payout = first.json()["payout"]
    assert same.json()["payout"] == payout
    quote = str(uuid4())

    again = await lea.post("/v1/payouts", json={"quote": quote}, headers={"Idempotency-Key": key})
    assert (again.status_code, again.json()["code"]) == (422, "key-reused")
    assert [line["payout"] for line in (await lea.get("/v1/payouts")).json()["items"]] == [payout]

    await hear(a_gift_sent(3_000))
    second = (await lea.post("/v1/payouts/quotes", json={})).json()["quote"]
    open_one = await lea.post(
        "/v1/payouts", json={"quote": second}, headers={"Idempotency-Key": str(uuid4())}
    )
    assert (open_one.status_code, open_one.json()["code"]) == (409, "payout-open")
