"""The fake PayPal says what PayPal's documents allow, and keeps books that add up."""

import asyncio

import httpx
import pytest

from tests.fakes.paypal import payer
from tests.fakes.paypal.payer import APPROVABLE_SECONDS
from tests.fakes.paypal.requests import an_order, issue

DAY = 86_400


async def test_an_order_is_approved_by_its_payer_and_captured_by_us(paypal, ask):
    created = await ask("POST", "/v2/checkout/orders", an_order(), key="o1")
    order = f"/v2/checkout/orders/{created.json()['id']}"

    refused = await ask("POST", f"{order}/capture", {}, key="c1")
    paypal.approve(created.json()["id"])
    captured = await ask("POST", f"{order}/capture", {}, key="c1")
    again = await ask("POST", f"{order}/capture", {}, key="c2")

    assert created.status_code == 201
    assert (refused.status_code, issue(refused)) == (422, "ORDER_NOT_APPROVED")
    assert captured.json()["status"] == "COMPLETED"
    breakdown = captured.json()["purchase_units"][0]["payments"]["captures"][0][
        "seller_receivable_breakdown"
    ]
    assert breakdown["paypal_fee"]["value"] == "0.84"
    assert breakdown["net_amount"]["value"] == "9.15"
    assert issue(again) == "ORDER_ALREADY_CAPTURED"
    assert (await ask("GET", order)).json()["status"] == "COMPLETED"
    assert paypal.books() == {"USD": {"payments": 999, "fees": -84}}


async def test_a_lost_answer_is_found_under_its_request_id_until_it_is_forgotten(paypal, ask):
    paypal.lose_answer(operation="POST /v2/checkout/orders")
    with pytest.raises(httpx.HTTPError):
        await ask("POST", "/v2/checkout/orders", an_order(), key="o1")
    found = await ask("POST", "/v2/checkout/orders", an_order(), key="o1")

    assert found.status_code == 200
    assert len(paypal.orders) == 1
    paypal.skew(6 * 3600 - 60)
    token = await ask("GET", f"/v2/checkout/orders/{found.json()['id']}")
    assert token.status_code == 404, "nobody approved it for three hours"
    paypal.skew(6 * 3600 + 60)
    assert (await ask("POST", "/v2/checkout/orders", an_order(), key="o1")).status_code == 201
    assert len(paypal.orders) == 2


async def test_an_answer_is_minimal_unless_more_is_asked_for(paypal, ask):
    async with httpx.AsyncClient(base_url=paypal.url) as client:
        form = {"grant_type": "client_credentials"}
        login = (paypal.client, paypal.secret)
        token = (await client.post("/v1/oauth2/token", data=form, auth=login)).json()
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        minimal = await client.post("/v2/checkout/orders", json=an_order())

    assert set(minimal.json()) == {"id", "status", "links"}


async def test_without_a_valid_token_nothing_is_said(paypal, ask):
    async with httpx.AsyncClient(base_url=paypal.url) as client:
        wrong = await client.post(
            "/v1/oauth2/token", data={"grant_type": "client_credentials"}, auth=("x", "y")
        )
        none = await client.get("/v2/checkout/orders/X")
    paypal.skew(32_401)

    assert (wrong.status_code, none.status_code) == (401, 401)
    assert (await ask("GET", "/v1/customer/disputes")).status_code == 401


@pytest.mark.parametrize("choice", ["approve", "cancel", "decline"])
async def test_a_payer_chooses_on_the_page_and_is_sent_back(paypal, ask, choice):
    context = {
        "return_url": "https://shop.example/back?p=1",
        "cancel_url": "https://shop.example/no",
    }
    source = {"paypal": {"experience_context": context}}
    order = (
        await ask("POST", "/v2/checkout/orders", an_order() | {"payment_source": source}, key="o")
    ).json()
    page = next(each["href"] for each in order["links"] if each["rel"] == "payer-action")

    async with httpx.AsyncClient() as browser:
        shown = await browser.get(page)
        back = await browser.post(page, data={"choice": choice})
    captured = await ask("POST", f"/v2/checkout/orders/{order['id']}/capture", {})

    assert "9.99 USD" in shown.text
    assert "Practice" in shown.text
    where = back.headers["Location"]
    if choice == "cancel":
        assert where == f"https://shop.example/no?token={order['id']}"
        assert issue(captured) == "ORDER_NOT_APPROVED"
    else:
        assert where.startswith(f"https://shop.example/back?p=1&token={order['id']}&PayerID=")
    if choice == "decline":
        assert issue(captured) == "INSTRUMENT_DECLINED"
        assert not paypal.captures
    if choice == "approve":
        assert captured.json()["status"] == "COMPLETED"


async def test_a_payer_who_complains_later_waits_for_the_capture(paypal, ask, monkeypatch):
    monkeypatch.setattr(payer, "DISPUTE_SECONDS", 0)
    order = (await ask("POST", "/v2/checkout/orders", an_order())).json()
    page = next(each["href"] for each in order["links"] if each["rel"] == "approve")
    async with httpx.AsyncClient() as browser:
        await browser.post(page, data={"choice": "dispute"})
        assert not paypal.disputes
        await ask("POST", f"/v2/checkout/orders/{order['id']}/capture", {})
        async with asyncio.timeout(5):
            while not paypal.disputes:
                await asyncio.sleep(0)
        assert "COMPLETED" in (await browser.get(page)).text


async def test_an_order_is_gone_after_three_hours(paypal, ask):
    order = (await ask("POST", "/v2/checkout/orders", an_order())).json()["id"]
    paypal.skew(APPROVABLE_SECONDS + 1)

    gone = await ask("GET", f"/v2/checkout/orders/{order}")
    assert (gone.status_code, issue(gone)) == (404, "INVALID_RESOURCE_ID")


