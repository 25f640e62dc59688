"""More coins than were paid for: once, within a budget, and gone with their purchase."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.purchase.commands.promotions import check_promises, reserve_coins
from services.purchase.store import campaign_promises
from shared.contracts.wallet import CoinsFrozen, Lot, LotKind, lot_id
from shared.postgres.statements import text
from tests.deliveries import announced
from tests.purchase.conftest import RULES
from tests.purchase.promotions.conftest import CODE
from tests.quotas import leave


async def test_a_code_brings_coins_that_expire_and_the_wallet_is_told(
    buy, put, pay, credit, read, database, campaigns
):
    assert (await put()).status_code == 200
    bought = (await buy(**CODE)).json()
    assert (bought["promo_coins"], bought["promo_expires_at"]) == (50, None)

    await pay(bought["purchase"])
    await credit(bought["purchase"], coins=150)

    (fact,) = await announced(database, "purchase.paid")
    assert (fact["promo_coins"], fact["campaign"], fact["coins"]) == (50, "winter", 100)
    paid_at, expires_at = map(datetime.fromisoformat, (fact["paid_at"], fact["promo_expires_at"]))
    assert expires_at - paid_at == timedelta(days=7)
    now = await read(bought["purchase"])
    assert now["state"] == "completed"
    assert datetime.fromisoformat(now["promo_expires_at"]) == expires_at
    winter = (await campaigns())["winter"]
    assert (winter["promised_coins"], winter["paid_coins"], winter["paid_purchases"]) == (50, 50, 1)


async def test_a_budget_is_never_exceeded_however_many_come_at_once(buy, put, campaigns, rows):
    await put(budget_coins=370)

    answers = await asyncio.gather(
        *(buy(viewer=f"viewer-{n}", key="one", **CODE) for n in range(20))
    )

    refused = [answer for answer in answers if answer.is_error]
    assert len(refused) == 13
    assert {(each.status_code, each.json()["code"]) for each in refused} == {
        (409, "promo-code-ended")
    }
    assert (await campaigns())["winter"]["promised_coins"] == 350
    # What was refused was not recorded either.
    assert len(await rows("SELECT id FROM purchases")) == 7


async def test_a_code_counts_once_a_viewer_also_at_once(buy, put, campaigns):
    await put()

    answers = await asyncio.gather(*(buy(key=f"key-{n}", **CODE) for n in range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {each.json()["code"] for each in answers if each.is_error} == {"promo-code-used"}
    assert (await campaigns())["winter"]["promised_coins"] == 50


async def test_a_repeat_is_answered_as_before_and_takes_nothing_again(buy, put, campaigns):
    await put(budget_coins=50)
    first = (await buy(**CODE)).json()

    repeats = await asyncio.gather(*(buy(**CODE) for _ in range(5)))

    assert [each.json() for each in repeats] == [first] * 5
    assert (await buy()).json()["code"] == "key-reused"
    assert (await campaigns())["winter"]["promised_coins"] == 50


async def test_what_is_not_paid_gives_the_budget_back_once(buy, put, fail, wait, campaigns, read):
    await put(budget_coins=100)
    declined = (await buy(viewer="mira", **CODE)).json()["purchase"]
    expired = (await buy(viewer="noa", **CODE)).json()["purchase"]
    assert (await buy(viewer="ida", **CODE)).json()["code"] == "promo-code-ended"

    await fail(declined)
    await fail(declined)
    assert (await campaigns())["winter"]["promised_coins"] == 50
    await wait(minutes=60)

    assert (await campaigns())["winter"]["promised_coins"] == 0
    assert (await read(expired, viewer="noa"))["promo_coins"] == 0
    assert (await buy(viewer="mira", key="again", **CODE)).json()["promo_coins"] == 50


async def test_money_that_comes_late_buys_what_it_pays_for_and_no_promise(
    buy, put, pretend, send_webhook, wait, credit, read, campaigns, promote, database
):
    await put()
    late = (await buy(**CODE)).json()["purchase"]
    await wait(minutes=60)
    again = (await buy(key="again", **CODE)).json()
    assert (again["promo_coins"], again["bonus_coins"]) == (50, 10)

    pretend.become(late, "succeeded")
    await send_webhook(late)
    await credit(late, coins=100)

    found = await read(late)
    assert (found["state"], found["promo_coins"], found["bonus_coins"]) == ("completed", 0, 0)
    (fact,) = await announced(database, "purchase.paid")
    assert (fact["late"], fact["promo_coins"], fact["campaign"]) == (True, 0, None)
    assert (await campaigns())["winter"]["promised_coins"] == 50


async def test_money_of_another_amount_keeps_no_promise_from_others(
    buy, put, pretend, send_webhook, campaigns, promote, read
):
    """A mismatched purchase waits for a person, perhaps for weeks: its promises do not."""
    await put(budget_coins=50)
    purchase = (await buy(**CODE)).json()["purchase"]
    pretend.become(purchase, "succeeded", amount_minor=98)
    await send_webhook(purchase)

    found = await read(purchase)
    assert (found["state"], found["promo_coins"], found["bonus_coins"]) == ("mismatched", 0, 0)
    assert (await campaigns())["winter"]["promised_coins"] == 0
    again = (await buy(key="again", **CODE)).json()
    assert (again["promo_coins"], again["bonus_coins"]) == (50, 10)


@pytest.mark.parametrize(
    ("campaign", "order", "status", "why"),
    [
        ({}, {"promo_code": "winter-27"}, 404, "unknown-promo-code"),
        ({"valid_from": "2098-01-01T00:00:00Z"}, {}, 404, "unknown-promo-code"),
        ({"valid_until": "2026-01-02T00:00:00Z"}, {}, 409, "promo-code-ended"),
        ({"coins_min": 101}, {}, 422, "promo-code-not-valid"),
        ({"countries": ["FR"]}, {}, 422, "promo-code-not-valid"),
        ({}, {"promo_code": "win"}, 422, "invalid-request"),
        ({}, {"promo_code": "w" * 33}, 422, "invalid-request"),
        ({}, {"promo_code": "winter 26"}, 422, "invalid-request"),
        ({}, {"promo_code": "w\u0131nter-26"}, 422, "invalid-request"),
        ({}, {"promo_code": "winter-26\n"}, 422, "invalid-request"),
        ({}, {"promo_code": "winter\u0000"}, 422, "invalid-request"),
        ({}, {"promo_code": ["winter-26"]}, 422, "invalid-request"),
        ({}, {"promo_code": ""}, 422, "invalid-request"),
    ],
)
async def test_a_code_that_is_not_for_this_purchase_sells_nothing(
    buy, put, rows, campaign, order, status, why
):
    await put(**campaign)

    refused = await buy(claims={"country": "DE"}, **{**CODE, **order})

    assert (refused.status_code, refused.json()["code"]) == (status, why)
    assert await rows("SELECT id FROM purchases") == []


async def test_codes_are_tried_so_many_times_a_day_also_wrong_ones_and_at_once(
    buy, put, database, rows
):
    await put()
    await leave(database, "mira", RULES.quotas.promo_codes, 3)

    answers = await asyncio.gather(
        *(buy(key=f"key-{n}", promo_code=f"WINTER-{n}") for n in range(10))
    )

    assert sorted(answer.status_code for answer in answers) == [404] * 3 + [429] * 7
    assert (await buy(**CODE)).json()["act"] == "promo-codes"
    assert [fact["rule"] for fact in await announced(database)] == ["promo-codes"]
    assert (await buy()).status_code == 201


async def test_a_known_purchase_is_found_when_no_tries_are_left(buy, put, database):
    await put()
    first = (await buy(**CODE)).json()
    await leave(database, "mira", RULES.quotas.promo_codes, 0)

    assert (await buy(**CODE)).json() == first


async def test_a_refund_takes_promo_coins_back_and_pays_for_the_others(
    buy, put, pay, credit, request_refund, consume, give_back, refund_of, pretend
):
    """All that was bought is unused, half of the promo coins expired: the whole price goes back."""
    await put()
    purchase = (await buy(claims={"country": "DE"}, **CODE)).json()["purchase"]
    await pay(purchase)
    await credit(purchase, coins=150)
    refund = (await request_refund(purchase)).json()["refund"]

    lots = tuple(
        Lot(lot=lot_id(UUID(purchase), kind), kind=kind, coins=coins)
        for kind, coins in ((LotKind.PAID, 100), (LotKind.PROMO, 25))
    )
    held = CoinsFrozen(
        viewer="mira", purchase=UUID(purchase), freeze=refund, coins=125, lots=lots, balance_coins=0
    )
    await consume(held)
    await give_back()

    found = await refund_of(purchase)
    assert (found["state"], found["coins"], found["amount_minor"]) == ("refunded", 125, 99)


async def test_a_promise_whose_request_died_is_given_back_after_an_hour(
    buy, put, campaigns, database, violations
):
    """A process can end between taking from a budget and recording the purchase."""
    await put(budget_coins=50)
    await reserve_coins(database, "mira", "key-1", "winter-26")
    assert (await buy(**CODE)).json()["code"] == "promo-code-ended"
    assert await violations() == []

    await check_promises(database)
    assert (await campaigns())["winter"]["promised_coins"] == 50
    await promises_are_due(database)
    await check_promises(database)

    assert (await campaigns())["winter"]["promised_coins"] == 0
    assert (await buy(**CODE)).json()["promo_coins"] == 50


async def test_a_promise_is_kept_once_it_is_paid_and_looked_at_until_then(
    buy, put, pay, campaigns, database, rows
):
    await put(budget_coins=100)
    open_purchase = (await buy(key="open", **CODE)).json()
    paid = (await buy(viewer="noa", **CODE)).json()["purchase"]
    await pay(paid)
    await promises_are_due(database)

    await check_promises(database)
    await check_promises(database)

    checked = await rows("SELECT purchase FROM campaign_promises WHERE next_check_at IS NOT NULL")
    assert [str(each["purchase"]) for each in checked] == [open_purchase["purchase"]]
    assert (await campaigns())["winter"]["promised_coins"] == 100


async def test_a_promise_that_lapsed_is_given_back_although_the_process_died_before(
    buy, put, fail, campaigns, database, rows, monkeypatch
):
    await put(budget_coins=50)
    bought = (await buy(**CODE)).json()["purchase"]

    async def die(*_):
        raise RuntimeError

    with monkeypatch.context() as dying:
        dying.setattr(campaign_promises, "give_back", die)
        await fail(bought)
    assert (await campaigns())["winter"]["promised_coins"] == 50
    await promises_are_due(database)
    await check_promises(database)

    assert (await campaigns())["winter"]["promised_coins"] == 0
    assert await rows("SELECT 1 FROM campaign_promises") == []


async def promises_are_due(database):
    async with database.reference.transaction() as tx:
        await tx.execute(
            text("UPDATE campaign_promises SET next_check_at = now() WHERE next_check_at > now()")
        )
