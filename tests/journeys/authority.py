"""
The cast of the authority matrix: who asks, what is theirs, and a fitting request of each operation.

The operations and who may use them are in the OpenAPI document. What stands here are values alone:
an operation whose parameters or body have none here fails the matrix.
"""

import secrets
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx

from deploy.config.databases import run_sql
from shared.contracts.routes import QUEUES
from shared.contracts.wallet import LotKind, lot_id
from shared.messaging.delivery import service_of
from tests.journeys.operations import SCOPES, Caller
from tests.journeys.people import GOOD_CARD, eventually

MISSING_ID = "00000000-0000-4000-8000-000000000000"
# What belongs to one person, wherever a request names it.
OWNED = {
    *("user", "viewer", "creator", "guest", "room", "purchase", "refund", "hold", "gift"),
    *("withdrawal", "payout", "quote", "stream", "goal", "perk", "entitlement", "adjustment"),
    *("bonus", "team", "endpoint"),
}
WHY = {"reason": "asked by the matrix"}
CAMPAIGN = {
    "coins": 10,
    "budget_coins": 100,
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": "2026-01-02T00:00:00Z",
    **WHY,
}
ENTRY = {
    "names": {"en": "Matrix"},
    "price_coins": 1,
    "mode": "streak",
    "category": "season",
    "sort": 900,
    **WHY,
}
LATER = {"effective_from": "2100-01-01T00:00:00Z"}
BONUS = {"diamonds": 5, "funder": "matrix", **WHY}
DISPUTES = "operator with every scope"


