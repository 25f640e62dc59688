"""Operators correct with four eyes, and leave a trace of everything."""

from uuid import uuid4

import pytest

from shared.contracts.purchase import PurchaseRiskFlagged
from tests.clients import a_token, client_of, is_replayed
from tests.deliveries import announced
from tests.wallet.conftest import a_gift_requested, a_purchase_paid

SCOPES = "adjustments:write wallets:freeze wallets:read audit:read books:read"
ADJUSTMENTS = "/v1/operator/wallet/adjustments"


@pytest.fixture
async def ann(app):
    async with client_of(app, a_token("ann", roles=["operator"], scope=SCOPES)) as client:
        yield client


@pytest.fixture
async def ben(app):
    async with client_of(app, a_token("ben", roles=["operator"], scope=SCOPES)) as client:
        yield client


@pytest.fixture
def coins(app):
    async def look():
        async with client_of(app, a_token("mira")) as mira:
            return (await mira.get("/v1/wallets/me")).json()["coins"]

    return look


async def ask(client, coins, *, key=None, user="mira"):
    wish = {"user": user, "amount": coins, "reason": "stream broke down"}
    headers = {"Idempotency-Key": key or uuid4().hex}
    return await client.post(ADJUSTMENTS, json=wish, headers=headers)


async def test_a_correction_moves_coins_once_a_colleague_agrees(hear, ann, ben, coins, database):
    await hear(a_purchase_paid(coins=100))
    asked = (await ask(ann, 50)).json()
    assert (await coins(), asked["state"]) == (100, "requested")

    for _ in range(2):
        answer = await ben.post(f"{ADJUSTMENTS}/{asked['adjustment']}/approve")
        assert (answer.status_code, answer.json()["state"]) == (200, "applied")

    assert await coins() == 150
    adjusted = await announced(database, "wallet.coins_adjusted")
    assert [(fact["coins"], fact["balance_coins"]) for fact in adjusted] == [(50, 150)]


async def test_nobody_agrees_with_themselves(hear, ann, coins):
    await hear(a_purchase_paid(coins=100))
    asked = (await ask(ann, 50)).json()

    answer = await ann.post(f"{ADJUSTMENTS}/{asked['adjustment']}/approve")

    assert (answer.status_code, answer.json()["code"]) == (403, "own-adjustment")
    assert await coins() == 100


@pytest.mark.parametrize("spelt", ["Ann", "ANN", " ann", "\uff41nn", "a\u200bnn"])
async def test_another_spelling_of_an_id_makes_no_colleague(app, hear, ann, coins, spelt):
    await hear(a_purchase_paid(coins=100))
    asked = (await ask(ann, 50)).json()

    async with client_of(app, a_token(spelt, roles=["operator"], scope=SCOPES)) as herself:
        answer = await herself.post(f"{ADJUSTMENTS}/{asked['adjustment']}/approve")

    assert (answer.status_code, answer.json()["code"]) == (403, "own-adjustment")
    assert await coins() == 100


@pytest.mark.parametrize("decision", ["approve", "reject"])
@pytest.mark.parametrize("spelt", ["mira", "Mira "])
async def test_nobody_decides_about_their_own_balance(app, hear, ann, ben, coins, decision, spelt):
    """Neither for what they get, nor against what is taken from them."""
    await hear(a_purchase_paid(coins=100))
    asked = (await ask(ann, -50)).json()
    path = f"{ADJUSTMENTS}/{asked['adjustment']}"

    async with client_of(app, a_token(spelt, roles=["operator"], scope=SCOPES)) as mira:
        answer = await mira.post(f"{path}/{decision}")
        wished = await ask(mira, 50)

    assert (answer.status_code, answer.json()["code"]) == (403, "own-money")
    assert (wished.status_code, wished.json()["code"]) == (403, "own-money")
    assert (await ben.post(f"{path}/approve")).json()["state"] == "applied"
    assert await coins() == 50


async def test_a_correction_that_was_rejected_cannot_be_agreed_to(hear, ann, ben):
    await hear(a_purchase_paid())
    asked = (await ask(ann, 50)).json()
    await ann.post(f"{ADJUSTMENTS}/{asked['adjustment']}/reject")

    answer = await ben.post(f"{ADJUSTMENTS}/{asked['adjustment']}/approve")

    assert (answer.status_code, answer.json()["code"]) == (409, "adjustment-decided")


async def test_a_correction_takes_coins_from_lots_and_never_more_than_there_are(
    hear, ann, ben, coins
):
    await hear(a_purchase_paid(coins=100))
    less, too_much = (await ask(ann, -30)).json(), (await ask(ann, -100)).json()

    await ben.post(f"{ADJUSTMENTS}/{less['adjustment']}/approve")
    refused = await ben.post(f"{ADJUSTMENTS}/{too_much['adjustment']}/approve")

    assert (refused.status_code, refused.json()["code"]) == (402, "insufficient-coins")
    assert await coins() == 70


