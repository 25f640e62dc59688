"""
Google Play as a payment provider.

A token is a purchase token. Google sets the price and takes the money: only an order says how
much. A purchase is its `obfuscatedExternalAccountId`. What is not consumed within three days
Google refunds, so it is consumed once the coins are there.
"""

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from math import ceil
from typing import Any
from urllib.parse import quote
from uuid import UUID

import structlog

from services.purchase.domain.purchases import (
    CONSUMPTION_REQUEST,
    AcceptedRefund,
    BadSignature,
    Payment,
    Purchase,
    Status,
    StoreUnavailable,
    TokenRefused,
    WebhookEvent,
)
from services.purchase.providers import Consumption, ProviderRejected, ProviderUnavailable
from services.purchase.providers.google_access import AccessTokens, PushVerifier, ServiceAccount
from services.purchase.providers.google_answers import (
    Order,
    PlayEvent,
    Product,
    PurchaseState,
    Push,
    VoidedPage,
)
from shared.http.provider_client import Answer, ProviderClient, read_answer
from shared.money import Rounding, prorate
from shared.vendors.installations import Installation

log = structlog.get_logger()

API = "https://androidpublisher.googleapis.com"
KEYS = "https://www.googleapis.com/oauth2/v3/certs"
ANSWER_SECONDS_MAX = 5.0
CONNECTIONS_MAX = 50
WHOLE = 100_000
# As far back as Google lists purchases that were taken back; a minute less, for its clock.
VOIDED_FOR = timedelta(days=30) - timedelta(minutes=1)
TEST_PURCHASE, REAL_PURCHASE, VOIDED = "test-purchase", "real-purchase", "voided"
_ORDER = re.compile(r"GPA\.[0-9-]+")
# No money has moved: an amount and a currency that nothing compares.
_NO_AMOUNT: dict[str, Any] = {"amount_minor": 0, "currency": "XXX"}


