"""Acme Pay itself: its charges in memory, behind HTTP; answers can be lost or be errors."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import uuid4

from aiohttp import web

from tests.fakes.webhooks import Webhook, Webhooks
from tests.purchase.acme_pay.acme import sign
from tests.purchase.providers.driver import Action

KEY, SECRET, STRANGER = "acme_key", "acme_secret", "another_secret"
FEE_MINOR = 25


@dataclass(slots=True)
class Charge:
    """Somebody has paid or will."""

    id: str
    order: str
    amount: int
    currency: str
    state: str = "waiting"
    fee: int = 0
    refunds: list[dict[str, object]] = field(default_factory=list)

    def show(self):
        about = {name: getattr(self, name) for name in self.__slots__}
        return about | {"page": f"https://acme.example/pay/{self.id}"}

    @property
    def refunded(self):
        return sum(each["amount"] for each in self.refunds)


class AcmeVendor:
    """The vendor, on a free port."""

    def __init__(self):
        self.charges, self.events, self.by_key = {}, [], {}
        self.webhooks = Webhooks(_headers)
        self.lost, self.failing = Counter(), {}

    async def start(self):
        app = web.Application(middlewares=[self._disturb])
        app.add_routes(
            [
                web.post("/v1/charges", self._create),
                web.get("/v1/charges", self._list),
                web.get("/v1/charges/{id}", self._show),
                web.post("/v1/charges/{id}/void", self._void),
                web.post("/v1/charges/{id}/refunds", self._refund),
                web.get("/v1/events", self._list_events),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.webhooks.start(workers=1)

    async def stop(self):
        await self.webhooks.stop()
        await self._runner.cleanup()

    # Payers, and the dashboard.

    def of(self, order):
        return [each for each in self.charges.values() if each.order == order]

    def pay(self, charge):
        if charge.state != "waiting":
            raise ValueError(f"the charge is {'cancelled' if charge.state == 'void' else 'paid'}")
        charge.state, charge.fee = "paid", FEE_MINOR
        self._tell("charge.paid", charge)

    def give_back(self, charge, amount, key=None):
        made = {"id": f"rf_{uuid4().hex}", "key": key, "amount": amount}
        charge.refunds.append(made)
        self._tell("charge.refunded", charge)
        return made

    # Calls.

    @web.middleware
    async def _disturb(self, request, handler):
        action = action_of(request)
        status, times = self.failing.get(action, (0, 0))
        if times:
            self.failing[action] = (status, times - 1)
            return web.Response(status=status)
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.Response(status=401)
        answer = await handler(request)
        if self.lost[action]:
            self.lost[action] -= 1
            request.transport.abort()
        return answer

    async def _create(self, request):
        asked, key = await request.json(), request.headers["Idempotency-Key"]
        if key not in self.by_key:
            made = Charge(f"ch_{uuid4().hex}", asked["order"], asked["amount"], asked["currency"])
            self.charges[made.id] = self.by_key[key] = made
        return web.json_response(self.by_key[key].show(), status=201)

    async def _list(self, request):
        return web.json_response(
            {"items": [each.show() for each in self.of(request.query["order"])]}
        )

    async def _show(self, request):
        charge = self.charges.get(request.match_info["id"])
        return web.json_response(charge.show()) if charge else web.Response(status=404)

    async def _void(self, request):
        charge = self.charges[request.match_info["id"]]
        if charge.state == "waiting":
            charge.state = "void"
            self._tell("charge.void", charge)
        return web.json_response(charge.show())

    async def _refund(self, request):
        charge, key = self.charges[request.match_info["id"]], request.headers["Idempotency-Key"]
        amount = (await request.json())["amount"]
        if key not in self.by_key:
            if charge.state != "paid" or charge.refunded + amount > charge.amount:
                return web.json_response({"error": "not-enough-left"}, status=422)
            self.by_key[key] = self.give_back(charge, amount, key)
        return web.json_response(self.by_key[key], status=201)

    async def _list_events(self, request):
        since, until = (float(request.query[name]) for name in ("since", "until"))
        found = [event for at, event in self.events if since <= at <= until]
        return web.json_response({"items": found})

    def _tell(self, kind, charge):
        event = {
            "id": f"ev_{uuid4().hex}",
            "kind": kind,
            "charge": charge.id,
            "order": charge.order,
        }
        self.events.append((time.time(), event))
        self.webhooks.publish(event["id"], kind, json.dumps(event).encode())


def action_of(request):
    """Say what a request asks for."""
    if request.method == "GET":
        return Action.READ
    last = request.path.rpartition("/")[2]
    return {"refunds": Action.REFUND, "void": Action.CANCEL}.get(last, Action.CREATE)


def _headers(webhook: Webhook, is_forged):
    return headers_at(webhook, time.time(), STRANGER if is_forged else SECRET)


def headers_at(webhook, at, secret=SECRET):
    """Return the headers of a webhook as it is signed at a moment."""
    second = str(int(at))
    return {"acme-signature": f"{second}.{sign(secret.encode(), second, webhook.body)}"}