async def test_granted_coins_can_be_spent_and_earn_nobody_anything(hear, ann, ben, database):
    await hear(a_purchase_paid(coins=10))
    asked = (await ask(ann, 50)).json()
    await ben.post(f"{ADJUSTMENTS}/{asked['adjustment']}/approve")

    await hear(a_gift_requested(coins=50))

    (piece,) = (await announced(database, "wallet.gift_paid"))[-1]["slices"]
    assert (piece["kind"], piece["diamond_rate_bp"]) == ("promo", 0)


async def test_a_repeated_wish_is_one_wish_and_another_under_its_key_is_refused(hear, ann):
    await hear(a_purchase_paid())
    first, again = await ask(ann, 50, key="k"), await ask(ann, 50, key="k")

    assert first.json() == again.json()
    assert [is_replayed(first), is_replayed(again)] == [False, True]
    assert (await ask(ann, 51, key="k")).json()["code"] == "key-reused"


@pytest.mark.parametrize("coins_wished", [0, 2**63, -(2**63), 1.5, "1", None], ids=str)
async def test_a_senseless_correction_is_refused(hear, ann, coins_wished):
    await hear(a_purchase_paid())

    assert (await ask(ann, coins_wished)).status_code == 422


async def test_a_frozen_wallet_pays_nothing_until_it_is_unfrozen(hear, ann, database):
    await hear(a_purchase_paid())
    why = {"reason": "account taken over"}

    await ann.post("/v1/operator/wallets/mira/freeze", json=why)
    await hear(a_gift_requested(coins=1))
    assert (await announced(database))[-1]["reason"] == "wallet-frozen"
    await ann.post("/v1/operator/wallets/mira/unfreeze", json=why)
    await hear(a_gift_requested(coins=1))

    assert (await announced(database))[-1]["name"] == "wallet.gift_paid"


async def test_coins_kept_because_of_a_warning_are_let_go_by_an_operator(hear, ann, coins):
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    await hear(
        PurchaseRiskFlagged(purchase=paid.purchase, viewer="mira", warning="efw_1", reason="stolen")
    )
    path = "/v1/operator/wallets/mira/freezes/risk:efw_1/release"

    for _ in range(2):
        answer = await ann.post(path, json={"reason": "card holder called"})
        assert answer.status_code == 204

    assert await coins() == 100


async def test_everything_is_written_down(hear, ann, ben):
    await hear(a_purchase_paid())
    asked = (await ask(ann, 50)).json()
    await ben.post(f"{ADJUSTMENTS}/{asked['adjustment']}/approve")
    await ann.post("/v1/operator/wallets/mira/freeze", json={"reason": "looks odd"})

    lines = (await ann.get("/v1/operator/wallet/audit")).json()["items"]

    assert [(line["operator"], line["action"], line["reason"]) for line in lines] == [
        ("ann", "wallet.frozen", "looks odd"),
        ("ben", "adjustment.applied", "stream broke down"),
        ("ann", "adjustment.requested", "stream broke down"),
    ]


async def test_how_much_of_a_purchase_is_consumed_is_told_in_milliunits(hear, ann):
    paid = a_purchase_paid(coins=500, amount_minor=499)
    await hear(paid)
    await hear(a_gift_requested(coins=120))

    answer = await ann.get(f"/v1/operator/wallets/mira/purchases/{paid.purchase}/consumption")

    assert answer.json()["consumption_milliunits"] == 24_000
    (lot,) = answer.json()["lots"]
    assert (lot["remaining"], lot["released_minor"]) == (380, 119)


async def test_without_the_scope_nothing_is_done(app, hear):
    await hear(a_purchase_paid())
    tokens = [a_token("mira"), a_token("ann", roles=["operator"]), a_token("mira", scope=SCOPES)]
    for token in tokens:
        async with client_of(app, token) as somebody:
            assert (await ask(somebody, 1)).status_code == 403
            why = {"reason": "because"}
            for verb in ("freeze", "unfreeze", "freezes/risk:1/release"):
                answer = await somebody.post(f"/v1/operator/wallets/mira/{verb}", json=why)
                assert answer.status_code == 403
            assert (await somebody.get("/v1/operator/wallet/audit")).status_code == 403


async def test_lots_tell_where_every_coin_went_to_their_owner_alone(app, hear):
    await hear(a_purchase_paid(coins=100), a_purchase_paid(coins=10))
    gift = a_gift_requested(coins=105)
    await hear(gift)

    async with client_of(app, a_token("mira")) as mira:
        lots = (await mira.get("/v1/wallets/me/lots", params={"limit": 1})).json()
        more = await mira.get("/v1/wallets/me/lots", params={"cursor": lots["next_cursor"]})
        moved = (await mira.get("/v1/wallets/me/movements")).json()["items"][0]
    assert [lot["spent"] for lot in lots["items"] + more.json()["items"]] == [5, 100]
    assert (moved["cause"], moved["coins"]) == (f"gift:{gift.gift}", -105)
    assert sorted(piece["coins"] for piece in moved["pieces"]) == [5, 100]
    async with client_of(app, a_token("otto")) as otto:
        assert (await otto.get("/v1/wallets/mira/lots")).status_code == 403