class Cast:
    """Two viewers, two creators and operators, with an object of every kind that can be owned."""

    def __init__(self, stage):
        self.tag = f"mx{secrets.token_hex(4)}"
        self._stage = stage
        self._http = httpx.Client(base_url=stage.url, timeout=60, trust_env=False)
        self.viewer, self.other_viewer, self.creator, self.other_creator = (
            f"{self.tag}-{name}" for name in ("ann", "bob", "cleo", "dora")
        )
        self.team, self.other_team = f"{self.tag}-charts", f"{self.tag}-rivals"
        self.room, self.gift_type = f"{self.tag}-room", f"{self.tag}_gift"
        self.callers = [self._caller(*each) for each in self._kinds()]
        self.values = {}

    def _kinds(self):
        yield "nobody", None
        yield "viewer", self.viewer
        yield "other viewer", self.other_viewer
        yield "creator", self.creator, ("creator",)
        yield "other creator", self.other_creator, ("creator",)
        yield "team", self.team, ("team",)
        yield "other team", self.other_team, ("team",)
        yield "viewer with every scope", f"{self.tag}-eve", (), tuple(SCOPES)
        yield "operator", f"{self.tag}-op", ("operator",)
        for scope in SCOPES:
            yield f"operator with {scope}", f"{self.tag}-{scope}", ("operator",), (scope,)
        yield "operator with every scope", f"{self.tag}-all", ("operator",), tuple(SCOPES)
        yield "another operator", f"{self.tag}-second", ("operator",), tuple(SCOPES)

    def _caller(self, name, user, roles=(), scopes=()):
        said = {"roles": list(roles), "scopes": list(scopes), "country": "DE"}
        token = user and self._stage.system.token(user, **said)
        return Caller(name, user, roles, scopes, token)

    def caller(self, name):
        (found,) = (each for each in self.callers if each.name == name)
        return found

    def close(self):
        self._http.close()

    def ask(self, caller, method, path, *, body=None, query=None):
        headers = {"Idempotency-Key": uuid4().hex}
        if caller.token:
            headers["Authorization"] = f"Bearer {caller.token}"
        if path.endswith("/events"):
            with self._http.stream(method, path, params=query, headers=headers) as answer:
                if answer.status_code == 200:
                    return httpx.Response(200, headers=answer.headers)
                answer.read()
                return answer
        return self._http.request(method, path, params=query, json=body, headers=headers)

    def ask_for(self, caller, operation):
        """Ask what an operation is for, with the values that fit it."""
        return self.ask(
            caller,
            operation.method,
            self.path_of(operation),
            body=self.body_of(operation),
            query=self.query_of(operation),
        )

    def path_of(self, operation):
        path = operation.path
        for name in operation.parameters("path"):
            path = path.replace(f"{{{name}}}", quote(str(self.value(operation, name)), safe=""))
        return path

    def query_of(self, operation):
        return {name: self.value(operation, name) for name in operation.required_queries()}

    def body_of(self, operation):
        if "requestBody" not in operation.described:
            return None
        return self.bodies()[operation.label]

    def value(self, operation, name):
        of_one = self.values.get(f"{operation.label} {name}")
        return of_one if of_one is not None else self.values[name]

    def names_a_thing(self, operation):
        """Whether a request says whose or what it is about, and does not only mean the caller."""
        body = self.body_of(operation) or {}
        named = {*operation.parameters("path"), *self.query_of(operation), *body}
        return bool(named & OWNED)

    def owners(self, operation):
        """Whose the things are that the requests of an operation name."""
        if operation.path == "/v1/entitlements/{entitlement}":
            return {self.viewer, self.creator}
        parts = operation.path.split("/")
        if "{team}" in parts:
            return {self.team}
        of_creator = "{creator}" in parts or parts[2] in ("payouts", "earnings")
        is_creators = of_creator or operation.access == "creator"
        return {self.creator} if is_creators else {self.viewer}

    def done(self, name, method, path, body=None):
        """Ask as somebody of the cast for what has to be there, and return the answer."""
        answer = self.ask(self.caller(name), method, path, body=body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def prepare(self):
        """Let everything come into being that the requests name."""
        self.values |= {
            "purchase": self._buy(),
            "POST /v1/purchases/{purchase}/refunds purchase": self._buy(),
            "POST /v1/purchases/{purchase}/withdrawals purchase": self._buy(),
        }
        paid = lot_id(UUID(self.values["purchase"]), LotKind.PAID)
        self.values["lot"] = str(paid)
        self._prepare_withdrawal()
        self.values["hold"] = self._warn(self._buy())
        self._prepare_room()
        self._prepare_balances()
        self._prepare_payout()
        self._prepare_team()
        new = {**ENTRY, "gift_type": self.gift_type}
        self.done(DISPUTES, "POST", "/v1/operator/gifts/catalogue", new)
        self.values |= {
            **dict.fromkeys(("user", "viewer"), self.viewer),
            **dict.fromkeys(("provider", "provider_name"), "sandbox"),
            "creator": self.creator,
            "guest": self.other_creator,
            "room": self.room,
            "gift_type": self.gift_type,
            "campaign": f"{self.tag}-campaign",
            "refund": MISSING_ID,
            "file": MISSING_ID,
            "dead_letter": MISSING_ID,
            "seller": "example",
            "year": 2026,
            "period": "week",
            "statement": f"{datetime.now(UTC):%Y}",
            "as_of": "2026-01-01",
            "currency": "USD",
            "id": self.viewer,
            "SdkAppid": "1400000000",
            "CallbackCommand": "Live.CallbackBeforeSendGift",
            "Sign": "0" * 64,
            "RequestTime": "1",
        }
        # Each service is asked about a queue of its own.
        for queue in QUEUES:
            label = f"GET /v1/operator/{service_of(queue)}/dead-letters queue"
            self.values[label] = queue
        self.values["GET /v1/catalogue/files/{file} file"] = self._upload()
        # The viewer gives, and others of the cast may be kept from it.
        for method in ("PUT", "DELETE"):
            label = f"{method} /v1/gifts/creators/{{creator}}/blocks/{{viewer}} viewer"
            self.values[label] = self.other_viewer

    def _buy(self):
        bought = self.done("viewer", "POST", "/v1/purchases", {"package": "coins_500"})
        path = f"/v1/purchases/{bought['purchase']}"
        pay = eventually(lambda: self.done("viewer", "GET", path)["next_action"])["url"]
        httpx.post(pay, data={"card": GOOD_CARD}, timeout=60, trust_env=False)
        eventually(lambda: self.done("viewer", "GET", path)["state"] == "completed")
        return bought["purchase"]

    def _warn(self, purchase):
        """Let coins be frozen because the card was perhaps stolen."""
        payment = self._stage.payment_of(purchase)["id"]
        warning = self._stage.provider(f"/payments/{payment}/warnings", {})
        lots = "/v1/wallets/me/lots"
        eventually(lambda: any(lot["frozen"] for lot in self.done("viewer", "GET", lots)["items"]))
        return f"risk:{warning['id']}"

    def _upload(self):
        """Let there be a picture of a gift, which is everybody's to fetch."""
        headers = {"Authorization": f"Bearer {self.caller(DISPUTES).token}"}
        path, drawing = "/v1/operator/gifts/files", "<svg xmlns='http://www.w3.org/2000/svg'/>"
        answer = self._http.post(path, content=drawing, headers=headers)
        return answer.raise_for_status().json()["file"]

    def _prepare_withdrawal(self):
        withdrawals = "/v1/purchases/{purchase}/withdrawals"
        purchase = self._buy()
        path = withdrawals.replace("{purchase}", purchase)
        stated = self.done("viewer", "POST", path, {"name": f"{self.tag} Ann"})
        self.values |= {
            "withdrawal": stated["withdrawal"],
            f"GET {withdrawals}/{{withdrawal}}/acknowledgement purchase": purchase,
        }

    def _prepare_room(self):
        opened = self.done("creator", "PUT", f"/v1/rooms/{self.room}/stream", {})
        self.done("other creator", "PUT", f"/v1/rooms/{self.room}-2/stream", {})
        perk = {"kind": "custom", "title": "a wave", "threshold_coins": 1, "uses": 1}
        goal = {"title": "a goal", "target_coins": 500, "room": self.room}
        own = f"/v1/gifts/creators/{self.creator}"
        switch, off = f"{own}/rooms/{self.room}", {"gifts_off": False}
        creator = self.caller("creator")
        eventually(lambda: self.ask(creator, "PUT", switch, body=off).is_success)
        self.done("creator", "PUT", f"{own}/rules", {**off, "hold_messages": True})
        self.values |= {
            "stream": opened["stream"],
            "perk": self.done("creator", "POST", "/v1/creators/me/perks", perk)["perk"],
            "goal": self.done("creator", "POST", "/v1/creators/me/goals", goal)["goal"],
        }
        wish = {"gift_type": "g_pebble", "creator": self.creator, "room": self.room}
        sent = self.done("viewer", "POST", "/v1/gifts", {**wish, "message": f"{self.tag} hello"})
        mine = "/v1/gifters/me/entitlements"
        (entitled,) = eventually(lambda: self.done("viewer", "GET", mine)["items"])
        self.values |= {"gift": sent["gift"], "entitlement": entitled["entitlement"]}

    def _prepare_balances(self):
        """Correct both balances, and ask for corrections that are still to be decided."""
        for ledger, user in (("wallet", self.viewer), ("payout", self.creator)):
            path = f"/v1/operator/{ledger}/adjustments"
            wish = {"user": user, "amount": 200_000, **WHY}
            agreed, *open_ones = (
                self.done(DISPUTES, "POST", path, wish)["adjustment"] for _ in range(3)
            )
            self.done("another operator", "POST", f"{path}/{agreed}/approve")
            for decision, adjustment in zip(("approve", "reject"), open_ones, strict=True):
                label = f"POST {path}/{{adjustment}}/{decision} adjustment"
                self.values[label] = adjustment

        path = f"/v1/operator/creators/{self.creator}/bonuses"
        for decision in ("approve", "reject"):
            label = f"POST /v1/operator/creators/{{creator}}/bonuses/{{bonus}}/{decision} bonus"
            self.values[label] = self.done(DISPUTES, "POST", path, BONUS)["bonus"]

    def _prepare_payout(self):
        for name in ("creator", "other creator"):
            self.done(name, "PUT", "/v1/payouts/payees/USD", {"destination": "acct_ok_matrix"})
        first, second = (
            self.done("creator", "POST", "/v1/payouts/quotes", {"diamonds": 2_000})["quote"]
            for _ in range(2)
        )
        payout = self.done("creator", "POST", "/v1/payouts", {"quote": first})["payout"]
        path = f"/v1/payouts/{payout}"
        eventually(lambda: self.done("creator", "GET", path)["state"] == "paid")
        self.values |= {"payout": payout, "quote": second}

    def _prepare_team(self):
        """Let a team have an endpoint, and an event for it that goes nowhere for now."""
        granted = ", ".join(f"('{team}', 'gift.sent')" for team in (self.team, self.other_team))
        dsn = self._stage.system.postgres.dsn("webhooks")
        run_sql(dsn, [f"INSERT INTO grants (team, event) VALUES {granted}"])
        wish = {"url": "http://127.0.0.1:9/", "events": ["gift.sent"]}
        path = "/v1/teams/me/endpoints"
        endpoint = self.done("team", "POST", path, wish)["endpoint"]
        event = self.done("team", "POST", f"{path}/{endpoint}/pings")["event"]
        self.done("team", "PATCH", f"{path}/{endpoint}", {"enabled": False})
        self.values |= {"team": self.team, "endpoint": endpoint, "event": event}
        self.values["message"] = event

    def ids(self):
        """What only the owners and operators may see in an answer."""
        names = ("purchase", "gift", "quote", "payout", "entitlement", "goal", "stream")
        return {str(self.values[name]) for name in (*names, "withdrawal")}

    def bodies(self):
        """A body that fits, for each operation that wants one."""
        limit = {"unit": "coins", "amount": 5_000}
        correction = {"amount": 5, **WHY}
        goal = {"title": "another goal", "target_coins": 700}
        gift = {"gift_type": "g_pebble", "creator": self.creator, "room": self.room}
        perk = {"kind": "custom", "title": "another wave", "threshold_coins": 10_000}
        creator, rooms = "/v1/gifts/creators/{creator}", "/v1/rooms/{room}"
        operator, catalogue = "/v1/operator", "/v1/operator/gifts/catalogue"
        viewers = f"{operator}/purchases/{{viewer}}/{{purchase}}/refunds"
        wallets = f"{operator}/wallets/{{user}}"
        return {
            "POST /v1/purchases": {"package": "coins_100"},
            "POST /v1/purchases/{purchase}/claim": {"token": "signed"},
            "POST /v1/purchases/{purchase}/refunds": {},
            "POST /v1/purchases/{purchase}/withdrawals": {"name": f"{self.tag} Ann"},
            f"POST {viewers}": WHY,
            f"POST {viewers}/{{refund}}/decline": WHY,
            f"PUT {operator}/purchase/campaigns/{{campaign}}": CAMPAIGN | {"code": self.tag},
            "PUT /v1/wallets/{user}/limits/{period}": limit,
            "POST /v1/wallets/{user}/exclusions": {"days": 1},
            f"POST {operator}/wallet/adjustments": {"user": self.viewer, **correction},
            f"POST {operator}/payout/adjustments": {"user": self.creator, **correction},
            f"POST {wallets}/freeze": WHY,
            f"POST {wallets}/unfreeze": WHY,
            f"POST {wallets}/freezes/{{hold}}/release": WHY,
            f"PUT {wallets}/limits/{{period}}": {**limit, **WHY},
            "POST /v1/gifts": gift,
            f"PUT {creator}/rules": {"gifts_off": False, "hold_messages": True},
            f"PUT {creator}/rooms/{{room}}": {"gifts_off": False},
            f"PUT {creator}/blocks/{{viewer}}": {},
            f"PUT {creator}/messages/{{gift}}": {"state": "shown"},
            f"POST {catalogue}": {**ENTRY, "gift_type": f"{self.tag}_2"},
            f"PUT {catalogue}/{{gift_type}}": {**ENTRY, "revision": 1},
            f"POST {operator}/gifts/files": {},
            f"PATCH {catalogue}/{{gift_type}}": {"revision": 1, "sort": 901, **WHY},
            "POST /v1/callbacks/tencent": {},
            **self.bodies_of_payouts(),
            f"PUT {rooms}/stream": {"title": "still here"},
            f"POST {rooms}/thanks": {"gift": self.values["gift"]},
            f"PUT {operator}/live/rooms/{{room}}/owner": {"creator": self.creator},
            "PUT /v1/gifters/me": {"hidden": False},
            "POST /v1/creators/me/goals": {**goal, "room": self.room},
            "PUT /v1/creators/me/goals/{goal}": goal,
            "POST /v1/creators/me/perks": perk,
            "PUT /v1/creators/me/perks/{perk}": perk,
            **self.bodies_of_teams(),
            **{
                f"POST {operator}/{service_of(queue)}/dead-letters/{{dead_letter}}/redrive": {
                    "queue": queue,
                    **WHY,
                }
                for queue in QUEUES
            },
        }

    def bodies_of_teams(self):
        """A body that fits each operation about endpoints of teams."""
        endpoints = "/v1/teams/{team}/endpoints"
        wish = {"url": "https://hooks.example/", "events": ["gift.sent"]}
        return {
            f"POST {endpoints}": wish,
            f"PATCH {endpoints}/{{endpoint}}": {"enabled": True},
            f"POST {endpoints}/{{endpoint}}/secrets": {},
            f"POST {endpoints}/{{endpoint}}/replays": {"failed": True},
        }

    def bodies_of_payouts(self):
        """A body that fits each operation about payees, payouts and what creators get."""
        operator = "/v1/operator"
        payouts = f"{operator}/payouts/{{creator}}/{{payout}}"
        return {
            "PUT /v1/payouts/payees/{currency}": {"destination": "acct_ok_other"},
            "POST /v1/payouts/payees/{currency}/onboarding": {"legal_name": f"{self.tag} Cleo"},
            f"POST {operator}/payees/{{creator}}/{{currency}}/clear": WHY,
            "PUT /v1/payouts/bank-account": {"holder": "Cleo", "iban": "DE89370400440532013000"},
            f"POST {operator}/bank-files": WHY,
            f"POST {operator}/bank-reports": {},
            "POST /v1/payouts/quotes": {"diamonds": 2_000},
            "POST /v1/payouts": {"quote": self.values["quote"]},
            f"PUT {operator}/creators/{{creator}}/rate-plan": {"plan": "standard", **LATER, **WHY},
            f"PUT {operator}/creators/{{creator}}/split": {"shares": [], **LATER, **WHY},
            f"POST {operator}/creators/{{creator}}/bonuses": BONUS,
            f"POST {payouts}/approve": WHY,
            f"POST {payouts}/reject": WHY,
            f"POST {payouts}/resolve": {"outcome": "paid", **WHY},
            f"POST {payouts}/appeal": {"decision": "uphold", **WHY},
            "POST /v1/payouts/{payout}/appeal": {"text": "asked by the matrix"},
            "PUT /v1/payouts/schedule": {"kind": "none"},
        }