async def test_a_pending_capture_completes_its_order_and_arrives_later_or_never(paypal, ask, pay):
    first = await pay(outcome="ECHECK")
    second = await pay(outcome="PENDING_REVIEW")
    path = f"/v2/payments/captures/{first['id']}"
    refused = await ask("POST", f"{path}/refund", {})

    assert first["status_details"] == {"reason": "ECHECK"}
    assert issue(refused) == "PENDING_CAPTURE"
    assert paypal.books() == {}
    paypal.complete_capture(first["id"])
    paypal.deny_capture(second["id"])
    assert (await ask("GET", path)).json()["status"] == "COMPLETED"
    assert paypal.books() == {"USD": {"payments": 999, "fees": -84}}
    kinds = [webhook.kind for webhook in paypal.sent if webhook.kind.startswith("PAYMENT")]
    assert kinds == [
        "PAYMENT.CAPTURE.PENDING",
        "PAYMENT.CAPTURE.PENDING",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.DENIED",
    ]


async def test_a_currency_that_the_account_does_not_keep_is_converted(paypal, ask, pay):
    capture = await pay("10.00", "CHF")
    breakdown = capture["seller_receivable_breakdown"]

    assert breakdown["paypal_fee"] == {"currency_code": "CHF", "value": "0.84"}
    assert breakdown["receivable_amount"] == {"currency_code": "USD", "value": "10.35"}
    assert breakdown["exchange_rate"]["value"] == "1.13"
    refund = (await ask("POST", f"/v2/payments/captures/{capture['id']}/refund", {})).json()
    receivable = refund["seller_payable_breakdown"]["net_amount_in_receivable_currency"]
    assert receivable == {"currency_code": "USD", "value": "11.30"}
    assert paypal.books() == {"USD": {"payments": 1130, "fees": -95, "refunds": -1130}}
    assert paypal.charged() == {"CHF": {"payments": 1000, "refunds": -1000}}


@pytest.mark.parametrize(
    ("value", "currency", "wanted"),
    [
        ("500", "JPY", 500),
        ("500.5", "JPY", "DECIMAL_PRECISION"),
        ("9.999", "USD", "DECIMAL_PRECISION"),
        ("1", "KWD", "INVALID_CURRENCY_CODE"),
        ("0", "USD", "CANNOT_BE_ZERO_OR_NEGATIVE"),
    ],
)
async def test_amounts_are_in_the_digits_of_paypal(paypal, ask, value, currency, wanted):
    answer = await ask("POST", "/v2/checkout/orders", an_order(value, currency))

    if isinstance(wanted, str):
        assert (answer.status_code, issue(answer)) == (422, wanted)
    else:
        assert paypal.orders[answer.json()["id"]].amount_minor == wanted


async def test_a_refund_happens_once_in_parts_and_never_beyond_the_capture(paypal, ask, pay):
    path = f"/v2/payments/captures/{(await pay())['id']}"
    part = {"amount": {"currency_code": "USD", "value": "4.00"}}
    first = await ask("POST", f"{path}/refund", part, key="r1")
    again = await ask("POST", f"{path}/refund", part, key="r1")
    too_much = await ask("POST", f"{path}/refund", {"amount": part["amount"] | {"value": "6.00"}})
    rest = await ask("POST", f"{path}/refund", {}, key="r2")
    more = await ask("POST", f"{path}/refund", {}, key="r3")

    assert first.json()["id"] == again.json()["id"]
    assert issue(too_much) == "REFUND_AMOUNT_EXCEEDED"
    assert rest.json()["amount"]["value"] == "5.99"
    assert issue(more) == "CAPTURE_FULLY_REFUNDED"
    assert (await ask("GET", path)).json()["status"] == "REFUNDED"
    assert paypal.books()["USD"]["refunds"] == -999


async def test_a_request_id_of_a_refund_is_known_for_45_days(paypal, pay, ask):
    capture = await pay()
    body = {"amount": {"currency_code": "USD", "value": "1.00"}}
    for days, refunds in ((0, 1), (44, 1), (46, 2)):
        paypal.skew(days * DAY)
        login = (paypal.client, paypal.secret)
        async with httpx.AsyncClient(base_url=paypal.url) as client:
            form = {"grant_type": "client_credentials"}
            token = (await client.post("/v1/oauth2/token", data=form, auth=login)).json()
            await client.post(
                f"/v2/payments/captures/{capture['id']}/refund",
                json=body,
                headers={
                    "Authorization": f"Bearer {token['access_token']}",
                    "PayPal-Request-Id": "r1",
                },
            )
        assert len(paypal.refunds) == refunds


async def test_a_refund_may_be_pending_fail_weeks_later_or_be_cancelled(paypal, ask, pay):
    captures = [await pay() for _ in range(3)]
    paypal.hold_refund()
    refunds = [
        (await ask("POST", f"/v2/payments/captures/{each['id']}/refund", {})).json()
        for each in captures
    ]

    assert [each["status"] for each in refunds] == ["PENDING", "COMPLETED", "COMPLETED"]
    paypal.complete_refund(refunds[0]["id"])
    paypal.skew(1000)
    paypal.fail_refund(refunds[1]["id"])
    paypal.cancel_refund(refunds[2]["id"])
    shown = [(await ask("GET", f"/v2/payments/refunds/{each['id']}")).json() for each in refunds]
    assert [each["status"] for each in shown] == ["COMPLETED", "FAILED", "CANCELLED"]
    assert (await ask("GET", f"/v2/payments/captures/{captures[1]['id']}")).json()[
        "status"
    ] == "COMPLETED"
    assert paypal.books()["USD"]["refunds"] == 3 * -999
    assert paypal.books()["USD"]["refund_failures"] == 2 * 999
