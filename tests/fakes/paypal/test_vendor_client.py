"""PayPal's own client as a second judge of the fake. It is no dependency: it has no type hints."""

import asyncio
from importlib import import_module

import pytest

from tests.fakes.paypal.requests import an_order

pytest.importorskip("paypalserversdk", reason="paypal-server-sdk is not installed")


def a_client(url: str, client: str, secret: str):
    """Return PayPal's client, of which the address is not configurable."""
    configuration = import_module("paypalserversdk.configuration")
    oauth = import_module("paypalserversdk.http.auth.o_auth_2")
    sdk = import_module("paypalserversdk.paypal_serversdk_client")
    own = type("Own", (configuration.Configuration,), {"get_base_uri": lambda *_: url})
    credentials = oauth.ClientCredentialsAuthCredentials(client, secret)
    return sdk.PaypalServersdkClient(config=own(client_credentials_auth_credentials=credentials))


async def test_the_client_of_paypal_understands_the_fake(paypal):
    client = a_client(paypal.url, paypal.client, paypal.secret)
    whole = {"prefer": "return=representation"}

    def play():
        created = client.orders.create_order(
            {"body": an_order(), "paypal_request_id": "o1"} | whole
        )
        paypal.approve(created.body.id)
        order = {"id": created.body.id}
        captured = client.orders.capture_order(order | {"paypal_request_id": "c1"} | whole)
        capture = captured.body.purchase_units[0].payments.captures[0]
        shown = client.payments.get_captured_payment({"capture_id": capture.id})
        refund = client.payments.refund_captured_payment(
            {"capture_id": capture.id, "paypal_request_id": "r1"} | whole
        )
        found = client.payments.get_refund({"refund_id": refund.body.id})
        return created.body, capture, shown.body, found.body

    order, capture, shown, refund = await asyncio.to_thread(play)

    assert order.status == "CREATED"
    assert capture.seller_receivable_breakdown.net_amount.value == "9.15"
    assert (shown.status, refund.status) == ("COMPLETED", "COMPLETED")
    assert paypal.books() == {"USD": {"payments": 999, "fees": -84, "refunds": -999}}


async def test_a_misspelt_field_that_the_client_sends_is_refused(paypal):
    client = a_client(paypal.url, paypal.client, paypal.secret)
    body = an_order() | {"intnet": "CAPTURE"}

    with pytest.raises(Exception, match="well-formed"):
        await asyncio.to_thread(client.orders.create_order, {"body": body})

    assert paypal.take_violations()