class GooglePlayProvider:
    """Google Play, for one app."""

    # Nothing that we ask of Google would be done twice, however late it is repeated.
    remembers_keys_for = timedelta(days=365)
    lists_events_for = VOIDED_FOR
    # Its one header is a token that opens things for an hour.
    webhook_headers = ()

    def __init__(
        self,
        *,
        name: str,
        package: str,
        tokens: AccessTokens,
        pushes: PushVerifier,
        url: str = API,
        is_live: bool = True,
    ) -> None:
        self.name = name
        self._package = package
        self._tokens = tokens
        self._pushes = pushes
        self._is_live = is_live
        self._path = f"/androidpublisher/v3/applications/{quote(package, safe='')}"
        self._client = client_of(url)

    async def claim(self, purchase: Purchase, token: str) -> Payment:
        asked_at = datetime.now(UTC)
        product = await self._product(token)
        if product is None or product.obfuscated_external_account_id != str(purchase.id):
            raise TokenRefused(purchase=purchase.id)
        if (reason := self._foreign(product)) is not None:
            raise TokenRefused(purchase=purchase.id, reason=reason)
        return await self._payment(token, product, asked_at)

    async def read(self, payment: str) -> Payment | None:
        asked_at, token = datetime.now(UTC), payment
        if _ORDER.fullmatch(payment):
            order = await self._order(payment)
            if order is None:
                return None
            token = order.purchase_token
        product = await self._product(token)
        return await self._payment(token, product, asked_at) if product is not None else None

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> AcceptedRefund:
        """Refuse: the buyer asks Google, which refunds by its own rules."""
        del payment, refund, amount_minor
        raise ProviderRejected("the-store-refunds")

    async def accept(self, payment: str) -> None:
        """Consume a purchase, which acknowledges it as well."""
        order = await self._order(payment)
        product = await self._product(order.purchase_token) if order is not None else None
        if order is None or product is None:
            raise ProviderUnavailable(f"{payment} is unknown")
        if product.is_consumed:
            return
        if product.state is PurchaseState.CANCELLED:
            raise ProviderRejected(VOIDED)
        path = f"products/{quote(product.product, safe='')}/tokens/"
        token = quote(order.purchase_token, safe="")
        _require_done(await self._request("POST", f"/purchases/{path}{token}:consume"))

    async def answer(self, payment: str, question: str, consumption: Consumption) -> None:
        """Answer a review within a day: the first answer counts, and others change nothing."""
        if not consumption.is_consented:
            return
        share = prorate(WHOLE, consumption.used_coins, max(consumption.coins, 1), Rounding.DOWN)
        preference = "DECLINE" if share == WHOLE else "NEUTRAL" if share else "APPROVE"
        body = {
            "pendingRefundToken": question,
            "sampleContentProvided": False,
            "consumptionPercentageMilliunits": share,
            "refundPreference": preference,
        }
        answer = await self._request(
            "POST", f"/orders/{quote(payment, safe='')}:reviewrefund", json=body
        )
        if answer.status == HTTPStatus.BAD_REQUEST:
            raise ProviderRejected("review-refused")
        _require_done(answer)

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> Sequence[WebhookEvent]:
        """
        Read a push of our Pub/Sub subscription.

        It names a purchase token, which may not have been claimed yet: so Google is asked which
        purchase it is of. Without an answer the push is not taken, and comes again.
        """
        try:
            await self._pushes.require(headers)
            return await self.read_webhook(headers, body)
        except ProviderUnavailable as error:
            raise StoreUnavailable from error

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:
        del headers
        return [await self._event(body)]

    async def missed(self, since: datetime, until: datetime) -> AsyncIterator[WebhookEvent]:
        """
        Yield the purchases that were taken back between two times.

        Google lists no pushes: so these have ids of their own, and are new even if a push came.
        """
        params = {
            "startTime": str(int(since.timestamp() * 1000)),
            "endTime": str(ceil(until.timestamp() * 1000)),
            "includeQuantityBasedPartialRefund": "true",
        }
        while True:
            answer = await self._request("GET", "/purchases/voidedpurchases", params=params)
            page = read_answer(VoidedPage, answer)
            for each in page.voided_purchases:
                about = f"{each.order_id}:{each.voided_time_millis}"
                yield WebhookEvent(
                    provider=self.name,
                    webhook_id=f"voided:{about}",
                    kind="voided_purchase",
                    payload_hash=hashlib.sha256(about.encode()).digest(),
                    payment=each.purchase_token,
                    reference=await self._reference_if_shown(each.purchase_token),
                )
            if (following := page.token_pagination.next_page_token) is None:
                return
            params = {**params, "token": following}

    async def close(self) -> None:
        await self._client.close()
        await self._tokens.close()
        await self._pushes.close()

    async def _event(self, body: bytes) -> WebhookEvent:
        digest = hashlib.sha256(body).digest()
        try:
            message = Push.model_validate_json(body).message
            event = PlayEvent.model_validate_json(base64.b64decode(message.data, validate=True))
        except ValueError as error:
            # Google signed it, and it is of no form that we know.
            raise BadSignature from error
        if event.package_name != self._package:
            raise BadSignature
        review = event.review
        if review is not None and review.pending_refund_token and review.order_id:
            return WebhookEvent(
                provider=self.name,
                # The answer has to name it.
                webhook_id=review.pending_refund_token,
                kind=CONSUMPTION_REQUEST,
                payload_hash=digest,
                payment=review.order_id,
                reference=review.obfuscated_account_id,
            )
        kind, about = event.about()
        token = about.purchase_token
        return WebhookEvent(
            provider=self.name,
            webhook_id=message.message_id,
            kind=kind,
            payload_hash=digest,
            payment=token,
            reference=await self._reference(token) if token is not None else None,
        )

    async def _reference(self, token: str) -> str | None:
        product = await self._product(token)
        return product.obfuscated_external_account_id if product is not None else None

    async def _reference_if_shown(self, token: str) -> str | None:
        """
        Return the reference of a token, or None if Google does not show it now.

        One such token must not keep all others of a list from being read. The purchase is found by
        the token as well, and Google is asked again for an event that matches none.
        """
        try:
            return await self._reference(token)
        except ProviderUnavailable as error:
            log.warning("voided.unknown", provider=self.name, error=str(error)[:200])
            return None

    async def _product(self, token: str) -> Product | None:
        path = f"/purchases/productsv2/tokens/{quote(token, safe='')}"
        answer = await self._request("GET", path)
        return read_answer(Product, answer) if answer.status != HTTPStatus.NOT_FOUND else None

    async def _order(self, order: str) -> Order | None:
        answer = await self._request("GET", f"/orders/{quote(order, safe='')}")
        return read_answer(Order, answer) if answer.status != HTTPStatus.NOT_FOUND else None

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Ask Google; a token that it refuses is renewed once, for it did nothing then."""
        for _ in range(2):
            answer = await self._client.request(
                method,
                self._path + path,
                params=params,
                json=json,
                headers=await self._tokens.headers(),
            )
            if answer.status != HTTPStatus.UNAUTHORIZED:
                break
            self._tokens.forget()
        return answer

    def _foreign(self, product: Product) -> str | None:
        """Return why a purchase is not for this installation: practice where money is, or not."""
        is_test = product.test_purchase_context is not None
        if is_test != self._is_live:
            return None
        return TEST_PURCHASE if is_test else REAL_PURCHASE

    async def _payment(self, token: str, product: Product, asked_at: datetime) -> Payment:
        reference = product.obfuscated_external_account_id or ""
        about: dict[str, Any] = {
            "reference": reference,
            "asked_at": asked_at,
            "product": product.product,
            "quantity": product.quantity,
        }
        if (reason := self._foreign(product)) is not None:
            return _unpaid(token, Status.CANCELLED, about, failure=reason)
        if product.state is PurchaseState.PENDING:
            return _unpaid(token, Status.PROCESSING, about)
        order = await self._order(product.order_id) if product.order_id is not None else None
        if order is None or not order.is_paid:
            if product.state is PurchaseState.PURCHASED:
                raise ProviderUnavailable(f"{product.order_id} is purchased, and has no paid order")
            return _unpaid(token, Status.CANCELLED, about)
        now = datetime.now(UTC)
        amount_minor, refunded_minor = order.total.minor(), order.refunded_minor()
        return Payment(
            id=order.order_id,
            status=Status.SUCCEEDED,
            amount_minor=amount_minor,
            currency=order.total.currency_code,
            paid_at=min(product.purchase_completion_time or now, now),
            refunded_minor=refunded_minor,
            fee_minor=_fee_minor(order, amount_minor, refunded_minor),
            answered_at=now,
            names=(token,),
            instrument_country=order.country,
            **about,
        )


def client_of(url: str) -> ProviderClient:
    return ProviderClient(
        url=url, answer_seconds_max=ANSWER_SECONDS_MAX, connections_max=CONNECTIONS_MAX
    )


def build(installation: Installation) -> GooglePlayProvider:
    """
    Build Google Play for one app.

    `audience` and `push_account` are those of the Pub/Sub subscription; the secret
    `service_account` is the key file of the account that may ask. Testers' purchases are credited
    where practice money is taken, and only there.
    """
    account = ServiceAccount.read(installation.secret("service_account"))
    return GooglePlayProvider(
        name=installation.name,
        package=installation.option("package"),
        tokens=AccessTokens(account, client_of(account.token_url)),
        pushes=PushVerifier(
            audience=installation.option("audience"),
            account=installation.option("push_account"),
            client=client_of(KEYS),
        ),
        is_live=installation.is_live,
    )


def _unpaid(
    token: str, status: Status, about: Mapping[str, Any], *, failure: str | None = None
) -> Payment:
    """Return a purchase without money: it is called by its token, for it has no order yet."""
    now = datetime.now(UTC)
    return Payment(id=token, status=status, failure=failure, answered_at=now, **_NO_AMOUNT, **about)


def _fee_minor(order: Order, amount_minor: int, refunded_minor: int) -> int:
    """Return what Google keeps: of what it refunds it gives its part back as well."""
    left_minor = max(amount_minor - refunded_minor, 0)
    return prorate(order.kept_minor(), left_minor, max(amount_minor, 1), Rounding.DOWN)


def _require_done(answer: Answer) -> None:
    if answer.status // 100 != 2:
        raise ProviderUnavailable(f"{answer.path} answered {answer.status}")
