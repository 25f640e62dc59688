"""A person asks to be erased: nothing goes before all money is settled, and then all of it."""

import time
from dataclasses import replace
from itertools import permutations
from uuid import UUID

import pytest

from services.gift.api.erasures import ERASURE_REQUESTS
from services.gift.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import measure
from shared.contracts.erasures import (
    ErasedKind,
    LiveDataErased,
    PayoutDataErased,
    PayoutErasureChecked,
    PurchaseDataErased,
    PurchaseErasureChecked,
    WalletDataErased,
    WalletErasureChecked,
    WebhooksDataErased,
)
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import announced
from tests.gift.conftest import paid
from tests.metrics import metric
from tests.quotas import leave

CHECKED = (PurchaseErasureChecked, WalletErasureChecked, PayoutErasureChecked)
STATES = ("checking", "erased")
ERASED = (
    *(PurchaseDataErased, WalletDataErased, PayoutDataErased),
    *(LiveDataErased, WebhooksDataErased),
)


@pytest.fixture
def erase(mira):
    async def ask(**query):
        return await mira.delete("/v1/me", params=query)

    return ask


@pytest.fixture
def answer(hear):
    """Let services say whether a person's money is settled; `obstacles` are by service."""

    async def say(erasure, *contracts, **obstacles):
        for contract in contracts:
            said = tuple(obstacles.get(contract.owner(), ()))
            await hear(contract(erasure=UUID(erasure), user="mira", obstacles=said))

    return say


@pytest.fixture
def row(database):
    async def read(statement):
        async with database.transaction() as tx:
            return dict((await tx.execute(text(statement))).one())

    return read


async def test_nothing_goes_before_all_have_answered(erase, answer, ask, hear, row, database):
    gift = (await ask(message="Hello")).json()["gift"]
    await hear(paid(gift))
    asked = (await erase()).json()
    assert asked["state"] == "checking"

    await answer(asked["erasure"], *CHECKED[:2])

    assert (await row("SELECT message FROM gifts"))["message"] == "Hello"
    assert await announced(database, "gift.user_erased") == []


@pytest.mark.parametrize("order", list(permutations(CHECKED)))
async def test_the_last_answer_decides_in_any_order(
    erase, answer, ask, hear, row, mira, database, order
):
    gift = (await ask(message="Hello")).json()["gift"]
    await hear(paid(gift))
    erasure = (await erase()).json()["erasure"]

    await answer(erasure, *order)
    await answer(erasure, *order)

    assert (await mira.get("/v1/me/erasure")).json()["state"] == "erased"
    assert await row("SELECT message, message_state FROM gifts") == {
        "message": None,
        "message_state": "removed",
    }
    (fact,) = await announced(database, "gift.user_erased")
    assert (fact["user"], fact["erasure"]) == ("mira", erasure)
    (removed,) = await announced(database, "gift.message_removed")
    assert removed["gift"] == gift
    assert (await row("SELECT count(*) AS n FROM messages"))["n"] == 0


@pytest.mark.parametrize("order", list(permutations(CHECKED)))
async def test_one_obstacle_refuses_it_and_names_all(erase, answer, mira, database, order):
    erasure = (await erase()).json()["erasure"]

    await answer(erasure, *order, payout=["payout-open"], wallet=["coins-left"])

    found = (await mira.get("/v1/me/erasure")).json()
    said = {each["service"]: each["obstacles"] for each in found["services"]}
    assert found["state"] == "refused"
    assert (said["payout"], said["wallet"]) == (["payout-open"], ["coins-left"])
    assert await announced(database, "gift.user_erased") == []


async def test_after_a_refusal_it_is_asked_anew_and_coins_are_given_up(erase, answer, database):
    first = (await erase()).json()["erasure"]
    await answer(first, *CHECKED, wallet=["coins-left"])

    second = (await erase(forfeit=True)).json()
    # An answer to the first request says nothing of the second.
    await answer(first, *CHECKED)

    assert second["erasure"] != first
    assert second["state"] == "checking"
    facts = await announced(database, "gift.erasure_requested")
    assert [fact["forfeit"] for fact in facts] == [False, True]


async def test_asked_again_it_is_the_same_request(erase, answer, database):
    first = (await erase()).json()["erasure"]
    assert (await erase()).json()["erasure"] == first
    await answer(first, *CHECKED)

    assert (await erase()).json()["erasure"] == first
    assert len(await announced(database, "gift.erasure_requested")) == 1


