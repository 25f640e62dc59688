"""The sandbox's protocol under the conformance suite, spoken by the pretended provider."""

import json
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import uuid4

import aiohttp
import httpx

from services.purchase.providers.sandbox import SandboxProvider
from tests.clients import served
from tests.fakes.webhooks import Endpoint, Webhook, Webhooks
from tests.purchase.pretend import WEBHOOK_SECRET, PretendProvider, signed
from tests.purchase.providers.driver import Action, Driver

STRANGER = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBvZiAzMiBieXRlcw=="
FEE_MINOR = 30
AGAINST_US = ("open", "lost")


class FaultyProvider(PretendProvider):
    """Loses answers to one action, or answers it with an error; tells of each refund."""

    def __init__(self, tell):
        super().__init__()
        self.lists = True
        self.card_country = "US"
        self.tell = tell
        self.lost, self.failing = Counter(), {}

    async def handle_async_request(self, request):
        action = action_of(request)
        status, times = self.failing.get(action, (0, 0))
        if times:
            self.failing[action] = (status, times - 1)
            return httpx.Response(status, request=request)
        response = await super().handle_async_request(request)
        if action is Action.REFUND and response.status_code == HTTPStatus.CREATED:
            payment, _ = self.refunds[-1]
            self.tell(payment["reference"], "refund.created")
        if self.lost[action]:
            self.lost[action] -= 1
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return response


