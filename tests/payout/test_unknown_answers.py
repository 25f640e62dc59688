"""A transfer is refused by a documented refusal only; whatever else is answered says nothing."""

import asyncio

import pytest

from services.payout.commands.attempts import follow_attempts
from services.payout.commands.metrics import report
from services.payout.domain.payouts import ProviderStatus
from services.payout.providers.sandbox import SandboxProvider
from services.payout.store import attempts
from services.sandbox import provider as sandbox_provider
from services.sandbox.provider import Provider as Bank
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.metrics import metric
from tests.payout.conftest import RULES, SECRET
from tests.payout.test_following import a_webhook, diamonds_of, state_of

# Only a transfer that never comes takes so long.
SECONDS_MAX = 60
PROBLEM = {"type": "account-closed", "title": "No money can be sent there."}


@pytest.fixture(autouse=True)
def fast_bank(monkeypatch):
    monkeypatch.setattr(sandbox_provider, "TRANSFER_SECONDS", 0.05)
    monkeypatch.setattr(sandbox_provider, "RETURN_AFTER_SECONDS", 0.05)


@pytest.fixture
async def ops(lea):
    token = a_token("ops", roles=["operator"], scope="payouts:review audit:read")
    async with client_of(lea.app, token) as client:
        yield client


def transfers_paid(sandbox):
    kinds = [event["type"] for event in sandbox.state.webhooks.events.values()]
    return kinds.count("transfer.paid")


async def wait_until_paid(sandbox, times=1):
    async with asyncio.timeout(SECONDS_MAX):
        while transfers_paid(sandbox) < times:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 503])
async def test_an_answer_that_says_nothing_about_the_money_is_no_refusal(
    lea, cash_out, work, network, sandbox, status
):
    """The order came through. 408: a proxy lost patience; 409: the key is being worked on."""
    network.afterwards = (status, PROBLEM)
    payout = await cash_out()
    await work()
    assert await state_of(lea, payout) == "approved"
    await wait_until_paid(sandbox)

    network.afterwards = None
    await work()

    assert await state_of(lea, payout) == "paid"
    assert await diamonds_of(lea) == (0, 0)
    assert transfers_paid(sandbox) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, PROBLEM) for status in (401, 403, 404, 429)),
        (400, b"<html>Bad Request</html>"),
        (422, b""),
        (422, {"error": "no type"}),
        (422, {"type": 3}),
        # Something was ordered under this key: whatever it is, it is no refusal.
        (422, {"type": "key-reused"}),
        (200, {"id": "tr_1", "status": "unheard-of"}),
    ],
)
async def test_trouble_on_the_way_is_tried_again_under_the_same_key(
    lea, cash_out, work, network, sandbox, status, body
):
    network.instead = (status, body)
    payout = await cash_out()
    await work()
    await work()
    assert await state_of(lea, payout) == "approved"

    network.instead = None
    await work()
    await wait_until_paid(sandbox)
    await work()

    assert await state_of(lea, payout) == "paid"


@pytest.mark.parametrize("status", [400, 422])
async def test_a_documented_refusal_gives_the_diamonds_back_and_says_why(
    lea, cash_out, work, network, status
):
    network.instead = (status, {"type": "https://bank.example/account-closed"})
    payout = await cash_out()
    await work()

    assert await state_of(lea, payout) == "failed"
    assert await diamonds_of(lea) == (3_000, 0)
    told = (await lea.get(f"/v1/payouts/{payout}")).json()["timeline"][-1]
    assert told["reason"] == "account-closed"


async def test_an_attempt_that_failed_is_never_submitted_again(
    lea, cash_out, work, network, sandbox, provider, database
):
    """Refused, so failed, and the diamonds are back. Then a webhook; `find` knows nothing."""
    network.instead = (422, PROBLEM)
    payout = await cash_out()
    await work()
    assert await state_of(lea, payout) == "failed"
    network.instead = None
    (attempt,) = await rows(database, "SELECT id FROM attempts")
    body, headers = a_webhook(str(attempt["id"]))
    await lea.post("/v1/webhooks/sandbox/transfers", content=body, headers=headers)

    await follow_attempts(database.part_for("lea"), {"sandbox": provider}, RULES)

    assert sandbox.state.webhooks.events == {}
    assert await diamonds_of(lea) == (3_000, 0)
    (left,) = await rows(database, "SELECT closed, next_check_at FROM attempts")
    assert left == {"closed": True, "next_check_at": None}


