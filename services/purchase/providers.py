"""The payment provider, as its HTTP API and its webhooks."""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID

import httpx
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from services.purchase.domain.purchases import (
    BadSignature,
    Dispute,
    DisputeState,
    Notification,
    Payment,
    Purchase,
    Status,
    Warned,
)
from shared.secrets import values_of
from shared.webhooks import Signatures

ANSWER_SECONDS_MAX = 3.0
CONNECTIONS_MAX = 50
WORD_CHARACTERS_MAX = 64
# These say that the payment will never be made; anything else may be a passing trouble.
REFUSED = (400, 422)
KEY_REUSED = "key-reused"
REFUND_REFUSED = (400, 404, 409, 422)

_Amount = Annotated[int, Field(strict=True, ge=0)]
_Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
_Id = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_Model = TypeVar("_Model", bound=BaseModel)


class ProviderSilent(Exception):
    """The provider gave no answer that can be used; asking again later may help."""


class PaymentRefused(Exception):
    """The provider will not make this payment, however often it is asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RefundRefused(Exception):
    """The provider will not give this money back, however often it is asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Provider:
    """
    The sandbox provider; a real one is another class with the same methods.

    Creating a payment is idempotent under the purchase's id, for as long as the purchase can be
    paid. Every other call is a question, and may be asked as often as one likes.
    """

    name = "sandbox"

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        webhook_secret: str,
        return_url: str | None = None,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._return_url = return_url
        self._answer_seconds_max = answer_seconds_max
        self._signatures = Signatures(webhook_secret)
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {values_of(api_key)[0]}"},
            timeout=answer_seconds_max,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            transport=transport,
        )

    async def create(self, purchase: Purchase) -> Payment:
        """Ask for a payment, or find out about the one that this purchase has."""
        asked = {
            "amount_minor": purchase.amount_minor,
            "currency": purchase.currency,
            "reference": str(purchase.id),
            "description": f"{purchase.coins + purchase.bonus_coins} coins",
        }
        if self._return_url is not None:
            asked["return_url"] = _return_address(self._return_url, purchase.id)
        response = await self._request(
            "POST", "/payments", json=asked, headers={"Idempotency-Key": str(purchase.id)}
        )
        if response.status_code in REFUSED:
            if (reason := _problem_of(response)) != KEY_REUSED:
                raise PaymentRefused(reason)
            # It exists, and was asked for in other words, such as another address to come back to.
            if (made := await self.find(purchase.id)) is None:
                raise ProviderSilent(reason)
            return made
        return _payment(_answered(response))

    async def read(self, payment: str) -> Payment | None:
        """Return what the provider says of a payment, or None if it knows nothing of it."""
        response = await self._request("GET", f"/payments/{quote(payment, safe='')}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return _payment(_answered(response))

    async def find(self, purchase: UUID) -> Payment | None:
        """Return the payment of a purchase whose payment's id we never learned."""
        response = await self._request("GET", "/payments", params={"reference": str(purchase)})
        found = _parsed(_Payments, _answered(response)).items
        return found[0].payment() if found else None

    async def cancel(self, payment: Payment) -> Payment:
        """Cancel a payment; if that comes too late, return what became of it instead."""
        path = f"/payments/{quote(payment.id, safe='')}"
        response = await self._request("POST", f"{path}/cancel")
        if response.status_code == httpx.codes.CONFLICT:
            response = await self._request("GET", path)
        return _payment(_answered(response))

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> None:
        """Give money back, once however often it is asked under the refund's id."""
        response = await self._request(
            "POST",
            f"/payments/{quote(payment, safe='')}/refunds",
            json={"amount_minor": amount_minor},
            headers={"Idempotency-Key": str(refund)},
        )
        if response.status_code in REFUND_REFUSED:
            raise RefundRefused(_problem_of(response))
        _answered(response)

    def notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Read a webhook, if the provider signed it within the last minutes."""
        if not self._signatures.are_on(body, headers):
            raise BadSignature
        webhook_id = _text(headers["webhook-id"])
        if webhook_id is None:
            raise BadSignature
        try:
            told = _Webhook.model_validate_json(body)
        except ValidationError:
            # Signed, so it is kept; but it is about nothing that we could ask for.
            told = _Webhook(type="unreadable", data=_About(object={}))
        return Notification(
            provider=self.name,
            webhook_id=webhook_id,
            kind=told.type,
            payload_hash=hashlib.sha256(body).digest(),
            payment=told.data.payment(),
            reference=told.data.reference(),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            # The client's own timeout is per read: a provider that drips would keep us for ever.
            async with asyncio.timeout(self._answer_seconds_max):
                return await self._client.request(method, path, **options)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderSilent(repr(error)) from error


class _Dispute(BaseModel):
    id: _Id
    status: DisputeState
    reason: str = ""
    amount_minor: _Amount
    currency: _Currency


class _Warning(BaseModel):
    id: _Id
    reason: str = ""


class _Payment(BaseModel):
    """What we read of a payment; whatever else a provider says of it is its own affair."""

    id: _Id
    reference: str
    status: Status
    amount_minor: _Amount
    currency: _Currency
    pay_url: Annotated[str, Field(max_length=2_048)] | None = None
    paid_at: AwareDatetime | None = None
    failure_reason: str | None = None
    refunded_minor: _Amount = 0
    fee_minor: _Amount = 0
    disputes: tuple[_Dispute, ...] = ()
    warnings: tuple[_Warning, ...] = ()

    def payment(self) -> Payment:
        return Payment(
            id=self.id,
            reference=self.reference,
            status=self.status,
            amount_minor=self.amount_minor,
            currency=self.currency,
            pay_url=self.pay_url,
            paid_at=self.paid_at,
            failure=_word(self.failure_reason) if self.failure_reason else None,
            refunded_minor=self.refunded_minor,
            fee_minor=self.fee_minor,
            warnings=tuple(Warned(each.id, _word(each.reason)) for each in self.warnings),
            disputes=tuple(
                Dispute(
                    id=dispute.id,
                    payment=self.id,
                    state=dispute.status,
                    reason=_word(dispute.reason),
                    amount_minor=dispute.amount_minor,
                    currency=dispute.currency,
                )
                for dispute in self.disputes
            ),
        )


class _Payments(BaseModel):
    items: tuple[_Payment, ...]


class _About(BaseModel):
    object: dict[str, Any]

    def payment(self) -> str | None:
        """The payment itself, or the one that a refund or dispute belongs to."""
        return _text(self.object.get("payment")) or _text(self.object.get("id"))

    def reference(self) -> str | None:
        return _text(self.object.get("reference"))


class _Webhook(BaseModel):
    type: Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]+$")]
    data: _About


def _return_address(url: str, purchase: UUID) -> str:
    """Say in the address to come back to which purchase it is about: the page there looks it up."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, f"purchase={purchase}") if part)
    return urlunsplit(parts._replace(query=query))


def _payment(response: httpx.Response) -> Payment:
    return _parsed(_Payment, response).payment()


def _answered(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise ProviderSilent(f"{response.request.url.path} answered {response.status_code}")
    return response


def _parsed(model: type[_Model], response: httpx.Response) -> _Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise ProviderSilent(f"{response.request.url.path} is unreadable: {faults[0]}") from None


def _problem_of(response: httpx.Response) -> str:
    """Return the provider's word for why it refuses, as one we can pass on."""
    try:
        return _word(str(response.json()["type"]))
    except (ValueError, KeyError, TypeError):
        return "refused"


def _word(value: str) -> str:
    """Make a name of whatever a provider calls something: it ends up in facts and in logs."""
    kept = "".join(character for character in value if character.isprintable())
    return kept[:WORD_CHARACTERS_MAX] or "unknown"


def _text(value: object) -> str | None:
    """Return an id that can be stored and sent, if it is one."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
