"""What a shop can ask the provider: payments, cancellations, refunds, disputes."""

import asyncio

import pytest

from services.sandbox import main
from tests.clients import client_of
from tests.sandbox.conftest import settings

GOOD_CARD = "4242 4242 4242 4242"
PENDING_REFUND_CARD = "4000 0000 0000 7726"


@pytest.fixture
def paid(asked, pay):
    """Ask for a payment, and pay it."""

    async def ask_and_pay(**about):
        payment = await asked(**about)
        await pay(payment, GOOD_CARD)
        return payment

    return ask_and_pay


@pytest.fixture
def refund(shop):
    async def ask_for_refund(payment, amount_minor, key="refund-1"):
        path = f"/payments/{payment['id']}/refunds"
        wanted = {"amount_minor": amount_minor}
        return await shop.post(path, json=wanted, headers={"Idempotency-Key": key})

    return ask_for_refund


@pytest.fixture
def close_refund(shop):
    async def close(refund, *, succeeded):
        return await shop.post(f"/refunds/{refund}/close", json={"succeeded": succeeded})

    return close


@pytest.fixture
def dispute(shop):
    async def open_dispute(payment, **about):
        return await shop.post(f"/payments/{payment['id']}/disputes", json=about)

    return open_dispute


@pytest.fixture
def close(shop):
    async def close_dispute(dispute, *, won):
        return await shop.post(f"/disputes/{dispute}/close", json={"won": won})

    return close_dispute


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

    assert (answer.status_code, answer.json()["type"]) == (422, "key-reused")
    found = await shop.get("/payments", params={"reference": "purchase-1"})
    assert found.json()["items"] == [payment]


async def test_two_keys_for_one_reference_are_two_payments(asked, shop):
    first, second = await asked("key-1"), await asked("key-2")

    found = await shop.get("/payments", params={"reference": "purchase-1"})
    assert [payment["id"] for payment in found.json()["items"]] == [first["id"], second["id"]]


async def test_nothing_is_found_under_an_unknown_reference(shop):
    answer = await shop.get("/payments", params={"reference": "never-heard"})

    assert (answer.status_code, answer.json()) == (200, {"items": []})


async def test_a_payment_needs_an_idempotency_key(shop):
    wanted = {"amount_minor": 1, "currency": "USD", "reference": "p"}
    answer = await shop.post("/payments", json=wanted)

    assert (answer.status_code, answer.json()["type"]) == (400, "idempotency-key-missing")
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

    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request")


