"""Checkout sessions, payment intents and charges: what a shop asks, and what a payer does."""

from collections.abc import Mapping
from typing import Any

from tests.fakes.base import Call
from tests.fakes.stripe.amounts import converted, rate, refusal_of
from tests.fakes.stripe.contract import blank
from tests.fakes.stripe.core import Core, Object, Refused

EXPIRY_SECONDS_MIN = 30 * 60
EXPIRY_SECONDS_MAX = 24 * 3600
# Methods whose money comes days later; all others are paid at once.
LATE_METHODS = ("sepa_debit", "bacs_debit", "us_bank_account")
# Their charges have ids with ch_, those of all other methods with py_.
CARDS = ("card", "link")
DECLINES = {
    "card_declined": ("generic_decline", "Your card was declined."),
    "expired_card": (None, "Your card has expired."),
    "insufficient_funds": ("insufficient_funds", "Your card has insufficient funds."),
}


class Checkout(Core):
    """Sessions are created by the shop; the verbs below are the payer's."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._open: list[str] = []
        # Of all cards with which payers pay from now on.
        self.card_country: str | None = "US"
        self.methods = ["card", "link", "ideal", *LATE_METHODS]
        self.handlers |= {
            "POST /v1/checkout/sessions": self._create_session,
            "GET /v1/checkout/sessions": self._list_sessions,
            "GET /v1/checkout/sessions/{session}": lambda call: self.session(call.path["session"]),
            "POST /v1/checkout/sessions/{session}/expire": self._expire_session,
            "GET /v1/payment_intents": lambda call: self.page_of(self.all("payment_intent"), call),
            "GET /v1/payment_intents/{intent}": lambda call: self.intent(call.path["intent"]),
            "GET /v1/charges": self._list_charges,
            "GET /v1/charges/{charge}": lambda call: self.find(
                call.path["charge"], "charge", param="id"
            ),
            "GET /v1/balance_transactions": self._list_transactions,
            "GET /v1/balance_transactions/{id}": lambda call: self.find(
                call.path["id"], "balance_transaction"
            ),
        }

    def session(self, identifier: str) -> Object:
        return self.find(identifier, "checkout.session", param="session")

    def intent(self, identifier: str) -> Object:
        return self.find(identifier, "payment_intent", param="intent")

    def line_items(self, session: Object) -> list[Object]:
        found: list[Object] = session["_line_items"]["data"]
        return found

    def charge_of(self, intent: str) -> Object:
        """Return the latest charge of a payment intent."""
        return self.find(self.intent(intent)["latest_charge"] or "", "charge")

    def advance(self) -> None:
        """Expire the sessions whose time is over."""
        super().advance()
        now = self.now()
        for each in [self.objects[one] for one in self._open if self._is_due(one, now)]:
            self._expire(each)

    def _is_due(self, session: str, now: float) -> bool:
        return bool(self.objects[session]["expires_at"] <= now)

    # The payer's verbs.

    def pay(
        self,
        session: str,
        method: str = "card",
        *,
        buyer_currency: str | None = None,
    ) -> Object:
        """
        Pay at once; return the payment intent.

        With adaptive pricing, which only a session can turn off, the payer may choose another
        currency; the amounts of our objects stay, and `presentment_details` say what was paid.
        """
        found = self._payable(session)
        details = self._presentment(found, buyer_currency) if buyer_currency else None
        intent, charge = self._attempt(found, method, "ch" if method in CARDS else "py")
        if details:
            for each in (found, intent, charge):
                each["presentment_details"] = details
        self._succeed(intent, charge)
        self._complete(found, intent, "paid")
        return intent

    def pay_later(self, session: str, method: str = "sepa_debit") -> Object:
        """Pay by a method whose money comes days later: the session is complete and unpaid."""
        found = self._payable(session)
        intent, charge = self._attempt(found, method, prefix="py")
        intent["status"] = "processing"
        charge["status"] = "pending"
        self.emit("payment_intent.processing", intent)
        self.emit("charge.pending", charge)
        self._complete(found, intent, "unpaid")
        return intent

    def clear(self, session: str) -> Object:
        """Let the money of a late method arrive; return the payment intent."""
        found = self.session(session)
        intent = self._processing(found)
        self._succeed(intent, self.charge_of(intent["id"]))
        found["payment_status"] = "paid"
        self.emit("checkout.session.async_payment_succeeded", found)
        return intent

    def bounce(self, session: str) -> Object:
        """Let the payer's bank refuse a late method; the session stays complete and unpaid."""
        found = self.session(session)
        intent = self._processing(found)
        self._fail(intent, self.charge_of(intent["id"]), "insufficient_funds")
        self.emit("checkout.session.async_payment_failed", found)
        return intent

    def decline(self, session: str, code: str = "card_declined") -> Object:
        """Try a card that the bank declines; the session stays open for another try."""
        found = self._payable(session)
        intent, charge = self._attempt(found, "card")
        self._fail(intent, charge, code)
        return intent

    def abandon(self, session: str) -> None:
        """Leave without paying: the time of the session runs out."""
        found = self.session(session)
        assert found["status"] == "open", found["status"]
        self._expire(found)

    # What the shop asks.

    def _create_session(self, call: Call) -> Object:
        body = call.body
        if body.get("mode") != "payment":
            raise Refused("This fake knows only `mode: payment`.", param="mode")
        if not body.get("line_items"):
            raise Refused("`line_items` is required.", code="parameter_missing", param="line_items")
        ui_mode = body.get("ui_mode", "hosted_page")
        if ui_mode == "hosted_page" and not body.get("success_url"):
            raise Refused(
                "`success_url` is required.", code="parameter_missing", param="success_url"
            )
        now = int(self.now())
        expires_at = body.get("expires_at", now + EXPIRY_SECONDS_MAX)
        if not now + EXPIRY_SECONDS_MIN <= expires_at <= now + EXPIRY_SECONDS_MAX:
            limit = "at least 30 minutes" if expires_at < now + 3600 else "less than 24 hours"
            raise Refused(
                f"The `expires_at` timestamp must be {limit} from Checkout Session creation.",
                param="expires_at",
            )
        amount, currency, items = self._priced(body["line_items"])
        session = self.make("checkout.session", "cs_live" if self.livemode else "cs_test", {
            "adaptive_pricing": body.get("adaptive_pricing", {"enabled": True}),
            "amount_subtotal": amount,
            "amount_total": amount,
            "cancel_url": body.get("cancel_url"),
            "client_reference_id": body.get("client_reference_id"),
            "currency": currency,
            "customer_email": body.get("customer_email"),
            "expires_at": expires_at,
            "locale": body.get("locale"),
            "metadata": body.get("metadata") or {},
            "mode": "payment",
            "payment_intent": None,
            "payment_method_types": body.get("payment_method_types") or self.methods,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": body.get("success_url"),
            "ui_mode": ui_mode,
            "_line_items": {
                "object": "list", "data": items, "has_more": False, "url": "/v1/checkout/sessions"
            },
            "_intent": body.get("payment_intent_data") or {},
        })  # fmt: skip
        session["url"] = f"{self.url}/c/pay/{session['id']}"
        self._open.append(session["id"])
        return session

    def _priced(self, lines: list[Mapping[str, Any]]) -> tuple[int, str, list[Object]]:
        """Return the total, its currency and the items, or refuse what Stripe cannot charge."""
        items, currencies = [], set()
        for at, line in enumerate(lines):
            price = line.get("price_data")
            where = f"line_items[{at}]"
            if not price or "unit_amount" not in price:
                raise Refused("This fake knows only `price_data` with `unit_amount`.", param=where)
            if "product_data" not in price and "product" not in price:
                raise Refused("You must specify `product` or `product_data`.", param=where)
            quantity = line.get("quantity")
            if not quantity:
                raise Refused("`quantity` is required.", code="parameter_missing", param=where)
            total = price["unit_amount"] * quantity
            currencies.add(price["currency"])
            items.append({
                "amount_discount": 0, "amount_subtotal": total, "amount_tax": 0,
                "amount_total": total, "currency": price["currency"],
                "description": price.get("product_data", {}).get("name"),
                "id": self.new_id("li"), "object": "item", "price": None, "quantity": quantity,
            })  # fmt: skip
        if len(currencies) > 1:
            raise Refused("All line items must have the same currency.", param="line_items")
        amount, currency = sum(each["amount_total"] for each in items), currencies.pop()
        if reason := refusal_of(amount, currency):
            raise Refused(reason[1], code=reason[0], param="line_items")
        return amount, currency, items

    def _list_sessions(self, call: Call) -> Object:
        query = call.query
        names = ("payment_intent", "status")
        equal = {name: query[name] for name in names if name in query}
        return self.page_of(self.all("checkout.session", **equal), call)

    def _list_charges(self, call: Call) -> Object:
        found = self.all("charge", payment_intent=call.query.get("payment_intent"))
        return self.page_of(found, call)

    def _list_transactions(self, call: Call) -> Object:
        names = ("currency", "source", "type")
        equal = {name: call.query[name] for name in names if name in call.query}
        return self.page_of(self.all("balance_transaction", **equal), call)

    def _expire_session(self, call: Call) -> Object:
        found = self.session(call.path["session"])
        if found["status"] != "open":
            raise Refused(
                'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
                f"Session has a status of `{found['status']}`."
            )
        self._expire(found)
        return found

    # What follows.

    def _payable(self, session: str) -> Object:
        self.advance()
        found = self.session(session)
        if found["status"] != "open":
            raise Refused(f"This Checkout Session is {found['status']}.")
        return found

    def _presentment(self, session: Object, currency: str) -> Object:
        if not session["adaptive_pricing"]["enabled"]:
            raise Refused("Adaptive pricing is not enabled for this session.")
        by = rate(session["currency"], currency)
        amount = converted(session["amount_total"], by)
        return {"presentment_amount": amount, "presentment_currency": currency}

    def _processing(self, session: Object) -> Object:
        intent = self.intent(session["payment_intent"] or "")
        assert intent["status"] == "processing", intent["status"]
        return intent

    def _expire(self, session: Object) -> None:
        session |= {"status": "expired", "url": None}
        self._open.remove(session["id"])
        if session["payment_intent"]:
            intent = self.intent(session["payment_intent"])
            intent |= {"status": "canceled", "canceled_at": int(self.now())}
            intent["cancellation_reason"] = "automatic"
            self.emit("payment_intent.canceled", intent)
        self.emit("checkout.session.expired", session)

    def _attempt(self, session: Object, method: str, prefix: str = "ch") -> tuple[Object, Object]:
        """Make a charge, and with the first one the payment intent of the session."""
        if method not in session["payment_method_types"]:
            raise Refused(f"The payment method {method} is not enabled.", param="payment_method")
        wanted = session["_intent"]
        if session["payment_intent"] is None:
            made = self.make("payment_intent", "pi", {
                "amount": session["amount_total"],
                "amount_capturable": 0,
                "amount_received": 0,
                "capture_method": "automatic_async",
                "confirmation_method": "automatic",
                "currency": session["currency"],
                "description": wanted.get("description"),
                "last_payment_error": None,
                "latest_charge": None,
                "metadata": wanted.get("metadata") or {},
                "payment_method_types": session["payment_method_types"],
                "status": "requires_payment_method",
                "transfer_group": wanted.get("transfer_group"),
            })  # fmt: skip
            session["payment_intent"] = made["id"]
            self.emit("payment_intent.created", made)
        intent = self.intent(session["payment_intent"])
        charge = self.make("charge", prefix, {
            "amount": intent["amount"],
            "balance_transaction": None,
            "currency": intent["currency"],
            "description": intent["description"],
            # Stripe copies the intent's metadata to its charges, and to nothing else.
            "metadata": dict(intent["metadata"]),
            "payment_intent": intent["id"],
            "payment_method_details": {"type": method} | self._details(method),
            "_refunds": {
                "object": "list", "data": [], "has_more": False, "url": "/v1/refunds"
            },
        })  # fmt: skip
        intent["latest_charge"] = charge["id"]
        return intent, charge

    def _details(self, method: str) -> Object:
        """Say what is known of the instrument: a bank transfer says no country."""
        if method not in CARDS:
            return {}
        return {method: blank(f"payment_method_details_{method}") | {"country": self.card_country}}

    def _succeed(self, intent: Object, charge: Object) -> None:
        amount = charge["amount"]
        transaction = "charge" if charge["id"].startswith("ch_") else "payment"
        booked = self.book("payments", charge, amount, source=charge["id"], transaction=transaction)
        charge |= {
            "amount_captured": amount, "balance_transaction": booked["id"], "captured": True,
            "paid": True, "status": "succeeded",
        }  # fmt: skip
        intent |= {"amount_received": amount, "last_payment_error": None, "status": "succeeded"}
        self.emit("payment_intent.succeeded", intent)
        self.emit("charge.succeeded", charge)

    def _fail(self, intent: Object, charge: Object, code: str) -> None:
        reason, message = DECLINES[code]
        error = {"charge": charge["id"], "code": code, "message": message, "type": "card_error"}
        if reason:
            error["decline_code"] = reason
        charge |= {"failure_code": code, "failure_message": message, "status": "failed"}
        intent |= {"last_payment_error": error, "status": "requires_payment_method"}
        self.emit("charge.failed", charge)
        self.emit("payment_intent.payment_failed", intent)

    def _complete(self, session: Object, intent: Object, payment_status: str) -> None:
        session |= {"payment_status": payment_status, "status": "complete", "url": None}
        self._open.remove(session["id"])
        assert session["payment_intent"] == intent["id"]
        self.emit("checkout.session.completed", session)