async def test_what_services_erased_is_the_proof(erase, answer, hear, mira):
    erasure = (await erase()).json()["erasure"]
    await answer(erasure, *CHECKED)

    for contract in ERASED:
        kinds = (ErasedKind(kind="webhooks", count=2),)
        event = contract(erasure=UUID(erasure), user="mira", kinds=kinds)
        await hear(event)
        await hear(event)

    services = (await mira.get("/v1/me/erasure")).json()["services"]
    erased = {each["service"]: each["erased"] for each in services}
    assert erased == {
        "purchase": {"webhooks": 2},
        "wallet": {"webhooks": 2},
        "payout": {"webhooks": 2},
        "gift": {"messages": 0, "events": 0},
        "live": {"webhooks": 2},
        "webhooks": {"webhooks": 2},
    }


async def test_a_gift_that_is_paid_after_the_erasure_has_no_message(
    erase, answer, ask, hear, database
):
    gift = (await ask(message="Hello")).json()["gift"]
    await answer((await erase()).json()["erasure"], *CHECKED)

    await hear(paid(gift))

    (sent,) = await announced(database, "gift.sent")
    assert sent["message"] is None
    assert await announced(database, "gift.message_removed") == []


async def test_a_message_that_was_approved_goes_from_its_event_too(
    erase, answer, ask, hear, row, app
):
    async with client_of(app, a_token("lea", roles=["creator"])) as lea:
        await lea.put("/v1/gifts/creators/lea/rules", json={"hold_messages": True})
        gift = (await ask(message="Hello")).json()["gift"]
        await hear(paid(gift))
        shown = await lea.put(f"/v1/gifts/creators/lea/messages/{gift}", json={"state": "shown"})
        assert shown.status_code == 200
    await answer((await erase()).json()["erasure"], *CHECKED)

    found = await row("SELECT count(*) AS n FROM event_archive WHERE event::text LIKE '%Hello%'")
    assert found["n"] == 0


@pytest.mark.parametrize("seconds", [901, None])
async def test_it_needs_a_fresh_login(app, seconds):
    signed_in = int(time.time()) - seconds if seconds else None
    async with client_of(app, a_token("mira", auth_time=signed_in)) as client:
        refused = await client.delete("/v1/me")

    assert (refused.status_code, refused.json()["code"]) == (403, "login-too-old")
    assert refused.json()["max_age_seconds"] == 900


async def test_a_person_asks_so_many_times_a_day(erase, database):
    await leave(database, "mira", ERASURE_REQUESTS, 1)

    assert (await erase()).status_code == 202
    assert (await erase()).json()["act"] == "erasure-requests"


async def test_who_never_asked_has_no_erasure(mira):
    assert (await mira.get("/v1/me/erasure")).json()["code"] == "no-erasure"


async def test_an_export_has_every_gift_and_nothing_of_others(ask, mira, app):
    gift = (await ask(message="Hello")).json()["gift"]

    listed = (await mira.get("/v1/me/export")).json()["items"]
    own = (await mira.get("/v1/me/export/gift")).text.splitlines()
    async with client_of(app, a_token("otto")) as otto:
        others = (await otto.get("/v1/me/export/gift")).text

    assert [each["service"] for each in listed] == ["purchase", "wallet", "payout", "gift", "live"]
    assert any(f'"id": "{gift}"' in line and '"message": "Hello"' in line for line in own)
    assert others == ""


async def test_an_erasure_that_a_service_does_not_answer_is_overdue(
    erase, answer, hear, database, row
):
    (monitor,) = (each for each in IN_FLIGHT if each.type == "erasure")

    async def measured():
        await measure(database, replace(monitor, overdue_seconds=dict.fromkeys(STATES, 0)))
        open_ = {
            state: metric("ovation_in_flight", type="erasure", state=state) for state in STATES
        }
        return open_, metric("ovation_in_flight_overdue", type="erasure")

    erasure = (await erase()).json()["erasure"]
    await answer(erasure, *CHECKED[:2])
    assert await measured() == ({"checking": 1, "erased": 0}, 1)

    await answer(erasure, CHECKED[2])
    assert await measured() == ({"checking": 0, "erased": 1}, 1)

    for contract in ERASED:
        kinds = (ErasedKind(kind="things", count=1),)
        await hear(contract(erasure=UUID(erasure), user="mira", kinds=kinds))
    assert await measured() == ({"checking": 0, "erased": 0}, 0)