async def test_an_attempt_is_not_submitted_whose_payout_changed_after_it_was_claimed(
    lea, cash_out, database, provider, network, sandbox
):
    """The claim and the look are two transactions: between them the payout was held."""
    await cash_out()
    async with database.part_for("lea").transaction() as tx:
        await attempts.open_for_approved(tx, 10)
        (claimed,) = await attempts.claim_due(tx, 10)
    assert claimed.is_sendable
    await rows(database, "UPDATE payouts SET state = 'held'")
    async with database.part_for("lea").transaction() as tx:
        assert await attempts.begin_to_submit(tx, claimed) is None
    await rows(database, "UPDATE attempts SET next_check_at = now()")

    await follow_attempts(database.part_for("lea"), {"sandbox": provider}, RULES)

    assert sandbox.state.webhooks.events == {}
    assert await rows(database, "SELECT first_submitted_at AS at FROM attempts") == [{"at": None}]


@pytest.fixture
def forgotten(lea, cash_out, work, network, sandbox, database, monkeypatch):
    """A payout whose answer was lost, so long ago that the provider knows nothing of it."""

    async def forget():
        payout = await cash_out()
        network.mood = "forgetful"
        await work()
        await wait_until_paid(sandbox)
        network.mood = "well"
        monkeypatch.setattr(Bank, "transfers_of", lambda *_: [])
        create = Bank.create_transfer

        def create_again(bank, *, key, **about):
            return create(bank, key=f"{key} of today", **about)

        monkeypatch.setattr(Bank, "create_transfer", create_again)
        await rows(database, "UPDATE attempts SET first_submitted_at = now() - interval '25 hours'")
        await work()
        return payout

    return forget


async def test_after_the_keys_window_a_person_decides(lea, forgotten, work, sandbox, ops, database):
    payout = await forgotten()
    await work()

    assert transfers_paid(sandbox) == 1
    assert await state_of(lea, payout) == "approved"
    (waiting,) = (await ops.get("/v1/operator/payouts")).json()["items"]
    assert (waiting["payout"], waiting["state"], waiting["reason"]) == (
        payout,
        "approved",
        "provider-unknown",
    )
    await report(database)
    assert metric("ovation_payouts_unresolved") == 1


@pytest.mark.parametrize(("outcome", "available"), [("paid", 0), ("failed", 3_000)])
async def test_what_a_person_found_out_ends_the_payout(
    lea, forgotten, ops, outcome, available, database
):
    payout = await forgotten()
    path = f"/v1/operator/payouts/lea/{payout}/resolve"
    said = {"outcome": outcome, "reason": "asked the bank"}

    answer = await ops.post(path, json=said)
    again = await ops.post(path, json=said)

    assert answer.json()["state"] == outcome
    assert (again.status_code, again.json()["code"]) == (409, "not-unresolved")
    assert await diamonds_of(lea) == (available, 0)
    (line,) = (await ops.get("/v1/operator/payout/audit")).json()["items"]
    assert (line["action"], line["reason"]) == (f"payout.resolved_as_{outcome}", "asked the bank")
    await report(database)
    assert metric("ovation_payouts_unresolved") == 0


async def test_what_the_provider_can_still_be_asked_is_not_for_a_person(lea, cash_out, work, ops):
    payout = await cash_out()
    await work()
    said = {"outcome": "failed", "reason": "impatient"}

    answer = await ops.post(f"/v1/operator/payouts/lea/{payout}/resolve", json=said)

    assert (answer.status_code, answer.json()["code"]) == (409, "not-unresolved")


async def test_a_provider_that_is_silent_for_the_whole_window_leaves_it_to_a_person(
    lea, cash_out, work, network, ops, database
):
    payout = await cash_out()
    network.mood = "silent"
    await work()
    assert (await ops.get("/v1/operator/payouts")).json()["items"] == []
    await rows(database, "UPDATE attempts SET first_submitted_at = now() - interval '25 hours'")
    await work()

    (waiting,) = (await ops.get("/v1/operator/payouts")).json()["items"]
    assert (waiting["payout"], waiting["reason"]) == (payout, "provider-unknown")


