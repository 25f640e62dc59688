"""
A payment provider whose every mood is ours to choose.

It speaks the sandbox's language over the service's real HTTP client; what it can do beyond the
sandbox is to stay silent, to lose an answer on its way, and to take another amount than asked.
Unless it `lists` them, it does not say which refunds it made: what went back is one number. Nor
does it count changes: which answer is the newer one has to be found out otherwise.
"""

import asyncio
import json
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import httpx
from standardwebhooks.webhooks import Webhook

WEBHOOK_SECRET = "whsec_b3ZhdGlvbi10ZXN0LXNlY3JldC1vZi0zMi1ieXRlcy4="
CANCELLABLE = ("open", "failed")


class PretendProvider(httpx.AsyncBaseTransport):
    """Payments in memory; `mood` is how it answers."""

    def __init__(self):
        self.payments = {}
        self.by_key = {}
        self.asked = []
        self.mood = "well"
        # The status of the refunds it makes from now on, and whether a payment shows them.
        self.refund_status = "succeeded"
        # What every refund is answered, whatever was asked: a status, and the response's content.
        self.refund_answer = None
        # The same for a payment that is asked for.
        self.payment_answer = None
        self.lists = False
        self.refunds = []
        self._numbers = count(1)

    async def handle_async_request(self, request):
        await asyncio.sleep(0)
        self.asked.append((request.method, request.url.path))
        if self.mood == "slow":
            await asyncio.sleep(60)
        if self.mood == "silent":
            raise httpx.ConnectTimeout("nobody answers", request=request)
        if self.mood == "broken" or (self.mood == "blind" and request.method == "GET"):
            return httpx.Response(503, request=request)
        if self.mood == "babbling":
            return httpx.Response(200, content=b'{"id": 7', request=request)
        response = self._answer(request)
        if self.mood == "forgetful":
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return response

    def payment_of(self, purchase):
        (payment,) = self.payments_of(purchase)
        return payment

    def payments_of(self, purchase):
        return [each for each in self.payments.values() if each["reference"] == purchase]

    def make(self, *, reference, amount_minor=99, currency="USD", status="open"):
        """Make a payment nobody asked this provider's API for."""
        payment = {
            "id": f"pay_{next(self._numbers)}_{uuid4().hex[:8]}",
            "reference": reference,
            "status": status,
            "amount_minor": amount_minor,
            "currency": currency,
            "disputes": [],
        }
        payment["pay_url"] = f"https://pay.example/{payment['id']}"
        self.payments[payment["id"]] = payment
        return payment

    def become(self, purchase, status, **more):
        """Let the payment of a purchase become something, as its payer or the bank would."""
        payment = self.payment_of(purchase)
        payment |= {"status": status, **more}
        if status == "succeeded":
            payment["paid_at"] = datetime.now(UTC).isoformat()
        return payment

    def dispute(self, purchase, status="open", *, dispute="dp_1", **about):
        payment = self.payment_of(purchase)
        told = {
            "id": dispute,
            "status": status,
            "reason": "fraudulent",
            "amount_minor": payment["amount_minor"],
            "currency": payment["currency"],
            **about,
        }
        others = [each for each in payment["disputes"] if each["id"] != dispute]
        payment["disputes"] = [*others, told]

    def _answer(self, request):
        parts = request.url.path.strip("/").split("/")
        if request.method == "POST" and parts == ["payments"]:
            return self._create(request)
        if parts == ["payments"]:
            reference = request.url.params["reference"]
            return httpx.Response(200, json={"items": self.payments_of(reference)}, request=request)
        payment = self._named(parts[1])
        if payment is None:
            return httpx.Response(404, request=request)
        if request.method == "POST" and parts[2:] == ["refunds"]:
            return self._refund(request, payment)
        if request.method == "POST":
            if payment["status"] not in CANCELLABLE:
                return httpx.Response(409, json={"type": "already-paid"}, request=request)
            payment["status"] = "cancelled"
        return httpx.Response(200, json=payment, request=request)

    def _named(self, name):
        named = (each for each in self.payments.values() if name in each.get("names", ()))
        return self.payments.get(name) or next(named, None)

    def _refund(self, request, payment):
        asked, key = json.loads(request.content), request.headers["idempotency-key"]
        if self.refund_answer is not None:
            status, content = self.refund_answer
            return httpx.Response(status, request=request, **content)
        if self.mood == "stingy":
            return httpx.Response(422, json={"type": "refund-too-large"}, request=request)
        if self.mood == "busy":
            return httpx.Response(409, json={"type": "idempotency-key-in-use"}, request=request)
        if key not in self.by_key:
            made = {
                "id": f"re_{next(self._numbers)}",
                "status": self.refund_status,
                "amount_minor": asked["amount_minor"],
                "refund_reference": key,
            }
            self.by_key[key] = made
            self.refunds.append((payment, made))
            if made["status"] == "succeeded":
                payment["refunded_minor"] = payment.get("refunded_minor", 0) + made["amount_minor"]
            if self.lists:
                payment.setdefault("refunds", []).append(made)
        return httpx.Response(201, json=self.by_key[key], request=request)

    def close_refund(self, status, purchase=None):
        """Let the newest refund (of a purchase) end: it is made, or its money comes back."""
        newest = reversed(self.refunds)
        payment, made = next(it for it in newest if purchase in (None, it[0]["reference"]))
        counted = {"succeeded": made["amount_minor"]}
        change = counted.get(status, 0) - counted.get(made["status"], 0)
        payment["refunded_minor"] = payment.get("refunded_minor", 0) + change
        made["status"] = status

    def _create(self, request):
        asked, key = json.loads(request.content), request.headers["idempotency-key"]
        if self.payment_answer is not None:
            status, content = self.payment_answer
            return httpx.Response(status, request=request, **content)
        if asked["amount_minor"] < 60:
            return httpx.Response(422, json={"type": "amount-too-small"}, request=request)
        if key not in self.by_key:
            self.by_key[key] = self.make(
                reference=asked["reference"],
                amount_minor=asked["amount_minor"],
                currency=asked["currency"],
            )
        return httpx.Response(201, json=self.by_key[key], request=request)


def a_webhook(payment, *, kind="payment.succeeded", webhook_id=None, at=None, secret=None):
    """A webhook_event as the provider sends it: headers and body."""
    body = json.dumps({"id": "evt", "type": kind, "created_at": "now", "data": {"object": payment}})
    return signed(body, webhook_id=webhook_id, at=at, secret=secret)


def signed(body, *, webhook_id=None, at=None, secret=None):
    at, webhook_id = at or datetime.now(UTC), webhook_id or f"msg_{uuid4().hex}"
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret or WEBHOOK_SECRET).sign(webhook_id, at, body),
    }
    return headers, body.encode()
