"""What all of Stripe's objects have in common: ids, lists, expansion, events, keys, the balance."""

import copy
import hmac
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

from tests.fakes.base import Answer, Call, Fake, Line
from tests.fakes.judge import Violation
from tests.fakes.schemas import Json
from tests.fakes.stripe.amounts import Pricing, converted, rate, share
from tests.fakes.stripe.contract import SDK_VERSION, blank, event_types, load_contract
from tests.fakes.webhooks import Webhook

Object: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Call], Object]

KEY_SECONDS = 24 * 3600
EXPANSION_DEPTH_MAX = 4
PAGE = 10


class Refused(Exception):
    """Stripe says no: the parts of its error object."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        parts = {"type": kind, "message": message, "code": code, "param": param}
        present = {name: value for name, value in parts.items() if value is not None}
        self.answer = Answer(status, {"error": present})


@dataclass(frozen=True, slots=True)
class Kept:
    """The first answer under an idempotency key, and what was asked."""

    asked: bytes
    answer: Answer
    at: float


class Core(Fake):
    """Stripe without its objects' own rules; amounts are in Stripe's minor units."""

    name = "stripe"

    def __init__(
        self,
        *,
        webhooks: str | None = None,
        secret: str = "whsec_fake",
        api_key: str = "sk_test_fake",
        settlement: tuple[str, ...] = ("usd",),
        pricing: Pricing | None = None,
        seed: int = 0,
    ) -> None:
        """Settle in these currencies, all others converted to the first."""
        super().__init__(load_contract(), webhooks=webhooks, secret=secret, seed=seed)
        self.api_key = api_key
        self.api_version = SDK_VERSION
        self.settlement = settlement
        self.pricing = pricing or Pricing()
        self.livemode = "_live_" in api_key
        self.objects: dict[str, Object] = {}
        self._by_kind: dict[str, list[Object]] = defaultdict(list)
        self.account = f"acct_{self.random.getrandbits(64):016x}"
        self.handlers: dict[str, Handler] = {}
        self._kept: dict[str, Kept] = {}
        self._request: dict[str, str | None] = {"id": None, "idempotency_key": None}

    # Requests.

    async def answer(self, call: Call) -> Answer:
        if not hmac.compare_digest(_token(call.headers), self.api_key):
            return Refused("Invalid API Key provided.", status=401).answer
        self.advance()
        key = (
            call.headers.get("Idempotency-Key") if call.operation.name.startswith("POST") else None
        )
        if key is None:
            return self._work(call, None)
        asked = sha256(call.operation.name.encode() + repr(call.path).encode() + call.raw).digest()
        kept = self._kept.get(key)
        if kept and self.now() - kept.at < KEY_SECONDS:
            if kept.asked != asked:
                return Refused(
                    "Keys for idempotent requests can only be used with the same parameters they "
                    f"were first used with. Try using a key other than '{key}' if you meant to "
                    "execute a different request.",
                    kind="idempotency_error",
                ).answer
            headers = {**kept.answer.headers, "Idempotent-Replayed": "true"}
            return Answer(kept.answer.status, kept.answer.body, headers)
        answer = self._work(call, key)
        self._keep(key, asked, answer)
        return answer

    async def break_call(self, call: Call, status: int, *, is_done: bool) -> Answer:
        """Say an error; a 500 is kept under the key and said again, as Stripe does."""
        if is_done:
            await self.answer(call)
        answer = self.failure(status)
        key = call.headers.get("Idempotency-Key")
        if key and status >= 500:
            name, path = call.operation.name.encode(), repr(call.path).encode()
            self._keep(key, sha256(name + path + call.raw).digest(), answer)
        return answer

    def _work(self, call: Call, key: str | None) -> Answer:
        self._request = {"id": self.new_id("req"), "idempotency_key": key}
        headers = {"Request-Id": str(self._request["id"])}
        try:
            made = self.handlers[call.operation.name](call)
            expand = (call.body or {}).get("expand") or call.query.get("expand") or []
            return Answer(200, self._expanded(made, expand), headers)
        except Refused as refused:
            return Answer(refused.answer.status, refused.answer.body, headers)
        finally:
            self._request = {"id": None, "idempotency_key": None}

    def _keep(self, key: str, asked: bytes, answer: Answer) -> None:
        self._kept[key] = Kept(asked, copy.deepcopy(answer), self.now())

    def refusal(self, violations: list[Violation]) -> Answer:
        first = violations[0]
        unknown = "Additional properties" in first.text
        text = f"Received unknown parameter: {first.text}" if unknown else first.text
        code = "parameter_unknown" if unknown else None
        return Refused(text, code=code, param=first.field or None).answer

    def failure(self, status: int) -> Answer:
        match status:
            case 404:
                text = "Unrecognized request URL."
                return Refused(text, status=404).answer
            case 409:
                text = "There is currently another in-progress request using this Idempotent Key."
                return Refused(text, code="idempotency_key_in_use", status=409).answer
            case 429:
                return Refused("Request rate limit exceeded.", code="rate_limit", status=429).answer
            case _:
                text = "An unknown error occurred."
                return Refused(text, status=status, kind="api_error").answer

    # Objects.

    def advance(self) -> None:
        """Do what is due by the clock."""

    def skew(self, seconds: float) -> None:
        super().skew(seconds)
        self.advance()

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{self.random.getrandbits(96):024x}"

    def make(self, schema: str, prefix: str, values: Object) -> Object:
        """Make an object of a schema and store it."""
        made = blank(schema) | {"id": self.new_id(prefix), "created": int(self.now())}
        if "livemode" in made:
            made["livemode"] = self.livemode
        made |= values
        self.objects[made["id"]] = made
        self._by_kind[made["object"]].append(made)
        return made

    def forget(self, made: Object) -> None:
        """Delete an object."""
        del self.objects[made["id"]]
        self._by_kind[made["object"]].remove(made)

    def find(self, identifier: str, kind: str, *, param: str = "id", status: int = 404) -> Object:
        """Return an object of this kind, or refuse as Stripe does: 404, or 400 for a parameter."""
        found = self.objects.get(identifier)
        if found is None or found["object"] != kind:
            raise Refused(
                f"No such {kind}: '{identifier}'",
                code="resource_missing",
                param=param,
                status=status,
            )
        return found

    def all(self, kind: str, **equal: Any) -> list[Object]:
        """Return the objects of a kind with these values, the newest first."""
        return [
            each
            for each in reversed(self._by_kind[kind])
            if all(value is None or each.get(name) == value for name, value in equal.items())
        ]

    def page_of(self, found: Iterable[Object], call: Call) -> Object:
        """Return a list object: one page, as the query asks for it."""
        query = call.query
        listed = [each for each in found if _is_created(each, query.get("created"))]
        ids = [each["id"] for each in listed]
        limit = query.get("limit", PAGE)
        if not 1 <= limit <= 100:
            raise Refused("Invalid limit: must be between 1 and 100.", param="limit")
        before, after = query.get("ending_before"), query.get("starting_after")
        for name, cursor in (("ending_before", before), ("starting_after", after)):
            if cursor is not None and cursor not in ids:
                raise Refused(f"No such object: '{cursor}'", code="resource_missing", param=name)
        if before is not None:
            rest = listed[: ids.index(before)]
            shown = rest[-limit:]
        else:
            rest = listed[ids.index(after) + 1 :] if after is not None else listed
            shown = rest[:limit]
        url = call.operation.name.removeprefix("GET ")
        return {
            "object": "list", "data": shown, "has_more": len(rest) > len(shown), "url": url,
        }  # fmt: skip

    def _expanded(self, made: Object, paths: Iterable[str]) -> Object:
        is_list = made.get("object") == "list"
        shown = (
            made | {"data": [_public(each) for each in made["data"]]} if is_list else _public(made)
        )
        for path in paths:
            parts = path.split(".")
            if len(parts) > EXPANSION_DEPTH_MAX + (parts[0] == "data"):
                raise Refused("You cannot expand more than 4 levels of a property.", param="expand")
            self._expand(shown, parts, path)
        return shown

    def _expand(self, at: Json, parts: list[str], path: str) -> None:
        if isinstance(at, list):
            for each in at:
                self._expand(each, parts, path)
            return
        if not parts or at is None:
            return
        name, *rest = parts
        hidden = self.objects.get(at.get("id", ""), {}).get(f"_{name}")
        if name not in at and hidden is None:
            if name in self.contract.schema(at.get("object", "")).get("x-expandableFields", ()):
                return  # it may be expanded, and this object has none
            raise Refused(f"This property cannot be expanded ({path}).", param="expand")
        # A copy: the next part of the path may expand inside of it.
        value = at[name] if name in at else copy.deepcopy(hidden)
        if isinstance(value, str):
            if value not in self.objects:
                raise Refused(f"This property cannot be expanded ({path}).", param="expand")
            value = _public(self.objects[value])
        at[name] = value
        self._expand(at[name], rest, path)

    # Events.

    def emit(
        self,
        kind: str,
        about: Object,
        previous: Object | None = None,
        *,
        account: str | None = None,
    ) -> None:
        """
        Make an event of an object as it is now, and send it to the endpoints.

        `account` is the connected account that it happened in, if it was not our own.
        """
        data: Object = {"object": _public(about)}
        if previous:
            data["previous_attributes"] = previous
        wanted = [each for each in self.webhooks.endpoints if each.wants(kind)]
        made = {
            "api_version": self.api_version,
            "data": data,
            "pending_webhooks": len(wanted),
            "request": dict(self._request),
            "type": kind,
        }
        if account is not None:
            made["account"] = account
        event = self.make("event", "evt", made)
        where = f"webhook {kind}"
        if kind not in event_types():
            self.violations.append(Violation(where, "type", "Stripe has no such event"))
        self.violations += self.contract.judge_object(about["object"], data["object"], where=where)
        self.publish(event["id"], kind, event, schema="event")

    def sign(self, webhook: Webhook, is_forged: bool) -> Mapping[str, str]:
        at = int(self.now())
        secret = "whsec_of_a_stranger" if is_forged else webhook.endpoint.secret
        signed = f"{at}.".encode() + webhook.body
        signature = hmac.new(secret.encode(), signed, sha256).hexdigest()
        return {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": f"t={at},v1={signature}",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }

    # The balance.

    def book(
        self,
        kind: str,
        charge: Object,
        amount: int,
        *,
        source: str,
        transaction: str,
        fee: int | None = None,
    ) -> Object:
        """Change the balance by an amount of a charge's currency, and keep it in the books."""
        currency = charge["currency"]
        target = currency if currency in self.settlement else self.settlement[0]
        by = rate(currency, target)
        booked = converted(amount, by) if target != currency else amount
        if fee is None:
            bps = self.pricing.rate_bps + self.pricing.conversion_bps * (target != currency)
            fee = share(booked, bps) + self.pricing.fixed_minor
        details = [
            {"amount": fee, "application": None, "currency": target, "description": "Stripe fees",
             "type": "stripe_fee"}
        ] if fee else []  # fmt: skip
        made = self.make("balance_transaction", "txn", {
            "amount": booked,
            "available_on": int(self.now()) + 2 * 24 * 3600,
            "balance_type": "payments",
            "currency": target,
            "description": None,
            "exchange_rate": float(by) if target != currency else None,
            "fee": fee,
            "fee_details": details,
            "net": booked - fee,
            "reporting_category": "charge" if kind == "payments" else kind.removesuffix("s"),
            "source": source,
            "status": "pending",
            "type": transaction,
        })  # fmt: skip
        payment = charge["payment_intent"]
        self.lines.append(Line(kind, payment, target.upper(), booked, currency.upper(), amount))
        if fee:
            self.lines.append(Line("fees", payment, target.upper(), -fee))
        return made


def _public(made: Object) -> Object:
    """Return what an answer shows of an object; names with an underscore are only expanded."""
    return copy.deepcopy({key: value for key, value in made.items() if key[0] != "_"})


def _token(headers: Mapping[str, str]) -> str:
    kind, _, token = headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else ""


def _is_created(made: Object, wanted: Json) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return bool(made["created"] == wanted)
    created = made["created"]
    return bool(
        created >= wanted.get("gte", created)
        and created > wanted.get("gt", created - 1)
        and created <= wanted.get("lte", created)
        and created < wanted.get("lt", created + 1)
    )