@pytest.mark.parametrize("authorization", [None, "", "Bearer wrong", "key-of-the-shop"])
@pytest.mark.parametrize(
    "path", ["/payments/pay_1", "/payments?reference=p", "/transfers/tr_1", "/events"]
)
async def test_without_the_api_key_nothing_is_told(browser, path, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await browser.get(path, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("key", "expected"), [("newest", 200), ("before", 200), ("eldest", 401), ("newest before", 401)]
)
async def test_while_the_api_key_is_replaced_either_opens(key, expected):
    app = main.build(settings(payments_key="newest\nbefore"))
    async with client_of(app, key) as shop:
        assert (await shop.get("/events")).status_code == expected


PAID_OUT = {"amount_minor": 100_000, "currency": "USD", "destination": "acct_ok", "reference": "a"}


async def test_the_key_that_takes_money_cannot_pay_it_out(shop, asked):
    """Whoever takes over purchase does not have the payout account with it."""
    payment = await asked()

    tried = [
        await shop.post("/transfers", json=PAID_OUT, headers={"Idempotency-Key": "a"}),
        await shop.get("/transfers", params={"reference": "a"}),
        await shop.get("/transfers/tr_none"),
    ]

    assert {(each.status_code, each.json()["type"]) for each in tried} == {
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

    assert {(each.status_code, each.json()["type"]) for each in tried} == {
        (403, "key-has-no-right")
    }


async def test_each_key_sees_its_own_events_and_repeats_no_others(shop, payroll, asked, pay, heard):
    await pay(await asked(), GOOD_CARD)
    await payroll.post("/transfers", json=PAID_OUT, headers={"Idempotency-Key": "a"})
    await heard(2)

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

    assert (answer.status_code, answer.json()["type"]) == (404, "not-found")


async def test_a_cancelled_payment_stays_cancelled_and_says_so_once(
    asked, shop, pay, read, heard, receiver
):
    payment = await asked()

    for _ in range(2):
        answer = await shop.post(f"/payments/{payment['id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")

    assert (await pay(payment, GOOD_CARD)).status_code == 409
    assert (await read(payment))["status"] == "cancelled"
    await heard(1)
    await asyncio.sleep(0.05)
    assert receiver.types == ["payment.cancelled"]


async def test_a_paid_payment_cannot_be_cancelled_and_is_shown(paid, shop):
    payment = await paid()

    answer = await shop.post(f"/payments/{payment['id']}/cancel")

    assert (answer.status_code, answer.json()["type"]) == (409, "already-paid")
    assert answer.json()["payment"]["id"] == payment["id"]
    assert answer.json()["payment"]["status"] == "succeeded"


async def test_refunds_add_up_to_what_was_paid_and_no_further(paid, refund, read):
    payment = await paid(amount_minor=499)

    first = await refund(payment, 300, "refund-1")
    too_much = await refund(payment, 200, "refund-2")
    rest = await refund(payment, 199, "refund-3")

    assert (first.status_code, rest.status_code) == (201, 201)
    assert (too_much.status_code, too_much.json()["type"]) == (422, "refund-too-large")
    assert too_much.json()["refundable_minor"] == 199
    assert (await read(payment))["refunded_minor"] == 499


async def test_a_refund_asked_for_twice_is_made_once(paid, refund, read, heard):
    payment = await paid()

    first, again = await refund(payment, 100), await refund(payment, 100)
    other = await refund(payment, 101)

    assert first.json() == again.json()
    assert (other.status_code, other.json()["type"]) == (422, "key-reused")
    assert (await read(payment))["refunded_minor"] == 100
    events = await heard(2)
    assert [event["type"] for event in events] == ["payment.succeeded", "refund.succeeded"]
    assert events[1]["data"]["object"] == first.json()


@pytest.mark.parametrize(("said", "called"), [({"reference": "of-mira"}, "of-mira"), ({}, "key-1")])
async def test_a_refund_is_found_in_its_payment_by_what_the_shop_calls_it_or_its_key(
    paid, shop, read, said, called
):
    payment = await paid()

    await shop.post(
        f"/payments/{payment['id']}/refunds",
        json={"amount_minor": 100, **said},
        headers={"Idempotency-Key": "key-1"},
    )

    (refund,) = (await read(payment))["refunds"]
    assert (refund["refund_reference"], refund["status"]) == (called, "succeeded")
    assert refund["reference"] == payment["reference"]


async def test_a_refund_may_take_its_time_and_its_money_is_not_offered_twice(
    *, asked, pay, refund, read, close_refund
):
    payment = await asked()
    await pay(payment, PENDING_REFUND_CARD)

    first = (await refund(payment, 499)).json()
    second = await refund(payment, 1, "refund-2")

    assert (first["status"], (await read(payment))["refunded_minor"]) == ("pending", 0)
    assert (second.status_code, second.json()["refundable_minor"]) == (422, 0)
    await close_refund(first["id"], succeeded=True)
    assert (await read(payment))["refunded_minor"] == 499


async def test_a_refund_that_was_made_may_fail_later_and_for_good(
    *, paid, refund, read, heard, close_refund
):
    payment = await paid()
    made = (await refund(payment, 499)).json()

    for _ in range(2):
        assert (await close_refund(made["id"], succeeded=False)).json()["status"] == "failed"

    assert (await close_refund(made["id"], succeeded=True)).json()["type"] == "refund-decided"
    assert (await close_refund("re_0", succeeded=True)).status_code == 404
    assert (await read(payment))["refunded_minor"] == 0
    events = await heard(3)
    assert [event["type"] for event in events][1:] == ["refund.succeeded", "refund.failed"]


async def test_every_change_of_a_payment_is_counted(paid, refund, dispute, close, read):
    payment = await paid()
    seen = [payment["sequence"], (await read(payment))["sequence"]]
    await refund(payment, 1)
    seen.append((await read(payment))["sequence"])
    opened = (await dispute(payment)).json()
    seen.append((await read(payment))["sequence"])
    await close(opened["id"], won=True)
    seen.append((await read(payment))["sequence"])

    assert seen == sorted(set(seen))
    assert (await read(payment))["sequence"] == seen[-1]


async def test_what_was_not_paid_cannot_be_refunded(asked, refund):
    answer = await refund(await asked(), 1)

    assert (answer.status_code, answer.json()["type"]) == (422, "refund-too-large")
    assert answer.json()["refundable_minor"] == 0


async def test_a_dispute_is_shown_with_its_payment(paid, dispute, read, heard):
    payment = await paid()

    opened = (await dispute(payment, amount_minor=200, reason="not_received")).json()

    assert (opened["status"], opened["amount_minor"]) == ("open", 200)
    assert (await read(payment))["disputes"] == [opened]
    events = await heard(2)
    assert events[1]["type"] == "payment.disputed"
    assert events[1]["data"]["object"] == await read(payment)


async def test_only_what_was_paid_can_be_disputed(asked, paid, dispute, read):
    open_payment = await asked("open", reference="open")
    paid_payment = await paid(key="paid", amount_minor=499)

    for refused in (await dispute(open_payment), await dispute(paid_payment, amount_minor=500)):
        assert (refused.status_code, refused.json()["type"]) == (422, "not-disputable")

    assert (await read(paid_payment))["disputes"] == []


@pytest.mark.parametrize(("won", "decision"), [(True, "won"), (False, "lost")])
async def test_the_bank_decides_a_dispute_once(
    paid, dispute, close, heard, receiver, won, decision
):
    opened = (await dispute(await paid())).json()["id"]

    decided, again = await close(opened, won=won), await close(opened, won=won)
    otherwise = await close(opened, won=not won)

    assert decided.json()["status"] == again.json()["status"] == decision
    assert (otherwise.status_code, otherwise.json()["type"]) == (409, "dispute-decided")
    events = await heard(3)
    await asyncio.sleep(0.05)
    assert receiver.types.count("payment.dispute_closed") == 1
    assert events[2]["data"]["object"]["disputes"][0]["status"] == decision


async def test_an_unknown_dispute_cannot_be_closed(close):
    answer = await close("dp_none", won=True)

    assert (answer.status_code, answer.json()["type"]) == (404, "not-found")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_anyone_may_ask_for_its_health(browser, path):
    assert (await browser.get(path)).status_code == 200