class SandboxDriver(Driver):
    name = "sandbox"

    async def start(self):
        self._stack = AsyncExitStack()
        self.vendor = FaultyProvider(self._tell)
        self.url = await self._stack.enter_async_context(served(self.vendor))
        self.provider = SandboxProvider(url=self.url, api_key="key", webhook_secret=WEBHOOK_SECRET)
        self.webhooks = Webhooks(lambda webhook, is_forged: _headers(webhook, is_forged=is_forged))
        self.webhooks.start(workers=1)

    async def stop(self):
        await self.webhooks.stop()
        await self.provider.close()
        await self._stack.aclose()

    def connect(self, webhooks):
        self.webhooks.endpoints.append(Endpoint(webhooks, WEBHOOK_SECRET))

    async def deliver(self):
        await self.webhooks.wait_until_delivered()

    def payments_of(self, purchase):
        return len(self.vendor.payments_of(purchase))

    def refunds_of(self, purchase):
        payment = self.vendor.payment_of(purchase)
        return sum(of is payment for of, _ in self.vendor.refunds)

    def books(self):
        totals = {}
        for payment in self.vendor.payments.values():
            if payment["status"] != "succeeded":
                continue
            disputed = sum(
                each["amount_minor"] for each in payment["disputes"] if each["status"] in AGAINST_US
            )
            fee = payment["fee_minor"]
            gone = fee + payment.get("refunded_minor", 0) + disputed
            balance, fees = totals.get(payment["currency"], (0, 0))
            totals[payment["currency"]] = (balance + payment["amount_minor"] - gone, fees + fee)
        return totals

    # The payer.

    def pay(self, purchase):
        self._require_open(purchase)
        self._become(
            purchase, "succeeded", fee_minor=FEE_MINOR, card_country=self.vendor.card_country
        )

    def pay_from(self, country):
        self.vendor.card_country = country

    def pay_later(self, purchase):
        self._require_open(purchase)
        self._become(purchase, "processing")

    def clear(self, purchase):
        self._become(purchase, "succeeded", fee_minor=FEE_MINOR)

    def bounce(self, purchase):
        self._become(purchase, "failed", failure_reason="insufficient_funds")

    def run_out(self, purchase):
        self._become(purchase, "cancelled")

    # The bank.

    def dispute(self, purchase, amount_minor=None):
        about = {} if amount_minor is None else {"amount_minor": amount_minor}
        about |= {"evidence_due_at": (datetime.now(UTC) + timedelta(days=7)).isoformat()}
        self.vendor.dispute(purchase, "open", dispute=f"dp_{uuid4().hex}", **about)
        self._tell(purchase, "payment.disputed")

    def close_dispute(self, purchase, *, won):
        payment = self.vendor.payment_of(purchase)
        payment["disputes"][-1]["status"] = "won" if won else "lost"
        self._tell(purchase, "payment.dispute_closed")

    def due_at(self, purchase):
        dispute = self.vendor.payment_of(purchase)["disputes"][-1]
        return datetime.fromisoformat(dispute["evidence_due_at"])

    def move_deadline(self, purchase, days):
        due_at = datetime.now(UTC) + timedelta(days=days)
        dispute = self.vendor.payment_of(purchase)["disputes"][-1]
        dispute["evidence_due_at"] = due_at.isoformat()
        self._tell(purchase, "payment.dispute_updated")

    def submit_evidence(self, purchase):
        self.vendor.payment_of(purchase)["disputes"][-1]["evidence_submitted"] = True
        self._tell(purchase, "payment.dispute_updated")

    def warn(self, purchase):
        warning = {"id": f"issfr_{uuid4().hex}", "reason": "stolen"}
        self._become(purchase, "succeeded", warnings=[warning])

    # The dashboard.

    def refund(self, purchase, amount_minor=None):
        payment = self.vendor.payment_of(purchase)
        amount_minor = payment["amount_minor"] if amount_minor is None else amount_minor
        payment["refunded_minor"] = payment.get("refunded_minor", 0) + amount_minor
        made = {"id": f"re_{uuid4().hex}", "status": "succeeded", "amount_minor": amount_minor}
        payment.setdefault("refunds", []).append(made)
        self._tell(purchase, "refund.succeeded")

    def delay_refunds(self):
        self.vendor.refund_status = "pending"

    def finish_refund(self, purchase):
        self.vendor.close_refund("succeeded", purchase)
        self._tell(purchase, "refund.succeeded")

    def fail_refund(self, purchase):
        self.vendor.close_refund("failed", purchase)
        self._tell(purchase, "refund.failed")

    # What goes wrong.

    def lose_answer(self, action, times=1):
        self.vendor.lost[action] += times

    def fail(self, action, status, times=1):
        self.vendor.failing[action] = (status, times)

    def hold_webhooks(self, *, shuffled=False):
        del shuffled  # it sends one webhook for each thing that happens
        self.webhooks.hold()

    def release_webhooks(self):
        self.webhooks.release()

    def repeat_webhooks(self, times):
        self.webhooks.repeat(times)

    def contents(self):
        return [json.loads(webhook.body) for webhook in self.webhooks.sent]

    def signed(self, content):
        return signed(json.dumps(content))

    async def forge(self):
        return await self.webhooks.forge(self.webhooks.sent[-1])

    async def send_old(self):
        webhook = self.webhooks.sent[-1]
        at = datetime.now(UTC) - timedelta(minutes=10)
        headers, body = signed(webhook.body.decode(), webhook_id=webhook.id, at=at)
        async with (
            aiohttp.ClientSession() as session,
            session.post(webhook.endpoint.url, data=body, headers=headers) as answer,
        ):
            return answer.status

    def _require_open(self, purchase):
        status = self.vendor.payment_of(purchase)["status"]
        if status != "open":
            raise ValueError(f"the payment is {status}")

    def _become(self, purchase, status, **more):
        self.vendor.become(purchase, status, **more)
        self._tell(purchase, f"payment.{status}")

    def _tell(self, purchase, kind):
        payment = self.vendor.payment_of(purchase)
        body = {"id": "evt", "type": kind, "created_at": "now", "data": {"object": payment}}
        self.webhooks.publish(f"msg_{uuid4().hex}", kind, json.dumps(body).encode())


def action_of(request):
    """Say what a request asks for."""
    parts = request.url.path.strip("/").split("/")
    if request.method == "GET":
        return Action.READ
    if parts[2:] == ["refunds"]:
        return Action.REFUND
    return Action.CANCEL if parts[2:] == ["cancel"] else Action.CREATE


def _headers(webhook: Webhook, *, is_forged):
    secret = STRANGER if is_forged else webhook.endpoint.secret
    headers, _ = signed(webhook.body.decode(), webhook_id=webhook.id, secret=secret)
    return headers
