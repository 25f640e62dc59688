"""A person who is erased: names, addresses and webhooks go, purchases and books stay."""

import json
from uuid import uuid4

import pytest

from services.purchase.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import repeat_erasures
from shared.contracts.gift import ErasureRequested, UserErased
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import announced
from tests.purchase.wallet_events import coins_held
from tests.searching import tables_with

NOW = "2026-11-29T12:00:00Z"


@pytest.fixture
def obstacles(consume, database):
    """Ask whether a viewer's money is settled."""

    async def ask(user="mira"):
        asked = ErasureRequested(erasure=uuid4(), user=user, forfeit=False)
        await consume(asked)
        facts = await announced(database, "purchase.erasure_checked")
        (fact,) = [each for each in facts if each["erasure"] == str(asked.erasure)]
        return fact["obstacles"]

    return ask


@pytest.fixture
def erase(consume, database):
    """Tell the service that a viewer is erased; return how much went, by kind."""

    async def tell(user="mira"):
        event = UserErased(erasure=uuid4(), user=user, erased_at=NOW)
        await consume(event)
        await consume(event)
        facts = await announced(database, "purchase.data_erased")
        (fact,) = [each for each in facts if each["erasure"] == str(event.erasure)]
        return {each["kind"]: each["count"] for each in fact["kinds"]}

    return tell


@pytest.fixture
def found(database):
    return lambda words: tables_with(database, words)


async def test_the_name_and_the_address_of_a_withdrawal_go_and_the_rest_stays(
    bought_in, withdraw, erase, found, rows, give_back, consume
):
    purchase = await bought_in()
    answer = await withdraw(purchase)
    refund = answer.json()["refund"]["refund"]
    await consume(coins_held(purchase, refund))
    await give_back()
    assert {"withdrawals", "event_archive"} <= set(await found("Mira Example"))

    gone = await erase()

    assert (gone["withdrawals"], gone["events"]) == (1, 1)
    assert await found("Mira Example") == []
    assert await rows("SELECT consumer_name, reply_to FROM withdrawals") == [
        {"consumer_name": "", "reply_to": None}
    ]


async def test_webhooks_go_and_those_that_come_later_too(
    bought_in, send_webhook, erase, rows, database
):
    purchase = await bought_in()
    other = await bought_in(key="other")
    gone = await erase()
    assert gone["webhooks"] == 2

    await send_webhook(purchase)
    await send_webhook(other)
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(text("UPDATE erased_users SET repeat_at = now()"))
        await repeat_erasures(tx, PERSONAL_DATA)

    assert await rows("SELECT 1 FROM webhook_archive") == []
    assert await rows("SELECT count FROM erased_kinds WHERE kind = 'webhooks'") == [{"count": 4}]


async def test_an_erasure_is_repeated_as_long_as_old_messages_come(
    bought_in, erase, rows, database
):
    await bought_in()
    await erase()
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(
            text("""
            UPDATE erased_users SET repeat_at = now(), erased_at = erased_at - interval '35 days'
        """)
        )
        await repeat_erasures(tx, PERSONAL_DATA)

    assert await rows("SELECT repeat_at FROM erased_users") == [{"repeat_at": None}]


async def test_what_is_open_is_an_obstacle(bought_in, buy, request_refund, obstacles):
    assert await obstacles() == []
    purchase = await bought_in()
    assert await obstacles() == []

    await request_refund(purchase)
    await buy(key="unpaid")

    assert await obstacles() == ["purchase-open", "refund-open"]
    assert await obstacles("noa") == []


async def test_an_export_has_all_of_a_viewer_and_nothing_of_another(bought_in, withdraw, app):
    purchase = await bought_in()
    await withdraw(purchase)

    async with client_of(app, a_token("mira")) as client:
        lines = (await client.get("/v1/me/export/purchase")).text.splitlines()
    async with client_of(app, a_token("noa")) as client:
        others = (await client.get("/v1/me/export/purchase")).text

    rows = [json.loads(line) for line in lines]
    kinds = {each["kind"] for each in rows}
    assert {"purchases", "payments", "refunds", "withdrawals", "country_evidence"} <= kinds
    assert {"Mira Example"} == {
        each["row"]["consumer_name"] for each in rows if each["kind"] == "withdrawals"
    }
    assert others == ""
