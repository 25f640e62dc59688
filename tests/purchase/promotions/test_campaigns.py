"""Campaigns: an operator starts one, and changes no more of it than its budget and its end."""

import json

import pytest

from shared.postgres.statements import text
from tests.clients import a_token, an_operator_token
from tests.purchase.promotions.conftest import CODE


async def test_a_campaign_is_what_it_was_and_only_its_budget_and_its_end_change(
    put, buy, campaigns, rows
):
    started = await put()
    assert started.json()["code"] == "WINTER-26"
    assert (await put()).json() == started.json()
    await buy(**CODE)

    assert (await put(coins=60)).json()["code"] == "campaign-differs"
    assert (await put("summer")).json()["code"] == "code-taken"
    too_low = await put(budget_coins=49, coins=49)
    assert too_low.json()["code"] == "campaign-differs"
    await put("summer", code="summer")
    assert (await put(budget_coins=50)).json()["promised_coins"] == 50
    ended = await put(budget_coins=50, valid_until="2026-01-02T00:00:00Z")

    assert ended.json()["valid_until"] == "2026-01-02T00:00:00Z"
    assert (await buy(viewer="noa", **CODE)).json()["code"] == "promo-code-ended"
    assert [
        (line["action"], line["facts"]["campaign"], line["facts"]["budget_coins"])
        for line in map(as_read, await rows("SELECT * FROM audit ORDER BY id"))
    ] == [
        ("campaign.started", "winter", 1_000),
        ("campaign.started", "summer", 1_000),
        ("campaign.changed", "winter", 50),
        ("campaign.changed", "winter", 50),
    ]


async def test_a_budget_is_never_below_what_was_promised(put, buy):
    await put(coins=10)
    for viewer in ("mira", "noa", "ida"):
        await buy(viewer=viewer, **CODE)

    refused = await put(coins=10, budget_coins=29)

    assert (refused.status_code, refused.json()["code"]) == (409, "budget-promised")
    assert refused.json()["promised_coins"] == 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"coins": 0},
        {"coins": 51, "budget_coins": 50},
        {"coins": 10**10},
        {"coins": "50"},
        {"coins": True},
        {"coins_days": 0},
        {"countries": ["QQ"]},
        {"countries": ["de"]},
        {"code": "abc"},
        {"code": "a b c d"},
        {"code": "\u00e9t\u00e9-2026"},
        {"valid_until": "9999-12-31T23:59:59-23:00"},
        {"valid_from": "0001-01-01T00:00:00+23:00"},
        {"valid_from": "2026-01-01T00:00:00"},
        {"reason": ""},
        {"more": 1},
    ],
    ids=str,
)
async def test_a_campaign_that_makes_no_sense_is_refused(put, rows, wrong):
    assert (await put(**wrong)).status_code == 422
    assert await rows("SELECT name FROM campaigns") == []


@pytest.mark.parametrize("name", ["Winter", "w%20w", "-", "w" * 65, "%00"])
async def test_a_campaign_has_a_plain_name(put, name):
    assert (await put(name)).status_code == 422


async def test_only_operators_for_promotions_run_campaigns(put):
    assert (await put(token=a_token("mira"))).status_code == 403
    assert (await put(token=an_operator_token("books:read"))).status_code == 403


async def test_verification_finds_a_budget_that_promised_what_nobody_has(
    put, buy, database, violations
):
    await put()
    await buy(**CODE)
    async with database.reference.transaction() as tx:
        await tx.execute(text("UPDATE campaigns SET promised_coins = 70"))

    (found,) = await violations()

    assert found.detail == "campaign winter has 70 coins promised, its promises are 50"
    async with database.reference.transaction() as tx:
        await tx.execute(text("UPDATE campaigns SET promised_coins = 50"))


def as_read(row):
    facts = row["facts"]
    return {**row, "facts": json.loads(facts) if isinstance(facts, str) else facts}
