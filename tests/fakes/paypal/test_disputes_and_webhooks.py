"""The fake PayPal's disputes and webhooks, and what its judge refuses."""

import base64
import json
import zlib

import httpx
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from tests.fakes.certificates import chain
from tests.fakes.judge import Contradiction
from tests.fakes.paypal.objects import Order
from tests.fakes.paypal.payer import CERTIFICATE_HOST
from tests.fakes.paypal.requests import an_order, issue
from tests.fakes.paypal.vendor import PayPal


async def test_a_dispute_is_found_by_its_transaction(paypal, ask, pay):
    captures = [await pay() for _ in range(2)]
    dispute = paypal.dispute(captures[0]["id"])
    listed = await ask(
        "GET", "/v1/customer/disputes", params={"disputed_transaction_id": captures[0]["id"]}
    )
    none = await ask(
        "GET", "/v1/customer/disputes", params={"disputed_transaction_id": captures[1]["id"]}
    )
    shown = (await ask("GET", f"/v1/customer/disputes/{dispute}")).json()

    assert [each["dispute_id"] for each in listed.json()["items"]] == [dispute]
    assert "items" not in none.json()
    assert shown["disputed_transactions"][0]["seller_transaction_id"] == captures[0]["id"]
    assert shown["dispute_life_cycle_stage"] == "CHARGEBACK"
    refund = await ask("POST", f"/v2/payments/captures/{captures[0]['id']}/refund", {})
    assert issue(refund) == "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"


async def test_disputes_come_in_pages(paypal, ask, pay):
    disputes = {paypal.dispute((await pay("1.00"))["id"], stage="INQUIRY") for _ in range(3)}

    found, following = set(), "/v1/customer/disputes?page_size=2"
    while following:
        page = (await ask("GET", following.removeprefix(paypal.url))).json()
        found |= {each["dispute_id"] for each in page["items"]}
        following = next((each["href"] for each in page["links"] if each["rel"] == "next"), "")

    assert found == disputes


@pytest.mark.parametrize(
    ("stage", "won", "code", "books"),
    [
        ("INQUIRY", True, "RESOLVED_SELLER_FAVOUR", None),
        ("INQUIRY", False, "RESOLVED_BUYER_FAVOUR", -999),
        ("CHARGEBACK", True, "RESOLVED_SELLER_FAVOUR", -999),
        ("CHARGEBACK", False, "RESOLVED_BUYER_FAVOUR", -999),
    ],
)
async def test_a_dispute_is_won_or_lost(paypal, ask, pay, stage, won, code, books):
    capture = await pay()
    dispute = paypal.dispute(capture["id"], stage=stage)
    before = paypal.books()["USD"].get("disputes")
    paypal.close_dispute(dispute, won=won)
    shown = (await ask("GET", f"/v1/customer/disputes/{dispute}")).json()

    assert before == (None if stage == "INQUIRY" else -999)
    assert shown["dispute_outcome"]["outcome_code"] == code
    reversed_minor = paypal.books()["USD"].get("dispute_reversals")
    assert paypal.books()["USD"].get("disputes") == books
    assert reversed_minor == (999 if stage == "CHARGEBACK" and won else None)
    kinds = [webhook.kind for webhook in paypal.sent][-2:]
    assert kinds == ["CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.RESOLVED"]


async def test_evidence_is_due_until_it_is_handed_in_or_asked_for_again(paypal, ask, pay):
    dispute = paypal.dispute((await pay())["id"])

    async def shown():
        return (await ask("GET", f"/v1/customer/disputes/{dispute}")).json()

    asked = await shown()
    paypal.move_deadline(dispute, 20 * 86_400)
    moved = await shown()
    paypal.submit_evidence(dispute)
    handed_in = await shown()
    paypal.ask_again(dispute)
    again = await shown()
    paypal.close_dispute(dispute, won=True)

    assert asked["status"] == again["status"] == "WAITING_FOR_SELLER_RESPONSE"
    assert asked["seller_response_due_date"] < moved["seller_response_due_date"]
    assert handed_in["status"] == "UNDER_REVIEW"
    assert [each["source"] for each in handed_in["evidences"]] == ["SUBMITTED_BY_SELLER"]
    assert "seller_response_due_date" not in await shown()
    kinds = [webhook.kind for webhook in paypal.sent][-4:-1]
    assert kinds == ["CUSTOMER.DISPUTE.UPDATED"] * 3


async def test_a_refund_ends_an_inquiry_without_a_chargeback(paypal, ask, pay):
    capture = await pay()
    dispute = paypal.dispute(capture["id"], stage="INQUIRY")
    part = {"amount": {"currency_code": "USD", "value": "1.00"}}
    partly = await ask("POST", f"/v2/payments/captures/{capture['id']}/refund", part)
    await ask("POST", f"/v2/payments/captures/{capture['id']}/refund", {})

    assert issue(partly) == "TRANSACTION_DISPUTED"
    assert paypal.disputes[dispute].outcome == "RESOLVED_BUYER_FAVOUR"
    assert "disputes" not in paypal.books()["USD"]


