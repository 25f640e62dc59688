"""What a shop can ask the provider: payments and cancellations."""

import asyncio

import pytest

from services.sandbox import main
from tests.clients import client_of
from tests.sandbox.conftest import GOOD_CARD, settings


async def test_a_new_payment_is_open_and_says_where_to_pay(ask):
    answer = await ask(amount_minor=99, reference="p-7", description="100 coins")

    payment = answer.json()
    assert answer.status_code == 201
    assert payment["id"].startswith("pay_")
    assert payment["pay_url"] == f"https://pay.example/sandbox/pay/{payment['id']}"
    assert (payment["status"], payment["disputes"], payment["paid_at"]) == ("open", [], None)
    assert (payment["amount_minor"], payment["currency"]) == (99, "USD")
    assert (payment["reference"], payment["description"]) == ("p-7", "100 coins")


async def test_the_same_request_again_is_the_same_payment(asked, shop):
    first, again = await asked(), await asked()

    assert first == again
    found = await shop.get("/payments", params={"reference": "purchase-1"})
    assert found.json()["items"] == [first]


async def test_a_hundred_equal_requests_at_once_make_one_payment(asked):
    made = await asyncio.gather(*(asked() for _ in range(100)))

    assert len({payment["id"] for payment in made}) == 1


async def test_a_repeated_request_shows_what_became_of_the_payment(asked, pay):
    payment = await asked()
    await pay(payment, GOOD_CARD)

    assert (await asked())["status"] == "succeeded"


@pytest.mark.parametrize(
    "other",
    [
        {"amount_minor": 500},
        {"currency": "EUR"},
        {"reference": "purchase-2"},
        {"description": "something else"},
        {"return_url": "https://elsewhere.example/"},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_used_key_refuses_any_other_request(asked, ask, shop, other):
    payment = await asked()

    answer = await ask(**other)

    assert (answer.status_code, answer.json()["code"]) == (422, "key-reused")
    found = await shop.get("/payments", params={"reference": "purchase-1"})
    assert found.json()["items"] == [payment]


async def test_two_keys_for_one_reference_are_two_payments(asked, shop):
    first, second = await asked("key-1"), await asked("key-2")

    found = await shop.get("/payments", params={"reference": "purchase-1"})
    assert [payment["id"] for payment in found.json()["items"]] == [first["id"], second["id"]]


async def test_nothing_is_found_under_an_unknown_reference(shop):
    answer = await shop.get("/payments", params={"reference": "never-delivered"})

    assert (answer.status_code, answer.json()) == (200, {"items": []})


async def test_a_payment_needs_an_idempotency_key(shop):
    wanted = {"amount_minor": 1, "currency": "USD", "reference": "p"}
    answer = await shop.post("/payments", json=wanted)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_minor": 0},
        {"amount_minor": -1},
        {"amount_minor": 4.99},
        {"amount_minor": "499"},
        {"amount_minor": True},
        {"currency": "usd"},
        {"currency": "ABC"},
        {"reference": "two\nlines"},
        {"return_url": "javascript:alert(1)"},
        {"unknown": 1},
    ],
    ids=str,
)
async def test_what_is_not_a_payment_is_refused(ask, wrong):
    answer = await ask(**wrong)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


