"""The whole of the fake: the account, its events and endpoints, and the payer's page."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.fakes.base import Call
from tests.fakes.stripe import pages
from tests.fakes.stripe.checkout import LATE_METHODS
from tests.fakes.stripe.core import Object, Refused
from tests.fakes.stripe.transfers import Transfers
from tests.fakes.webhooks import Endpoint

EVENT_DAYS = 30
# How long after a payment with the card for it the bank takes the money back.
DISPUTE_SECONDS = 3


class Stripe(Transfers):
    """A Stripe account. The verbs are those of the payer, of banks, and of the dashboard."""

    verbs = Transfers.verbs | {
        *("pay", "pay_later", "clear", "bounce", "decline", "abandon"),
        *("dispute", "escalate", "close_dispute", "prevent", "warn"),
        *("submit_evidence", "move_deadline"),
        *("delay_refunds", "refund_by_dashboard", "complete_refund", "fail_refund"),
        *("cancel_refund", "connect", "onboard", "restrict", "reverse_transfer", "be_short"),
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.handlers |= {
            "GET /v1/account": self._account,
            "GET /v1/balance": self._balance,
            "GET /v1/events": self._list_events,
            "GET /v1/events/{id}": lambda call: self.find(call.path["id"], "event"),
            "POST /v1/webhook_endpoints": self._create_endpoint,
            "GET /v1/webhook_endpoints": lambda call: self.page_of(
                self.all("webhook_endpoint"), call
            ),
            "GET /v1/webhook_endpoints/{webhook_endpoint}": self._endpoint,
            "POST /v1/webhook_endpoints/{webhook_endpoint}": self._update_endpoint,
            "DELETE /v1/webhook_endpoints/{webhook_endpoint}": self._delete_endpoint,
        }

    def _account(self, call: Call) -> Object:
        del call
        return {
            "id": self.account, "object": "account", "charges_enabled": True, "country": "US",
            "default_currency": self.settlement[0], "details_submitted": True, "email": None,
            "payouts_enabled": True, "type": "standard",
        }  # fmt: skip

    def _balance(self, call: Call) -> Object:
        del call
        totals = {currency.lower(): sum(kinds.values()) for currency, kinds in self.books().items()}
        pending = [
            {"amount": totals.get(currency, 0), "currency": currency}
            for currency in self.settlement
        ]
        return {
            "available": [{"amount": 0, "currency": each} for each in self.settlement],
            "livemode": self.livemode, "object": "balance", "pending": pending,
        }  # fmt: skip

    # Events.

    def _list_events(self, call: Call) -> Object:
        query = call.query
        oldest = self.now() - EVENT_DAYS * 24 * 3600
        wanted = query.get("types") or ([query["type"]] if "type" in query else None)
        undelivered = {webhook.id for webhook in self.sent if not webhook.is_delivered}
        found = [
            each
            for each in self.all("event")
            if each["created"] >= oldest
            and (not wanted or each["type"] in wanted)
            and query.get("delivery_success") in (None, each["id"] not in undelivered)
        ]
        return self.page_of(found, call)

    # Endpoints.

    def _create_endpoint(self, call: Call) -> Object:
        body = call.body
        made = self.make("webhook_endpoint", "we", {
            "api_version": body.get("api_version"),
            "description": body.get("description"),
            "enabled_events": body["enabled_events"],
            "metadata": body.get("metadata") or {},
            "status": "enabled",
            "url": body["url"],
        })  # fmt: skip
        secret = f"whsec_{self.random.getrandbits(128):032x}"
        kinds = frozenset(body["enabled_events"])
        self.webhooks.endpoints.append(Endpoint(body["url"], secret, kinds, made["id"]))
        # The secret is said once, in this answer.
        return made | {"secret": secret}

    def _endpoint(self, call: Call) -> Object:
        return self.find(call.path["webhook_endpoint"], "webhook_endpoint")

    def _update_endpoint(self, call: Call) -> Object:
        found, body = self._endpoint(call), call.body
        found["enabled_events"] = body.get("enabled_events", found["enabled_events"])
        if "disabled" in body:
            found["status"] = "disabled" if body["disabled"] else "enabled"
        found["url"] = body.get("url", found["url"])
        for each in self.webhooks.endpoints:
            if each.id == found["id"]:
                each.url = found["url"]
                is_on = found["status"] == "enabled"
                each.kinds = frozenset(found["enabled_events"] if is_on else ())
        return found

    def _delete_endpoint(self, call: Call) -> Object:
        found = self._endpoint(call)
        self.webhooks.endpoints = [
            each for each in self.webhooks.endpoints if each.id != found["id"]
        ]
        self.forget(found)
        return {"deleted": True, "id": found["id"], "object": "webhook_endpoint"}

    # The payer's page.

    async def page(self, request: web.Request) -> web.StreamResponse | None:
        """Show the page of a session, and do what the payer chose there."""
        identifier = request.path.removeprefix("/c/pay/")
        session = self.objects.get(identifier)
        if identifier == request.path or session is None:
            return await super().page(request)
        self.advance()
        if request.method != "POST":
            return pages.show(session, self.line_items(session))
        form = {name: str(value) for name, value in (await request.post()).items()}
        if form.get("choice") == "cancel":
            raise web.HTTPSeeOther(session["cancel_url"] or "/")
        try:
            return self._try(session, form)
        except Refused as refused:
            text = str(refused)
            return pages.show(session, self.line_items(session), error=text, status=409)

    def _try(self, session: Object, form: Mapping[str, str]) -> web.StreamResponse:
        """Try the method that the payer chose; a card does what its number says."""
        identifier, items = session["id"], self.line_items(session)
        method = form.get("method", "card")
        card = "".join(form.get("card", pages.SUCCESS_CARD).split())
        is_authenticated = form.get("authentication") == "complete"
        if form.get("choice") != "authenticate" and method == "card":
            if card not in pages.CARDS:
                error = "Your card number is invalid."
                return pages.show(session, items, error=error, status=402)
            if card == pages.AUTHENTICATED_CARD:
                self._payable(identifier)
                return pages.show_authentication(session, items)
            is_authenticated = card != pages.DECLINED_CARD
        if method == "card" and not is_authenticated:
            self.decline(identifier)
            error = "Your card was declined. Try another one."
            return pages.show(session, items, error=error)
        intent = (self.pay_later if method in LATE_METHODS else self.pay)(identifier, method)
        if method == "card" and card == pages.DISPUTED_CARD:
            loop = asyncio.get_running_loop()
            loop.call_later(DISPUTE_SECONDS, self.dispute, intent["id"])
        raise web.HTTPSeeOther(session["success_url"].replace("{CHECKOUT_SESSION_ID}", identifier))