def verify(paypal, pem: bytes, headers, body: bytes) -> None:
    """Check a webhook as a receiver has to: the chain, then the signature."""
    leaf, *others = x509.load_pem_x509_certificates(pem)
    store = Store([paypal.chain.root.certificate])
    verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName(CERTIFICATE_HOST))
    verifier.verify(leaf, others)
    webhook = paypal.webhooks.endpoints[0].id
    identifier, time = headers["PAYPAL-TRANSMISSION-ID"], headers["PAYPAL-TRANSMISSION-TIME"]
    key = leaf.public_key()
    assert isinstance(key, RSAPublicKey)
    key.verify(
        base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"]),
        f"{identifier}|{time}|{webhook}|{zlib.crc32(body)}".encode(),
        padding.PKCS1v15(),
        SHA256(),
    )


async def test_a_webhook_is_signed_and_a_forged_one_is_not(paypal, pay, receiver):
    await pay()
    await paypal.webhooks.wait_until_delivered()
    await paypal.forge()
    (headers, body), (forged, forged_body) = receiver.arrived[0], receiver.arrived[-1]
    async with httpx.AsyncClient() as client:
        pem = (await client.get(headers["PAYPAL-CERT-URL"])).content

    verify(paypal, pem, headers, body)
    with pytest.raises(InvalidSignature):
        verify(paypal, pem, headers, json.dumps(json.loads(body)).encode())
    with pytest.raises(InvalidSignature):
        verify(paypal, pem, forged, forged_body)
    other = chain("Mallory", host=CERTIFICATE_HOST)
    with pytest.raises(VerificationError):
        verify(paypal, other.leaf.pem + other.intermediate.pem, forged, forged_body)


async def test_webhooks_are_registered_listed_and_sent_again(paypal, ask, pay, receiver):
    body = {"url": "http://127.0.0.1:1/x", "event_types": [{"name": "PAYMENT.CAPTURE.COMPLETED"}]}
    registered = await ask("POST", "/v1/notifications/webhooks", body)
    twice = await ask("POST", "/v1/notifications/webhooks", body)
    listed = await ask("GET", "/v1/notifications/webhooks")
    paypal.lose_webhooks(10)
    capture = await pay()
    events = (
        await ask(
            "GET", "/v1/notifications/webhooks-events", params={"transaction_id": capture["id"]}
        )
    ).json()["events"]

    assert (registered.status_code, twice.status_code) == (201, 400)
    assert len(listed.json()["webhooks"]) == 2
    assert [event["event_type"] for event in events] == ["PAYMENT.CAPTURE.COMPLETED"]
    assert receiver.arrived == []
    path = f"/v1/notifications/webhooks-events/{events[0]['id']}"
    own = {"webhook_ids": [paypal.webhooks.endpoints[0].id]}
    assert (await ask("POST", f"{path}/resend", own)).status_code == 202
    await paypal.webhooks.wait_until_delivered()
    assert json.loads(receiver.arrived[0][1]) == events[0] == (await ask("GET", path)).json()


@pytest.mark.parametrize("status", [409, 429, 500, 503])
async def test_every_operation_can_fail(paypal, ask, status):
    for method, path in (
        ("POST", "/v2/checkout/orders"),
        ("GET", "/v2/checkout/orders/X"),
        ("GET", "/v2/payments/captures/X"),
        ("GET", "/v1/customer/disputes"),
        ("GET", "/v1/notifications/webhooks-events"),
    ):
        paypal.fail(status)
        body = an_order() if method == "POST" else None
        assert (await ask(method, path, body)).status_code == status
    assert not paypal.orders


@pytest.mark.parametrize(
    "body",
    [
        an_order() | {"intentt": "CAPTURE"},
        an_order(custom="x"),
        an_order(value="nine"),
        {"intent": "CAPTURE"},
        an_order() | {"intent": "SELL"},
    ],
)
async def test_a_request_that_paypal_would_refuse_is_refused(paypal, ask, body):
    answer = await ask("POST", "/v2/checkout/orders", body)

    assert answer.status_code == 400
    assert answer.json()["name"] == "INVALID_REQUEST"
    assert paypal.take_violations()


async def test_an_answer_that_paypal_would_not_give_fails_the_test(receiver):
    paypal = await PayPal(webhooks=receiver.url).start()
    try:
        paypal.orders["X"] = an_order_of_an_unknown_intent()
        paypal.approve("X")
    finally:
        with pytest.raises(Contradiction, match="SHIPPED"):
            await paypal.stop()


def an_order_of_an_unknown_intent():
    return Order(
        id="X",
        unit=an_order()["purchase_units"][0],
        intent="SHIPPED",
        created=0,
        updated=0,
        status="CREATED",
        source=None,
        return_url=None,
        cancel_url=None,
    )