@pytest.mark.parametrize("authorization", [None, "", "Bearer wrong", "key-of-the-shop"])
@pytest.mark.parametrize(
    "path", ["/payments/pay_1", "/payments?reference=p", "/transfers/tr_1", "/events"]
)
async def test_without_the_api_key_nothing_is_shown(browser, path, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await browser.get(path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("key", "expected"), [("newest", 200), ("before", 200), ("eldest", 401), ("newest before", 401)]
)
async def test_while_the_api_key_is_replaced_either_opens(key, expected):
    app = main.build(settings(payments_key="newest\nbefore"))
    async with client_of(app, key) as shop:
        assert (await shop.get("/events")).status_code == expected


PAID_OUT = {"amount_minor": 100_000, "currency": "USD", "destination": "acct_ok", "reference": "a"}


async def test_the_key_that_takes_money_cannot_pay_it_out(shop, asked):
    """A stolen key of purchase does not open the payout account."""
    payment = await asked()

    tried = [
        await shop.post("/transfers", json=PAID_OUT, headers={"Idempotency-Key": "a"}),
        await shop.get("/transfers", params={"reference": "a"}),
        await shop.get("/transfers/tr_none"),
    ]

    assert {(each.status_code, each.json()["code"]) for each in tried} == {
        (403, "key-has-no-right")
    }
    assert (await shop.get(f"/payments/{payment['id']}")).status_code == 200


async def test_the_key_that_pays_out_takes_no_money_and_gives_none_back(payroll, asked):
    payment = await asked()
    path = f"/payments/{payment['id']}"
    wanted = {"amount_minor": 499, "currency": "USD", "reference": "b"}

    tried = [
        await payroll.post("/payments", json=wanted, headers={"Idempotency-Key": "b"}),
        await payroll.get(path),
        await payroll.post(f"{path}/cancel"),
        await payroll.post(
            f"{path}/refunds", json={"amount_minor": 1}, headers={"Idempotency-Key": "c"}
        ),
        await payroll.post(f"{path}/disputes", json={}),
        await payroll.post("/disputes/none/close", json={"won": True}),
        await payroll.post("/refunds/none/close", json={"succeeded": True}),
    ]

    assert {(each.status_code, each.json()["code"]) for each in tried} == {
        (403, "key-has-no-right")
    }


async def test_each_key_sees_its_own_events_and_repeats_no_others(
    shop, payroll, asked, pay, delivered
):
    await pay(await asked(), GOOD_CARD)
    await payroll.post("/transfers", json=PAID_OUT, headers={"Idempotency-Key": "a"})
    await delivered(2)

    (payment,) = (await shop.get("/events")).json()["items"]
    (transfer,) = (await payroll.get("/events")).json()["items"]

    assert (payment["type"], transfer["type"]) == ("payment.succeeded", "transfer.paid")
    assert (await shop.post(f"/events/{transfer['id']}/redeliver")).status_code == 404
    assert (await payroll.post(f"/events/{payment['id']}/redeliver")).status_code == 404


async def test_without_the_api_key_nothing_is_made(shop, ask):
    shop.headers["Authorization"] = "Bearer wrong"
    assert (await ask()).status_code == 401

    shop.headers["Authorization"] = "Bearer key-of-the-shop"
    found = await shop.get("/payments", params={"reference": "purchase-1"})
    assert found.json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/payments/pay_none"),
        ("POST", "/payments/pay_none/cancel"),
        ("GET", "/transfers/tr_none"),
        ("POST", "/events/evt_none/redeliver"),
    ],
)
async def test_what_does_not_exist_is_not_found(shop, payroll, method, path):
    asks = payroll if "/transfers" in path else shop
    answer = await asks.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_cancelled_payment_stays_cancelled_and_says_so_once(
    asked, shop, pay, read, delivered, receiver
):
    payment = await asked()

    for _ in range(2):
        answer = await shop.post(f"/payments/{payment['id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")

    assert (await pay(payment, GOOD_CARD)).status_code == 409
    assert (await read(payment))["status"] == "cancelled"
    await delivered(1)
    await asyncio.sleep(0.05)
    assert receiver.types == ["payment.cancelled"]


async def test_a_paid_payment_cannot_be_cancelled_and_is_shown(paid, shop):
    payment = await paid()

    answer = await shop.post(f"/payments/{payment['id']}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (409, "already-paid")
    assert answer.json()["payment"]["id"] == payment["id"]
    assert answer.json()["payment"]["status"] == "succeeded"


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_anyone_may_ask_for_its_health(browser, path):
    assert (await browser.get(path)).status_code == 200
