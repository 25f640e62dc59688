"""
A PayPal in this event loop: orders, captures, refunds, disputes, webhooks, and the payer's page.

What calls may say is judged by PayPal's own documents (`contracts/`). The payer's, the bank's and
the dashboard's part are verbs of `verbs.py`.
"""

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, TypeAlias
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.fakes.base import Answer, Call
from tests.fakes.certificates import chain
from tests.fakes.judge import Operation, Violation
from tests.fakes.paypal.contract import error
from tests.fakes.paypal.evidence import Evidence
from tests.fakes.paypal.objects import (
    CURRENCIES,
    WHOLE,
    Capture,
    Order,
    Refund,
    moment,
    read,
)
from tests.fakes.paypal.payer import CERTIFICATE_HOST, CERTIFICATE_PATH
from tests.fakes.paypal.verbs import Refused
from tests.fakes.schemas import Json
from tests.fakes.webhooks import Endpoint, Webhook

TOKEN_SECONDS = 32_400
# How long PayPal knows a request id, and an order that no payer approved (its orders document).
ORDER_IDS_SECONDS = 6 * 3600
PAYMENT_IDS_SECONDS = 45 * 86_400

Route: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Stored:
    """What was answered under a request id."""

    at: float
    answer: Answer


class PayPal(Evidence):
    """
    The account of one merchant.

    `holds` are the currencies that the account keeps; what comes in others is converted to the
    first of them by `rates`. Fees are 3.49 % and 49 hundredths.
    """

    name: ClassVar[str] = "paypal"

    def __init__(
        self,
        *,
        webhooks: str | None = None,
        webhook_id: str | None = None,
        client: str = "client-id",
        secret: str = "client-secret",
        holds: tuple[str, ...] = ("USD", "EUR", "GBP", "JPY"),
        rates: Mapping[str, Decimal] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(holds=holds, rates=rates or {}, seed=seed)
        self.client, self.secret = client, secret
        if webhooks:
            self.webhooks.endpoints.append(Endpoint(webhooks, "", id=webhook_id or self.new_id()))
        self._tokens: dict[str, float] = {}
        self._stored: dict[tuple[str, str], Stored] = {}
        self._routes: dict[str, Route] = {
            "POST /v1/oauth2/token": self._token,
            "POST /v2/checkout/orders": self._create_order,
            "GET /v2/checkout/orders/{id}": self._show_order,
            "POST /v2/checkout/orders/{id}/capture": self._capture_order,
            "GET /v2/payments/captures/{capture_id}": self._show_capture,
            "POST /v2/payments/captures/{capture_id}/refund": self._refund_capture,
            "GET /v2/payments/refunds/{refund_id}": self._show_refund,
            "GET /v1/customer/disputes": self._list_disputes,
            "GET /v1/customer/disputes/{id}": self._show_dispute,
            "POST /v1/notifications/webhooks": self._register_webhook,
            "GET /v1/notifications/webhooks": self._list_webhooks,
            "PATCH /v1/notifications/webhooks/{webhook_id}": self._update_webhook,
            "DELETE /v1/notifications/webhooks/{webhook_id}": self._delete_webhook,
            "GET /v1/notifications/webhooks-events": self._list_events,
            "GET /v1/notifications/webhooks-events/{event_id}": self._show_event,
            "POST /v1/notifications/webhooks-events/{event_id}/resend": self._resend_event,
        } | self.payout_routes()

    async def answer(self, call: Call) -> Answer:
        route = self._routes.get(call.operation.name)
        if route is None:
            raise NotImplementedError(call.operation.name)
        if route != self._token and not self._is_authorized(call):
            return error(call.operation, 401)
        try:
            return self._once(call, route)
        except Refused as refused:
            return error(call.operation, refused.status, refused.issue)

    def refusal(self, violations: list[Violation]) -> Answer:
        operation = self._operation(violations[0].where.removeprefix("request "))
        is_described = operation is not None and "400" in operation.answers
        issue = "INVALID_PARAMETER_SYNTAX" if is_described else None
        try:
            return error(operation, 400, issue)
        except KeyError:
            return error(operation, 400)

    def failure(self, status: int) -> Answer:
        return error(self._operation(self.calls[-1]) if self.calls else None, status)

    def sign(self, webhook: Webhook, is_forged: bool) -> Mapping[str, str]:
        """Sign as PayPal does: SHA256withRSA over id, time, webhook id and checksum of the body."""
        signer = chain("Mallory", host=CERTIFICATE_HOST) if is_forged else self.chain
        identifier, time = f"{self.new_id().lower()}-transmission", moment(self.now())
        signed = f"{identifier}|{time}|{webhook.endpoint.id}|{zlib.crc32(webhook.body)}"
        key = signer.leaf.key
        assert isinstance(key, rsa.RSAPrivateKey)
        signature = key.sign(signed.encode(), padding.PKCS1v15(), SHA256())
        return {
            "Content-Type": "application/json",
            "PAYPAL-TRANSMISSION-ID": identifier,
            "PAYPAL-TRANSMISSION-TIME": time,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-CERT-URL": self.url + CERTIFICATE_PATH,
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        }

    # Token and request ids.

    def _token(self, call: Call) -> Answer:
        sent = call.headers.get("Authorization", "").removeprefix("Basic ")
        if sent != base64.b64encode(f"{self.client}:{self.secret}".encode()).decode():
            text = "Client Authentication failed"
            return Answer(401, {"error": "invalid_client", "error_description": text})
        token = f"A21AA{self.new_id()}"
        self._tokens[token] = self.now() + TOKEN_SECONDS
        return Answer(
            200,
            {
                "scope": "https://uri.paypal.com/services/payments/payment",
                "access_token": token,
                "token_type": "Bearer",
                "app_id": "APP-80W284485P519543T",
                "expires_in": TOKEN_SECONDS,
                "nonce": f"{moment(self.now())}-nonce",
            },
        )

    def revoke_tokens(self) -> None:
        """Take back all tokens before their time."""
        self._tokens.clear()

    def _is_authorized(self, call: Call) -> bool:
        token = call.headers.get("Authorization", "").removeprefix("Bearer ")
        return self._tokens.get(token, 0) > self.now()

    def _once(self, call: Call, route: Route) -> Answer:
        """
        Answer a request id that is known as the first time.

        An error is not kept, and what the second request asks is not compared: the documents know
        no refusal for either.
        """
        request_id = call.headers.get("PayPal-Request-Id")
        if request_id is None or call.operation.name.startswith("GET"):
            return route(call)
        is_order = call.operation.name.startswith("POST /v2/checkout")
        seconds = ORDER_IDS_SECONDS if is_order else PAYMENT_IDS_SECONDS
        key = (call.operation.name, request_id)
        stored = self._stored.get(key)
        if stored and self.now() - stored.at < seconds:
            return Answer(200 if is_order else 201, stored.answer.body)
        answer = route(call)
        self._stored[key] = Stored(self.now(), answer)
        return answer

    # Orders.

    def _create_order(self, call: Call) -> Answer:
        body = call.body
        if len(body["purchase_units"]) != 1 or body["intent"] != "CAPTURE":
            raise Refused(422, "NOT_SUPPORTED")
        if "payment_source" in body and "PayPal-Request-Id" not in call.headers:
            raise Refused(400, "PAYPAL_REQUEST_ID_REQUIRED")
        unit = body["purchase_units"][0]
        self._check_amount(unit["amount"], "INVALID_CURRENCY_CODE", "DECIMAL_PRECISION")
        wallet = body.get("payment_source", {}).get("paypal")
        context = (wallet or {}).get("experience_context") or body.get("application_context", {})
        order = Order(
            id=self.new_id(),
            unit=unit,
            intent=body["intent"],
            created=self.now(),
            updated=self.now(),
            status="CREATED" if wallet is None else "PAYER_ACTION_REQUIRED",
            source=wallet,
            return_url=context.get("return_url"),
            cancel_url=context.get("cancel_url"),
        )
        self.orders[order.id] = order
        return _preferred(call, 201 if wallet is None else 200, order.show(self.url))

    def _show_order(self, call: Call) -> Answer:
        return Answer(200, self._order(call).show(self.url))

    def _capture_order(self, call: Call) -> Answer:
        order = self._order(call)
        if order.status == "COMPLETED":
            raise Refused(422, "ORDER_ALREADY_CAPTURED")
        if order.status != "APPROVED":
            raise Refused(422, "ORDER_NOT_APPROVED")
        self.capture(order)
        return _preferred(call, 201, order.show(self.url))

    def _order(self, call: Call) -> Order:
        order = self.orders.get(call.path["id"])
        if order is None or not self.is_known(order):
            raise Refused(404, "INVALID_RESOURCE_ID")
        return order

    def _check_amount(self, money: Json, wrong_currency: str, wrong_digits: str) -> None:
        currency, value = money["currency_code"], Decimal(money["value"])
        if currency not in CURRENCIES:
            raise Refused(422, wrong_currency)
        whole = currency in WHOLE
        if value != value.quantize(Decimal(1) if whole else Decimal("0.01")):
            raise Refused(422, wrong_digits)
        if value <= 0:
            raise Refused(422, "CANNOT_BE_ZERO_OR_NEGATIVE")

    # Captures and refunds.

    def _show_capture(self, call: Call) -> Answer:
        return Answer(200, self._capture(call).show(self.url, is_alone=True))

    def _capture(self, call: Call) -> Capture:
        capture = self.captures.get(call.path["capture_id"])
        if capture is None:
            raise Refused(404, "INVALID_RESOURCE_ID")
        return capture

    def _refund_capture(self, call: Call) -> Answer:
        capture, body = self._capture(call), call.body or {}
        left = capture.amount_minor - capture.refunded_minor
        amount = left
        if "amount" in body:
            self._check_amount(body["amount"], "INVALID_CURRENCY_CODE", "DECIMAL_PRECISION")
            if body["amount"]["currency_code"] != capture.currency:
                raise Refused(422, "REFUND_CAPTURE_CURRENCY_MISMATCH")
            amount = read(body["amount"])
        refund = self.refund(
            capture, amount, custom_id=body.get("custom_id"), note=body.get("note_to_payer")
        )
        return _preferred(call, 201, refund.show(self.url))

    def _show_refund(self, call: Call) -> Answer:
        refund: Refund | None = self.refunds.get(call.path["refund_id"])
        if refund is None:
            raise Refused(404, "INVALID_RESOURCE_ID")
        return Answer(200, refund.show(self.url))

    # Disputes.

    def _list_disputes(self, call: Call) -> Answer:
        query = call.query
        if "start_time" in query and "disputed_transaction_id" in query:
            raise Refused(400, None)
        states = str(query.get("dispute_state", "")).split(",")
        found = [
            each
            for each in reversed(self.disputes.values())
            if query.get("disputed_transaction_id") in (None, each.capture.id)
            and (states == [""] or each.state in states)
            and str(query.get("start_time", "")) <= moment(each.created)
            and str(query.get("update_time_after", "")) <= moment(each.updated)
            and str(query.get("update_time_before", "9")) >= moment(each.updated)
        ]
        size = int(query.get("page_size", 10))
        token = str(query.get("next_page_token", base64.b64encode(b"0").decode()))
        start = int(base64.b64decode(token))
        path = f"{self.url}/v1/customer/disputes"
        links = [{"href": path, "rel": "self", "method": "GET"}]
        if len(found) > start + size:
            following = base64.b64encode(str(start + size).encode()).decode()
            address = f"{path}?page_size={size}&next_page_token={quote(following)}"
            links.append({"href": address, "rel": "next", "method": "GET"})
        items = [each.show_brief(self.url) for each in found[start : start + size]]
        # The document has no empty list of disputes.
        return Answer(200, ({"items": items} if items else {}) | {"links": links})

    def _show_dispute(self, call: Call) -> Answer:
        dispute = self.disputes.get(call.path["id"])
        if dispute is None:
            raise Refused(404, None)
        return Answer(200, dispute.show(self.url))

    # Webhooks and their events.

    def _register_webhook(self, call: Call) -> Answer:
        kinds = frozenset(each["name"] for each in call.body["event_types"])
        if any(each.url == call.body["url"] for each in self.webhooks.endpoints):
            raise Refused(400, None)
        endpoint = Endpoint(call.body["url"], "", kinds, self.new_id())
        self.webhooks.endpoints.append(endpoint)
        return Answer(201, self._show_webhook(endpoint))

    def _list_webhooks(self, _: Call) -> Answer:
        shown = [self._show_webhook(each) for each in self.webhooks.endpoints]
        return Answer(200, {"webhooks": shown})

    def _webhook(self, call: Call) -> Endpoint:
        for each in self.webhooks.endpoints:
            if each.id == call.path["webhook_id"]:
                return each
        raise Refused(404, None)

    def _update_webhook(self, call: Call) -> Answer:
        endpoint = self._webhook(call)
        for each in call.body:
            if each["path"] == "/event_types":
                endpoint.kinds = frozenset(kind["name"] for kind in each["value"])
            else:
                endpoint.url = each["value"]
        return Answer(200, self._show_webhook(endpoint))

    def _delete_webhook(self, call: Call) -> Answer:
        self.webhooks.endpoints.remove(self._webhook(call))
        return Answer(204)

    def _show_webhook(self, endpoint: Endpoint) -> Json:
        own = f"{self.url}/v1/notifications/webhooks/{endpoint.id}"
        return {
            "id": endpoint.id,
            "url": endpoint.url,
            "event_types": [{"name": kind} for kind in sorted(endpoint.kinds)],
            "links": [{"href": own, "rel": "self", "method": "GET"}],
        }

    def _list_events(self, call: Call) -> Answer:
        query = call.query
        found = [
            event
            for event, payment in reversed(self.events.values())
            if query.get("transaction_id") in (None, payment)
            and query.get("event_type") in (None, event["event_type"])
            and str(query.get("start_time", "")) <= event["create_time"]
            and str(query.get("end_time", "9")) >= event["create_time"]
        ][: int(query.get("page_size", 10))]
        return Answer(200, {"events": found, "count": len(found), "links": []})

    def _show_event(self, call: Call) -> Answer:
        return Answer(200, self._event(call))

    def _resend_event(self, call: Call) -> Answer:
        event = self._event(call)
        wanted = (call.body or {}).get("webhook_ids")
        self.resend(event["id"], wanted)
        return Answer(202, event)

    def _event(self, call: Call) -> Json:
        if call.path["event_id"] not in self.events:
            raise Refused(404, None)
        return self.events[call.path["event_id"]][0]

    def _operation(self, name: str) -> Operation | None:
        method, _, path = name.partition(" ")
        found = self.contract.operation(method, path)
        return found[0] if found else None


def _preferred(call: Call, status: int, whole: Json) -> Answer:
    """Say what was asked for with Prefer: PayPal's default is the id, the status and the links."""
    if call.headers.get("Prefer", "return=minimal") == "return=representation":
        return Answer(status, whole)
    minimal = {key: whole[key] for key in ("id", "status", "links")}
    return Answer(status, json.loads(json.dumps(minimal)))
