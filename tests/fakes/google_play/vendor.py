"""
A Google Play in this event loop: purchases, orders, voided purchases and notifications.

Its discovery document judges the calls. What buyers, banks and Google itself do are verbs: `buy`,
`complete_pending`, `cancel_pending`, `void`, `ask_review`, `decide_review` (`verbs.py`).
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import ClassVar, TypeAlias

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.fakes.base import Answer, Call
from tests.fakes.google_play import contract as operations
from tests.fakes.google_play.contract import error
from tests.fakes.google_play.objects import BY_DEVELOPER, PURCHASED, Price, Purchase, Voided
from tests.fakes.google_play.verbs import GooglePlayVerbs
from tests.fakes.judge import Violation
from tests.fakes.schemas import Json
from tests.fakes.webhooks import Webhook

Route: TypeAlias = Callable[[Call], Answer]

ISSUER = "https://accounts.google.com"
SCOPE = "https://www.googleapis.com/auth/androidpublisher"
REVIEW_SECONDS = 86_400
VOIDED_SECONDS = 30 * 86_400
USAGE_EVENTS_MAX = 1000
TOKEN_SECONDS = 3600


class GooglePlay(GooglePlayVerbs):
    """
    One app in Google Play.

    A push is signed for `audience` in the name of `push_account`; set it to another address to
    play another Google account, whose tokens are as genuine.
    """

    name: ClassVar[str] = "google"

    def __init__(
        self,
        *,
        webhooks: str | None = None,
        package: str = "com.example.live",
        audience: str = "https://ovation.example/webhooks",
        push_account: str = "push@example.iam.gserviceaccount.com",
        prices: Mapping[str, Price] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            webhooks=webhooks, package=package, audience=audience, prices=prices, seed=seed
        )
        self.push_account = push_account
        self.account = "server@example.iam.gserviceaccount.com"
        self._account_key = _key("account")
        self._push_key = _key("google")
        self._forged_key = _key("mallory")
        self._tokens: dict[str, float] = {}
        self._routes: dict[str, Route] = {
            operations.TOKEN: self._token,
            operations.GET_PRODUCT: lambda call: Answer(200, self._product(call).show()),
            operations.GET_PRODUCT_2: lambda call: Answer(200, self._purchase(call).show_2()),
            operations.ACKNOWLEDGE: self._acknowledge,
            operations.CONSUME: self._consume,
            operations.GET_ORDER: lambda call: Answer(200, self._order(call).show_order()),
            operations.REFUND_ORDER: self._refund_order,
            operations.REVIEW_REFUND: self._review_refund,
            operations.LIST_VOIDED: self._list_voided,
        }

    def service_account(self) -> dict[str, str]:
        """Return the key file of the service account that may call."""
        return {
            "type": "service_account",
            "project_id": "example",
            "private_key_id": "account-1",
            "private_key": self._account_key.as_pem(private=True).decode(),
            "client_email": self.account,
            "token_uri": f"{self.url}/token",
        }

    async def answer(self, call: Call) -> Answer:
        self.refund_unacknowledged()
        route = self._routes[call.operation.name]
        if route == self._token:
            return self._token(call)
        token = call.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) <= self.now():
            return error(401, "authError", "Invalid Credentials")
        if call.path["packageName"] != self.package:
            text = "No application was found for the given package name."
            return error(404, "applicationNotFound", text)
        try:
            return route(call)
        except _Refused as refused:
            return refused.answer

    def refusal(self, violations: list[Violation]) -> Answer:
        return error(400, "badRequest", str(violations[0]))

    def failure(self, status: int) -> Answer:
        return error(status)

    def sign(self, webhook: Webhook, is_forged: bool) -> Mapping[str, str]:
        """Sign a push as Pub/Sub does, with a token of Google for the subscription's account."""
        now = int(self.now())
        claims = {
            "iss": ISSUER,
            "aud": webhook.endpoint.secret,
            "azp": "113774264463038321964",
            "sub": "113774264463038321964",
            "email": self.push_account,
            "email_verified": True,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        key = self._forged_key if is_forged else self._push_key
        token = jwt.encode({"alg": "RS256", "kid": "google-1"}, claims, key)
        return {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}

    async def page(self, request: web.Request) -> web.StreamResponse | None:
        """Serve the keys with which a push is checked."""
        if request.path != "/oauth2/v3/certs":
            return None
        key = self._push_key.as_dict(private=False) | {"use": "sig", "alg": "RS256"}
        return web.json_response({"keys": [key]})

    # Calls.

    def _token(self, call: Call) -> Answer:
        try:
            claims = jwt.decode(call.body["assertion"], self._account_key, ["RS256"]).claims
        except (JoseError, ValueError):
            return Answer(
                400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            )
        now = self.now()
        is_right = (
            claims.get("iss") == self.account
            and claims.get("aud") == f"{self.url}/token"
            and SCOPE in str(claims.get("scope", "")).split()
            and isinstance(issued := claims.get("iat"), int)
            and isinstance(expires := claims.get("exp"), int)
            and issued <= now + 60
            and now < expires <= issued + TOKEN_SECONDS
        )
        if not is_right:
            return _no_token("Invalid JWT")
        token = f"ya29.{self.random.getrandbits(128):x}"
        self._tokens[token] = now + TOKEN_SECONDS
        body = {"access_token": token, "expires_in": TOKEN_SECONDS - 1, "token_type": "Bearer"}
        return Answer(200, body)

    def _purchase(self, call: Call) -> Purchase:
        purchase = self.purchases.get(call.path["token"])
        if purchase is None:
            raise _Refused(error(404, "purchaseTokenNotFound", "The purchase token was not found."))
        return purchase

    def _product(self, call: Call) -> Purchase:
        purchase = self._purchase(call)
        if purchase.product != call.path["productId"]:
            text = "The purchase token does not match the product ID."
            raise _Refused(error(400, "purchaseTokenDoesNotMatchProductId", text))
        return purchase

    def _owned(self, call: Call) -> Purchase:
        """Return a purchase that is paid, and neither taken back nor consumed."""
        purchase = self._product(call)
        if purchase.state != PURCHASED or purchase.is_consumed:
            text = "The product purchase is not owned by the user."
            raise _Refused(error(400, "productNotOwnedByUser", text))
        return purchase

    def _acknowledge(self, call: Call) -> Answer:
        self._owned(call).is_acknowledged = True
        return Answer(200)

    def _consume(self, call: Call) -> Answer:
        purchase = self._owned(call)
        purchase.is_acknowledged = purchase.is_consumed = True
        return Answer(200)

    def _order(self, call: Call) -> Purchase:
        for purchase in self.purchases.values():
            if purchase.order_id == call.path["orderId"] and purchase.paid:
                return purchase
        raise _Refused(error(404, "orderNotFound", "The order was not found."))

    def _refund_order(self, call: Call) -> Answer:
        purchase = self._order(call)
        if purchase.voided:
            raise _Refused(error(400, "orderAlreadyRefunded", "The order is already refunded."))
        is_revoked = call.query.get("revoke") is True
        voided = Voided(self.now(), 0, BY_DEVELOPER, is_listed=is_revoked)
        self._void(purchase, voided, is_revoked=is_revoked)
        return Answer(200)

    def _review_refund(self, call: Call) -> Answer:
        purchase, body = self._order(call), call.body or {}
        review = self.reviews.get(body.get("pendingRefundToken", ""))
        share = body.get("consumptionPercentageMilliunits", 0)
        wrong = (
            "pendingRefundToken"
            if review is None or review.purchase is not purchase
            else "sampleContentProvided"
            if "sampleContentProvided" not in body
            else "refundPreference"
            if body.get("refundPreference") not in ("DECLINE", "APPROVE", "NEUTRAL")
            else "consumptionUsageEvents"
            if len(body.get("consumptionUsageEvents", ())) > USAGE_EVENTS_MAX
            else "consumptionPercentageMilliunits"
            if not 0 <= share <= 100_000
            else None
        )
        if review is None or wrong:
            raise _Refused(error(400, "invalidValue", f"Invalid value: {wrong}"))
        if self.now() - review.asked > REVIEW_SECONDS:
            raise _Refused(error(400, "pendingRefundTokenExpired", "The review has expired."))
        review.answers.append(body)
        return Answer(200)

    def _list_voided(self, call: Call) -> Answer:
        query, now = call.query, self.now()
        oldest = int((now - VOIDED_SECONDS) * 1000)
        start = int(str(query.get("startTime", oldest)))
        end = int(str(query.get("endTime", int(now * 1000))))
        if start < oldest - 60_000 or end < start:
            raise _Refused(error(400, "invalidValue", "Invalid time range"))
        found = [
            each.voided.show(each)
            for each in self.purchases.values()
            if each.voided and each.voided.is_listed and start <= each.voided.at * 1000 <= end
        ]
        at, size = int(str(query.get("token", "0"))), min(int(query.get("maxResults", 1000)), 1000)
        body: Json = {}
        if page := found[at : at + size]:
            body["voidedPurchases"] = page
        if len(found) > at + size:
            body["tokenPagination"] = {"nextPageToken": str(at + size)}
        return Answer(200, body)


class _Refused(Exception):
    """Google says no."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _no_token(text: str) -> Answer:
    return Answer(400, {"error": "invalid_grant", "error_description": text})


@lru_cache(maxsize=8)
def _key(owner: str) -> RSAKey:
    """Make a key, the same for the same owner: a new one takes a tenth of a second."""
    return RSAKey.generate_key(2048, {"kid": f"{owner}-1"})