async def test_the_provider_may_still_end_what_was_left_to_a_person(
    lea, cash_out, work, network, sandbox, ops, database
):
    payout = await cash_out()
    network.mood = "forgetful"
    await work()
    await wait_until_paid(sandbox)
    await rows(database, "UPDATE attempts SET first_submitted_at = now() - interval '25 hours'")
    await work()
    assert len((await ops.get("/v1/operator/payouts")).json()["items"]) == 1
    network.mood = "well"
    await work()

    assert await state_of(lea, payout) == "paid"
    assert (await ops.get("/v1/operator/payouts")).json()["items"] == []


def test_the_window_ends_before_the_providers_does():
    """The last order has to arrive while the provider still knows its key."""
    provider = SandboxProvider(
        url="http://x",
        api_key="k",
        webhook_secret=SECRET,
        idempotency_seconds=60,
    )
    assert provider.idempotency_seconds < 60


async def test_an_answer_to_an_older_look_does_not_outrank_a_newer_one(
    lea, cash_out, database, apply_status
):
    """Two workers looked; the one that asked first is answered last."""
    payout = await cash_out()
    async with database.part_for("lea").transaction() as tx:
        await attempts.open_for_approved(tx, 10)
        (older,) = await attempts.claim_due(tx, 10)
    await rows(database, "UPDATE attempts SET next_check_at = now()")
    async with database.part_for("lea").transaction() as tx:
        (newer,) = await attempts.claim_due(tx, 10)

    await apply_status(newer, ProviderStatus.RETURNED)
    for truth in (ProviderStatus.SUBMITTED, ProviderStatus.FAILED, ProviderStatus.PAID):
        await apply_status(older, truth)

    assert await state_of(lea, payout) == "returned"
    assert await rows(database, "SELECT status FROM contradictions") == []


async def rows(database, statement):
    async with database.part_for("lea").transaction() as tx:
        return [dict(row) for row in await tx.execute(text(statement))]


@pytest.mark.parametrize("status", ["paid", "failed", "returned"])
@pytest.mark.parametrize("listed", [False, True], ids=["ordered", "listed"])
async def test_what_became_of_another_attempts_transfer_settles_nothing(
    *, lea, cash_out, work, network, sandbox, status, listed
):
    """A provider that loses our filter, or a proxy that mixes up two answers."""
    counted = metric("ovation_contradictions_total", kind="transfer-foreign")
    other = {"id": "tr_other", "status": status, "reference": "somebody-elses"}
    payout = await cash_out()
    if listed:
        network.mood = "silent"
        await work()
        network.mood = "well"
    network.instead = (200, {"items": [other]} if listed else other)
    await work()

    assert await state_of(lea, payout) == "approved"
    assert metric("ovation_contradictions_total", kind="transfer-foreign") > counted
    network.instead = None
    await work()
    await wait_until_paid(sandbox)
    await work()
    assert await state_of(lea, payout) == "paid"


async def test_of_a_list_only_our_own_transfers_count(lea, cash_out, work, network, database):
    network.mood = "silent"
    payout = await cash_out()
    await work()
    network.mood = "well"
    (attempt,) = await rows(database, "SELECT id FROM attempts")
    ours = {"id": "tr_1", "status": "submitted", "reference": str(attempt["id"])}
    other = {"id": "tr_2", "status": "paid", "reference": "somebody-elses"}
    network.instead = (200, {"items": [other, ours]})

    await work()

    assert await state_of(lea, payout) == "sent"


@pytest.mark.parametrize(
    "about", [{"amount_minor": 1_499}, {"amount_minor": 1_500, "currency": "EUR"}], ids=str
)
async def test_a_transfer_of_another_amount_is_followed_and_calls_for_a_person(
    lea, cash_out, work, network, about
):
    counted = metric("ovation_contradictions_total", kind="transfer-amount")
    payout = await cash_out()
    network.instead = (201, {"id": "tr_1", "status": "submitted", **about})

    await work()

    assert await state_of(lea, payout) == "sent"
    assert metric("ovation_contradictions_total", kind="transfer-amount") == counted + 1
