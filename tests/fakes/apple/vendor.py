"""
An App Store in this event loop: signed transactions, its server API and notifications V2.

Transactions and notifications are signed with our own chain, marked with Apple's OIDs: Apple's
library verifies them against `root`. What buyers and Apple do are verbs: `buy`, `refund`,
`reverse_refund`, `decline_refund`, `ask_consumption`, `send_test` (`verbs.py`).
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import ClassVar, TypeAlias

from appstoreserverlibrary.api_client import APIError
from joserfc import jwt
from joserfc.errors import JoseError

from tests.fakes.apple import models as operations
from tests.fakes.apple.objects import (
    WHOLE,
    Notification,
    Price,
    Transaction,
    apple_chain,
    forged,
    millis,
    signing_key,
)
from tests.fakes.apple.verbs import PRODUCTION, AppleVerbs
from tests.fakes.base import Answer, Call
from tests.fakes.judge import Violation
from tests.fakes.schemas import Json
from tests.fakes.webhooks import Webhook

Route: TypeAlias = Callable[[Call], Answer]

PAGE_SIZE = 20
HISTORY_SECONDS = 180 * 86_400


class Apple(AppleVerbs):
    """
    The App Store of one app in one environment.

    `buy` can sign for the other environment or another app: the server API knows nothing of those,
    as Apple's has a host for each environment.
    """

    name: ClassVar[str] = "apple"

    def __init__(
        self,
        *,
        webhooks: str | None = None,
        environment: str = PRODUCTION,
        bundle: str = "com.example.live",
        app: int = 123_456_789,
        prices: Mapping[str, Price] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            webhooks=webhooks,
            environment=environment,
            bundle=bundle,
            app=app,
            prices=prices,
            seed=seed,
        )
        self.key_id, self.issuer_id = "2X9R4HXF34", "57246542-96fe-1a63-e053-0824d011072a"
        self._key = signing_key("api")
        self._routes: dict[str, Route] = {
            operations.GET_TRANSACTION: self._show_transaction,
            operations.FINISH: self._finish,
            operations.REFUND_HISTORY: self._list_refunds,
            operations.CONSUMPTION: self._take_consumption,
            operations.NOTIFICATION_HISTORY: self._list_notifications,
            operations.REQUEST_TEST: self._request_test,
            operations.CHECK_TEST: self._check_test,
        }

    @property
    def root(self) -> bytes:
        """The root certificate (DER) that makes what is signed here trusted."""
        return apple_chain("Apple").root.der

    @property
    def signing_key(self) -> bytes:
        """The key (PEM) with which our server signs the tokens of its calls."""
        return self._key.as_pem(private=True)

    async def answer(self, call: Call) -> Answer:
        if not self._is_authorized(call):
            return Answer(401)
        try:
            return self._routes[call.operation.name](call)
        except _Refused as refused:
            return _error(refused.code)

    def refusal(self, violations: list[Violation]) -> Answer:
        del violations
        return _error(APIError.GENERAL_BAD_REQUEST)

    def failure(self, status: int) -> Answer:
        codes = {
            404: APIError.TRANSACTION_ID_NOT_FOUND,
            429: APIError.RATE_LIMIT_EXCEEDED,
            500: APIError.GENERAL_INTERNAL_RETRYABLE,
        }
        return _error(codes.get(status, APIError.GENERAL_INTERNAL), status)

    def sign(self, webhook: Webhook, is_forged: bool) -> Mapping[str, str]:
        """Return no signature: it is in the body."""
        del webhook, is_forged
        return {"Content-Type": "application/json"}

    async def forge(self, webhook: Webhook | None = None) -> int:
        """Send a webhook (the last one) signed by another chain; return the receiver's status."""
        last = webhook or self.sent[-1]
        signed = forged(json.loads(last.body)["signedPayload"])
        body = json.dumps({"signedPayload": signed}).encode()
        return await self.webhooks.forge(Webhook(last.id, last.kind, body, last.endpoint))

    # Calls.

    def _is_authorized(self, call: Call) -> bool:
        token = call.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            read = jwt.decode(token, self._key, ["ES256"])
        except (JoseError, ValueError):
            return False
        expires = read.claims.get("exp")
        return (
            read.header.get("kid") == self.key_id
            and read.claims.get("iss") == self.issuer_id
            and read.claims.get("bid") == self.bundle
            and read.claims.get("aud") == "appstoreconnect-v1"
            and isinstance(expires, int)
            and self.now() < expires <= self.now() + 3660
        )

    def _transaction(self, call: Call) -> Transaction:
        if not call.path["transactionId"].isdigit():
            raise _Refused(APIError.INVALID_TRANSACTION_ID)
        transaction = self.transactions.get(call.path["transactionId"])
        if transaction is None or not self._is_ours(transaction):
            raise _Refused(APIError.TRANSACTION_ID_NOT_FOUND)
        return transaction

    def _show_transaction(self, call: Call) -> Answer:
        return Answer(200, {"signedTransactionInfo": self.signed(self._transaction(call).id)})

    def _finish(self, call: Call) -> Answer:
        self._transaction(call).is_finished = True
        return Answer(200)

    def _list_refunds(self, call: Call) -> Answer:
        """List the refunds of the buyer: everybody with the same account token."""
        account = self._transaction(call).account_token
        refunded = [
            each.id
            for each in self.transactions.values()
            if each.account_token == account and each.revoked is not None and self._is_ours(each)
        ]
        start = _page_start(call.query.get("revision"), APIError.INVALID_REQUEST_REVISION)
        page = refunded[start : start + PAGE_SIZE]
        body = {
            "signedTransactions": [self.signed(each) for each in page],
            "revision": _page_token(start + len(page)),
            "hasMore": len(refunded) > start + PAGE_SIZE,
        }
        return Answer(200, body)

    def _take_consumption(self, call: Call) -> Answer:
        transaction, body = self._transaction(call), call.body
        if body["customerConsented"] is not True:
            raise _Refused(APIError.INVALID_CUSTOMER_CONSENTED)
        share = body.get("consumptionPercentage", 0)
        is_prorated = body.get("refundPreference") == "GRANT_PRORATED"
        if not 0 <= share <= WHOLE or (is_prorated and not share):
            raise _Refused(APIError.GENERAL_BAD_REQUEST)
        transaction.consumptions.append((self.now(), body))
        return Answer(202)

    def _list_notifications(self, call: Call) -> Answer:
        asked = call.body
        start, end = asked.get("startDate"), asked.get("endDate")
        for value, code in ((start, APIError.INVALID_START_DATE), (end, APIError.INVALID_END_DATE)):
            if value is None:
                raise _Refused(code)
        if start < millis(self.now() - HISTORY_SECONDS):
            raise _Refused(APIError.START_DATE_TOO_FAR_IN_PAST)
        if start >= end:
            raise _Refused(APIError.START_DATE_AFTER_END_DATE)
        if "transactionId" in asked and "notificationType" in asked:
            raise _Refused(APIError.MULTIPLE_FILTERS_SUPPLIED)
        found = [
            each
            for each in self.notifications
            if start <= millis(each.at) <= end
            and asked.get("transactionId") in (None, each.transaction)
            and asked.get("notificationType") in (None, each.kind)
            and not (asked.get("onlyFailures") and self._arrived(each))
        ]
        token = call.query.get("paginationToken")
        at = _page_start(token, APIError.INVALID_PAGINATION_TOKEN)
        page = found[at : at + PAGE_SIZE]
        has_more = len(found) > at + PAGE_SIZE
        body = {"notificationHistory": [self._history(each) for each in page], "hasMore": has_more}
        if has_more:
            body["paginationToken"] = _page_token(at + PAGE_SIZE)
        return Answer(200, body)

    def _history(self, notification: Notification) -> Json:
        results = [
            "SUCCESS"
            if 200 <= status < 300
            else "UNSUCCESSFUL_HTTP_RESPONSE_CODE"
            if status
            else "NO_RESPONSE"
            for webhook in self.sent
            if webhook.id == notification.id
            for status in webhook.attempts
        ]
        attempts = [
            {"attemptDate": millis(notification.at), "sendAttemptResult": result}
            for result in results or ["NO_RESPONSE"]
        ]
        return {"signedPayload": notification.signed, "sendAttempts": attempts}

    def _arrived(self, notification: Notification) -> bool:
        sent = [each for each in self.sent if each.id == notification.id]
        return any(each.is_delivered for each in sent)

    def _request_test(self, _: Call) -> Answer:
        if not self.webhooks.endpoints:
            raise _Refused(APIError.SERVER_NOTIFICATION_URL_NOT_FOUND)
        return Answer(200, {"testNotificationToken": self.send_test()})

    def _check_test(self, call: Call) -> Answer:
        for each in self.notifications:
            if each.kind == "TEST" and each.id == call.path["testNotificationToken"]:
                return Answer(200, self._history(each))
        raise _Refused(APIError.TEST_NOTIFICATION_NOT_FOUND)


class _Refused(Exception):
    """Apple says no."""

    def __init__(self, code: APIError) -> None:
        super().__init__(code)
        self.code = code


def _error(code: APIError, status: int | None = None) -> Answer:
    words = code.name.replace("_", " ").capitalize()
    number = int(code.value)
    return Answer(status or number // 10_000, {"errorCode": number, "errorMessage": f"{words}."})


def _page_token(start: int) -> str:
    return base64.urlsafe_b64encode(str(start).encode()).decode()


def _page_start(token: Json, wrong: APIError) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(token)))
    except ValueError:
        raise _Refused(wrong) from None
