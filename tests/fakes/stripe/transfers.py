"""Connect: accounts of creators, the page that asks for what they need, and transfers to them."""

from typing import Any

from aiohttp import web

from tests.fakes.base import Call, Line
from tests.fakes.stripe.amounts import STEPS
from tests.fakes.stripe.core import Object, Refused
from tests.fakes.stripe.disputes import Disputes

LINK_SECONDS = 300
NEEDED = ["external_account", "individual.verification.document", "tos_acceptance.date"]
NOT_CAPABLE = (
    "Your destination account needs to have at least one of the following capabilities enabled: "
    "transfers, crypto_transfers, legacy_payments"
)
_ONBOARDING = "/setup/e/"


class Transfers(Disputes):
    """The verbs are those of creators at Stripe's page, of Stripe, and of the dashboard."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._short = 0
        # The account, and where the page leads to, by the secret part of its address.
        self._links: dict[str, tuple[str, str]] = {}
        self.handlers |= {
            "POST /v1/accounts": self._create_account,
            "GET /v1/accounts/{account}": lambda call: self.connected(call.path["account"]),
            "POST /v1/account_links": self._create_link,
            "POST /v1/transfers": self._create_transfer,
            "GET /v1/transfers": self._list_transfers,
            "GET /v1/transfers/{transfer}": lambda call: self.transfer(call.path["transfer"]),
            "POST /v1/transfers/{id}/reversals": lambda call: self._reverse(
                call.path["id"], (call.body or {}).get("amount")
            ),
        }

    def connected(self, identifier: str) -> Object:
        return self.find(identifier, "account", param="account")

    def transfer(self, identifier: str) -> Object:
        return self.find(identifier, "transfer", param="transfer")

    # Verbs.

    def connect(self, country: str = "US", currency: str = "usd") -> str:
        """Open an account that has all it needs; return its id."""
        made = self._make_account({"country": country, "default_currency": currency})
        self.onboard(made["id"])
        return str(made["id"])

    def onboard(self, account: str) -> None:
        """Give Stripe all that it asked for."""
        self._become(account, [], is_able=True)

    def restrict(self, account: str) -> None:
        """Ask for more, and send no money there until it is given."""
        self._become(account, ["individual.verification.document"], is_able=False)

    def reverse_transfer(self, transfer: str, amount: int | None = None) -> None:
        """Take money back from a creator's account, as the dashboard can."""
        self._reverse(transfer, amount)

    def be_short(self, times: int = 1) -> None:
        """Have too little money on the platform's balance for the next transfers."""
        self._short += times

    # Accounts.

    def _create_account(self, call: Call) -> Object:
        assert call.body["type"] == "express", "other accounts are not ours"
        return self._make_account(call.body)

    def _make_account(self, asked: Object) -> Object:
        return self.make("account", "acct", {
            "business_type": None,
            "capabilities": {"transfers": "inactive"},
            "charges_enabled": False,
            "country": asked.get("country", "US"),
            "default_currency": asked.get("default_currency", "usd"),
            "details_submitted": False,
            "email": None,
            "metadata": asked.get("metadata") or {},
            "payouts_enabled": False,
            "requirements": _requirements(NEEDED),
            "type": "express",
        })  # fmt: skip

    def _become(self, account: str, needed: list[str], *, is_able: bool) -> None:
        found = self.connected(account)
        found |= {
            "capabilities": {"transfers": "active" if is_able else "inactive"},
            "details_submitted": True,
            "payouts_enabled": is_able,
            "requirements": _requirements(needed, is_late=not is_able),
        }
        self.emit("account.updated", found, account=account)

    def _create_link(self, call: Call) -> Object:
        account = self.find(call.body["account"], "account", param="account", status=400)["id"]
        now, secret = int(self.now()), self.new_id("link")
        self._links[secret] = (account, call.body["return_url"])
        return {
            "object": "account_link", "created": now, "expires_at": now + LINK_SECONDS,
            "url": f"{self.url}{_ONBOARDING}{secret}",
        }  # fmt: skip

    async def page(self, request: web.Request) -> web.StreamResponse | None:
        """Show the page of a link; who sends its form has given all that is asked."""
        if not request.path.startswith(_ONBOARDING):
            return await super().page(request)
        found = self._links.get(request.path.removeprefix(_ONBOARDING))
        if found is None:
            return None
        account, back = found
        if request.method == "POST":
            self.onboard(account)
            raise web.HTTPSeeOther(back)
        text = (
            "<!doctype html><html lang='en'><title>Practice: a creator's account</title>"
            "<p>Practice: nobody is asked for anything here.</p>"
            "<form method='post'><button>Give all that Stripe needs</button></form></html>"
        )
        return web.Response(text=text, content_type="text/html")

    # Transfers.

    def _create_transfer(self, call: Call) -> Object:
        body = call.body
        destination = self.find(body["destination"], "account", param="destination", status=400)
        amount, currency = body["amount"], body["currency"]
        if amount <= 0 or amount % STEPS.get(currency, 1):
            raise Refused(
                "Invalid positive integer", code="parameter_invalid_integer", param="amount"
            )
        if destination["capabilities"]["transfers"] != "active":
            raise Refused(NOT_CAPABLE, code="insufficient_capabilities_for_transfer")
        if self._short:
            self._short -= 1
            raise Refused(
                "You have insufficient available funds in your Stripe account.",
                code="balance_insufficient",
            )
        made = self.make("transfer", "tr", {
            "amount": amount,
            "amount_reversed": 0,
            "currency": currency,
            "description": body.get("description"),
            "destination": destination["id"],
            "destination_payment": self.new_id("py"),
            "metadata": body.get("metadata") or {},
            "reversed": False,
            "source_type": "card",
            "transfer_group": body.get("transfer_group"),
        })  # fmt: skip
        made["reversals"] = {
            "object": "list", "data": [], "has_more": False,
            "url": f"/v1/transfers/{made['id']}/reversals",
        }  # fmt: skip
        self.lines.append(Line("transfers", made["id"], currency.upper(), -amount))
        self.emit("transfer.created", made)
        return made

    def _list_transfers(self, call: Call) -> Object:
        names = ("transfer_group", "destination")
        equal = {name: call.query[name] for name in names if name in call.query}
        return self.page_of(self.all("transfer", **equal), call)

    def _reverse(self, transfer: str, wanted: int | None) -> Object:
        found = self.transfer(transfer)
        before = found["amount_reversed"]
        left = found["amount"] - before
        amount = left if wanted is None else wanted
        if not 0 < amount <= left:
            raise Refused(f"Reversal amount ({amount}) is greater than {left}.", param="amount")
        made = self.make("transfer_reversal", "trr", {
            "amount": amount, "currency": found["currency"], "metadata": {},
            "transfer": found["id"],
        })  # fmt: skip
        found["amount_reversed"] += amount
        found["reversed"] = found["amount_reversed"] == found["amount"]
        found["reversals"]["data"].insert(0, made)
        self.lines.append(
            Line("transfer_reversals", found["id"], found["currency"].upper(), amount)
        )
        self.emit("transfer.reversed", found, {"amount_reversed": before})
        return made


def _requirements(needed: list[str], *, is_late: bool = False) -> Object:
    return {
        "alternatives": [], "current_deadline": None, "currently_due": needed,
        "disabled_reason": "requirements.past_due" if is_late else None, "errors": [],
        "eventually_due": needed, "past_due": needed if is_late else [],
        "pending_verification": [],
    }  # fmt: skip
