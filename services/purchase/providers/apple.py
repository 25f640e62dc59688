"""
Apple's App Store as a payment provider, over Apple's own library.

A token is a signed transaction. It proves what was bought when it was signed, and not what became
of it: so a claim verifies it, and then reads the transaction from Apple. Apple sets the price,
takes the money and refunds it; a purchase is its transaction's `appAccountToken`.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx
import iso3166
import structlog
from appstoreserverlibrary.api_client import APIException, AsyncAppStoreServerAPIClient
from appstoreserverlibrary.models.ConsumptionRequest import ConsumptionRequest
from appstoreserverlibrary.models.DeliveryStatus import DeliveryStatus
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload
from appstoreserverlibrary.models.NotificationHistoryRequest import NotificationHistoryRequest
from appstoreserverlibrary.models.RefundPreference import RefundPreference
from appstoreserverlibrary.models.ResponseBodyV2DecodedPayload import (
    ResponseBodyV2DecodedPayload,
)
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier, VerificationException

from services.purchase.domain.purchases import (
    CONSUMPTION_REQUEST,
    AcceptedRefund,
    BadSignature,
    Payment,
    Purchase,
    Status,
    TokenRefused,
    WebhookEvent,
)
from services.purchase.providers import Consumption, ProviderRejected, ProviderUnavailable
from shared.http.provider_client import printable
from shared.money import Rounding, is_currency, minor_units_in, prorate
from shared.vendors.installations import Installation

log = structlog.get_logger()

ANSWER_SECONDS_MAX = 5.0
# Apple writes amounts in thousandths of a currency, and shares in thousandths of a percent.
THOUSANDTHS, WHOLE = 1_000, 100_000
# Apple's other two environments verify no signature: Xcode signs on a developer's own machine.
ENVIRONMENTS = {"production": Environment.PRODUCTION, "sandbox": Environment.SANDBOX}

Answer = TypeVar("Answer")


class AppleProvider:
    """The App Store of one app, in one environment."""

    # Nothing that we ask of Apple would be done twice, however late it is repeated.
    remembers_keys_for = timedelta(days=365)
    # Apple lists notifications of 180 days; a little less, for its clock.
    lists_events_for = timedelta(days=180) - timedelta(minutes=1)
    webhook_headers = ()

    def __init__(
        self,
        *,
        name: str,
        verifier: SignedDataVerifier,
        client: AsyncAppStoreServerAPIClient,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self.name = name
        self._verifier = verifier
        self._client = client
        self._answer_seconds_max = answer_seconds_max

    async def claim(self, purchase: Purchase, token: str) -> Payment:
        try:
            signed = await self._verify(self._verifier.verify_and_decode_signed_transaction, token)
        except VerificationException as error:
            log.warning("token.refused", purchase=str(purchase.id), status=str(error.status))
            raise TokenRefused(purchase=purchase.id) from error
        if signed.appAccountToken != str(purchase.id) or signed.transactionId is None:
            raise TokenRefused(purchase=purchase.id)
        payment = await self.read(signed.transactionId)
        if payment is None:
            raise TokenRefused(purchase=purchase.id)
        return payment

    async def read(self, payment: str) -> Payment | None:
        asked_at = datetime.now(UTC)
        try:
            answer = await self._request(lambda: self._client.get_transaction_info(payment))
        except _NotFound:
            return None
        if answer.signedTransactionInfo is None:
            raise ProviderUnavailable(f"transaction {payment} has no content")
        try:
            transaction = await self._verify(
                self._verifier.verify_and_decode_signed_transaction, answer.signedTransactionInfo
            )
        except VerificationException as error:
            raise ProviderUnavailable(f"transaction {payment}: {error.status}") from error
        return _payment(transaction, asked_at)

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> AcceptedRefund:
        """Refuse: only Apple refunds, and it is the buyer who asks Apple."""
        del payment, refund, amount_minor
        raise ProviderRejected("the-store-refunds")

    async def accept(self, payment: str) -> None:
        try:
            await self._request(lambda: self._client.finish_transaction(payment))
        except _NotFound as error:
            raise ProviderUnavailable(f"transaction {payment} is unknown") from error

    async def answer(self, payment: str, question: str, consumption: Consumption) -> None:
        """Answer within twelve hours; without the buyer's consent Apple takes no answer."""
        del question
        if not consumption.is_consented:
            return
        request = _consumption_request(consumption)
        try:
            await self._request(lambda: self._client.send_consumption_information(payment, request))
        except _NotFound as error:
            raise ProviderRejected("unknown-transaction") from error

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> Sequence[WebhookEvent]:
        """
        Read a notification; its signature is in its body.

        However old it is: Apple repeats one for three days as it was signed. It is stored once,
        and only makes us ask for the transaction.
        """
        return await self.read_webhook(headers, body)

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:
        del headers
        try:
            signed = json.loads(body)["signedPayload"]
        except (ValueError, KeyError, TypeError):
            raise BadSignature from None
        if not isinstance(signed, str):
            raise BadSignature
        return (await self._event(signed, hashlib.sha256(body).digest()),)

    async def missed(self, since: datetime, until: datetime) -> AsyncIterator[WebhookEvent]:
        """Yield the notifications that Apple could not deliver."""
        wanted = NotificationHistoryRequest(
            startDate=_millis(since), endDate=_millis(until), onlyFailures=True
        )
        page: str | None = None
        while True:
            answer = await self._request(
                partial(self._client.get_notification_history, page, wanted)
            )
            for each in answer.notificationHistory or ():
                if each.signedPayload is None:
                    continue
                payload = each.signedPayload
                digest = hashlib.sha256(payload.encode()).digest()
                try:
                    yield await self._event(payload, digest)
                except BadSignature:
                    # It would be refused if it arrived, and hides none of the others.
                    continue
            page = answer.paginationToken
            if not answer.hasMore or page is None:
                return

    async def close(self) -> None:
        await self._client.http_client.aclose()

    async def _event(self, signed: str, digest: bytes) -> WebhookEvent:
        try:
            payload = await self._verify(self._verifier.verify_and_decode_notification, signed)
            transaction = await self._transaction_of(payload)
        except VerificationException as error:
            log.warning("webhook.refused", provider=self.name, status=str(error.status))
            raise BadSignature from error
        except _Unreadable as error:
            # It is stored, as it would be as unreadable each time that Apple repeats or lists it:
            # once, by what is signed. The body around it can be anything, and of one signature
            # others can be made that are as good.
            log.error("webhook.unreadable", provider=self.name, error=str(error))  # noqa: TRY400
            read = signed.rpartition(".")[0].encode()
            identifier = f"unreadable:{hashlib.sha256(read).hexdigest()}"
            return WebhookEvent(self.name, identifier, "unreadable", digest, None, None)
        if payload.notificationUUID is None:
            raise BadSignature
        kind = printable((payload.rawNotificationType or "unknown").lower())
        return WebhookEvent(
            provider=self.name,
            webhook_id=printable(payload.notificationUUID),
            kind=CONSUMPTION_REQUEST if kind == "consumption_request" else kind,
            payload_hash=digest,
            payment=transaction.transactionId if transaction else None,
            reference=transaction.appAccountToken if transaction else None,
        )

    async def _transaction_of(
        self, payload: ResponseBodyV2DecodedPayload
    ) -> JWSTransactionDecodedPayload | None:
        signed = payload.data.signedTransactionInfo if payload.data else None
        if signed is None:
            return None
        return await self._verify(self._verifier.verify_and_decode_signed_transaction, signed)

    async def _verify(self, verify: Callable[[str], Answer], signed: str) -> Answer:
        """Verify in a thread: it takes milliseconds, in which nothing else would be answered."""
        try:
            return await asyncio.to_thread(verify, signed)
        except VerificationException:
            raise
        except Exception as error:
            raise _Unreadable(f"unreadable: {error!r}"[:200]) from error

    async def _request(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """
        Ask Apple; only an unknown transaction and a wrong request are its last word.

        The library raises what its parts raise at an answer that it cannot read.
        """
        try:
            async with asyncio.timeout(self._answer_seconds_max):
                return await call()
        except APIException as error:
            code = error.api_error.name if error.api_error else str(error.raw_api_error)
            if error.http_status_code == HTTPStatus.NOT_FOUND and error.api_error is not None:
                raise _NotFound(code) from error
            if error.http_status_code == HTTPStatus.BAD_REQUEST and error.api_error is not None:
                raise ProviderRejected(printable(code.lower().replace("_", "-"))) from error
            raise ProviderUnavailable(f"{error.http_status_code} {code}") from error
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            raise ProviderUnavailable(repr(error)[:200]) from error
        except Exception as error:
            raise ProviderUnavailable(f"unreadable: {error!r}"[:200]) from error


class _Unreadable(ProviderUnavailable):
    """Signed by Apple, and of another form than its library knows."""


class _NotFound(Exception):
    """Apple knows no such transaction of this app in this environment."""


def build(installation: Installation) -> AppleProvider:
    """
    Build the App Store of one app.

    `environment` is production or sandbox, as the installation takes real money or does not: App
    Review buys in the sandbox with the real app, and real coins are never credited for that.
    `roots` are the files of Apple's root certificates (DER).
    """
    named = installation.option("environment")
    assert named in ENVIRONMENTS, f"provider {installation.name}: {named} is no environment"
    environment = ENVIRONMENTS[named]
    assert installation.is_live == (environment is Environment.PRODUCTION), (
        f"provider {installation.name} is of the environment {named}"
    )
    roots, app = installation.options.get("roots"), installation.options.get("app")
    assert isinstance(roots, list), f"provider {installation.name} has no roots"
    assert roots, f"provider {installation.name} has no roots"
    assert isinstance(app, int), f"provider {installation.name} has no app (a number)"
    bundle = installation.option("bundle")
    return AppleProvider(
        name=installation.name,
        verifier=SignedDataVerifier(
            [Path(each).read_bytes() for each in roots], False, environment, bundle, app
        ),
        client=client_of_app(installation),
    )


def client_of_app(installation: Installation) -> AsyncAppStoreServerAPIClient:
    """Return Apple's own client for one app, in the environment of its section."""
    return AsyncAppStoreServerAPIClient(
        installation.secret("signing_key").encode(),
        installation.option("key"),
        installation.option("issuer"),
        installation.option("bundle"),
        ENVIRONMENTS[installation.option("environment")],
    )


def _payment(transaction: JWSTransactionDecodedPayload, asked_at: datetime) -> Payment:
    """Return a payment; what Apple took back stays away until Apple reverses that."""
    now = datetime.now(UTC)
    identifier, currency, price = transaction.transactionId, transaction.currency, transaction.price
    if identifier is None or currency is None or price is None or not is_currency(currency):
        raise ProviderUnavailable(f"transaction {identifier} has no price")
    amount_minor, rest = divmod(price * minor_units_in(currency), THOUSANDTHS)
    if rest:
        raise ProviderUnavailable(f"transaction {identifier}: {price} is no amount of {currency}")
    names = {transaction.originalTransactionId, transaction.webOrderLineItemId} - {None, identifier}
    return Payment(
        id=identifier,
        reference=transaction.appAccountToken or "",
        status=Status.SUCCEEDED,
        amount_minor=amount_minor,
        currency=currency,
        paid_at=min(_moment(transaction.purchaseDate), now) if transaction.purchaseDate else None,
        refunded_minor=_refunded_minor(transaction, amount_minor),
        asked_at=asked_at,
        answered_at=now,
        names=tuple(sorted(filter(None, names))),
        product=transaction.productId or "",
        quantity=transaction.quantity or 1,
        instrument_country=_country_of_storefront(transaction.storefront),
    )


def _country_of_storefront(storefront: str | None) -> str | None:
    """Return the country of a storefront, which Apple writes with three letters."""
    country = iso3166.countries.get(storefront, None) if storefront else None
    return country.alpha2 if country else None


def _refunded_minor(transaction: JWSTransactionDecodedPayload, amount_minor: int) -> int:
    if transaction.revocationDate is None:
        return 0
    share = transaction.revocationPercentage
    if share is None:
        return amount_minor
    # The nearest amount: Apple does not say how it rounds.
    share = min(max(share, 0), WHOLE)
    return prorate(2 * amount_minor * share + WHOLE, 1, 2 * WHOLE, Rounding.DOWN)


def _consumption_request(consumption: Consumption) -> ConsumptionRequest:
    """Say which share was used; a prorated refund needs one between nothing and all."""
    share = prorate(WHOLE, consumption.used_coins, max(consumption.coins, 1), Rounding.DOWN)
    if not share:
        preference = RefundPreference.GRANT_FULL
    elif share == WHOLE:
        preference = RefundPreference.DECLINE
    else:
        preference = RefundPreference.GRANT_PRORATED
    is_delivered = consumption.is_delivered
    return ConsumptionRequest(
        customerConsented=True,
        sampleContentProvided=False,
        deliveryStatus=DeliveryStatus.DELIVERED
        if is_delivered
        else DeliveryStatus.UNDELIVERED_OTHER,
        consumptionPercentage=share,
        refundPreference=preference,
    )


def _moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
