"""
PayPal Payouts v1 as a provider of payouts: one batch of one item for each attempt.

The `sender_batch_id` is the attempt's id: PayPal makes one batch of it in 30 days, and refuses a
second try with the address of the first. It cannot be looked up by that id, so a batch whose answer
was lost is found by submitting it again. A webhook is a reason to ask, and nothing more. Only an
error of validation is final: any other one may be about our account, or about this moment.
"""

import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlsplit
from uuid import UUID

import structlog
from pydantic import BaseModel, ValidationError

from services.payout.domain.payees import DestinationKind
from services.payout.domain.payouts import BadSignature, ProviderStatus
from services.payout.domain.transfers import WebhookEvent
from services.payout.providers.answers import FoundTransfer, Transfer, uuid_in
from services.payout.providers.paypal_answers import EVENTS, Batch, Created, Event
from shared.http.provider_client import Answer, ProviderRejected, ProviderUnavailable, read_answer
from shared.observability.metrics import CONTRADICTIONS
from shared.vendors.installations import Installation
from shared.vendors.paypal import (
    ANSWER_SECONDS_MAX,
    AmountNotPossible,
    NoSuchObject,
    PayPalClient,
    to_paypal,
    url_of,
)
from shared.vendors.paypal_webhooks import WebhookVerifier

log = structlog.get_logger()

# PayPal knows the id of a batch for 30 days; a little less, for its clock.
REMEMBERS_BATCHES_SECONDS = 29 * 86_400
_PAYOUTS = "/v1/payments/payouts"
_INVALID = "VALIDATION_ERROR"


class Link(BaseModel):
    href: str


class Refusal(BaseModel):
    """An error with a link, which a second try of a batch has to the first."""

    name: str
    links: tuple[Link, ...] = ()

    @property
    def batch(self) -> str | None:
        """Return the id of the batch that an address in it is of."""
        for link in self.links:
            before, _, batch = urlsplit(link.href).path.rpartition("/")
            if before == _PAYOUTS and batch:
                return batch
        return None


class PayPalPayoutsProvider:
    """A client of one PayPal account, with real money or in PayPal's sandbox."""

    destination_kind = DestinationKind.EMAIL

    def __init__(
        self,
        *,
        name: str,
        client_id: str,
        client_secret: str,
        webhook_id: str,
        email_subject: str,
        url: str,
        certificates_url: str | None = None,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self.name = name
        self.idempotency_seconds = REMEMBERS_BATCHES_SECONDS - answer_seconds_max
        self._email_subject = email_subject
        self._verifier = WebhookVerifier(webhook_id, url=certificates_url)
        self._api = PayPalClient(
            url=url,
            client_id=client_id,
            client_secret=client_secret,
            answer_seconds_max=answer_seconds_max,
        )

    async def submit(
        self, attempt: UUID, *, amount_minor: int, currency: str, destination: str
    ) -> Transfer:
        amount = _amount(amount_minor, currency)
        body = {
            "sender_batch_header": {
                "sender_batch_id": str(attempt),
                "email_subject": self._email_subject,
            },
            "items": [
                {
                    "recipient_type": "EMAIL",
                    "receiver": destination,
                    "sender_item_id": str(attempt),
                    "amount": {"currency": amount["currency_code"], "value": amount["value"]},
                }
            ],
        }
        answer = await self._api.send("POST", _PAYOUTS, body=body)
        if answer.status == HTTPStatus.CREATED:
            header = read_answer(Created, answer).batch_header
            return Transfer(
                id=header.payout_batch_id,
                status=ProviderStatus.SUBMITTED,
                reference=header.sender_batch_header.sender_batch_id,
            )
        refusal = _refusal_in(answer)
        if refusal.batch is not None:
            return await self._read(attempt, refusal.batch)
        if answer.status == HTTPStatus.BAD_REQUEST and refusal.name == _INVALID:
            raise ProviderRejected("validation-error")
        raise ProviderUnavailable(f"{answer.path} answered {answer.status} {refusal.name}")

    async def find(self, attempt: UUID, *, transfer: str | None) -> FoundTransfer | None:
        if transfer is None:
            return None
        try:
            return FoundTransfer(await self._read(attempt, transfer))
        except NoSuchObject as error:
            raise ProviderUnavailable(f"PayPal knows the batch {transfer} no longer") from error

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        if not await self._verifier.is_signed(headers, body):
            raise BadSignature
        payload_hash = hashlib.sha256(body).digest()
        try:
            event = Event.model_validate_json(body)
        except ValidationError:
            # Signed, so it is kept; but it is about no attempt of ours.
            return WebhookEvent(
                f"unreadable:{payload_hash.hex()}", "unreadable", None, payload_hash
            )
        return WebhookEvent(
            webhook_id=event.id,
            kind=event.event_type[:64],
            attempt=uuid_in(event.attempt) if event.event_type in EVENTS else None,
            payload_hash=payload_hash,
        )

    async def close(self) -> None:
        await self._api.close()
        await self._verifier.close()

    async def _read(self, attempt: UUID, batch: str) -> Transfer:
        """Return a batch as it is now; one of another attempt says nothing of this one."""
        path = f"{_PAYOUTS}/{quote(batch, safe='')}"
        try:
            answer = await self._api.request("GET", path)
            found = read_answer(Batch, answer).transfer()
        except (AssertionError, ValueError) as error:
            raise ProviderUnavailable(f"{batch} is unreadable: {error}") from error
        except ProviderRejected as rejected:
            raise ProviderUnavailable(f"PayPal refuses to say: {rejected.reason}") from rejected
        if found.reference != str(attempt):
            log.error("attempt.contradicted", attempt=str(attempt), batch=batch)
            CONTRADICTIONS.labels("transfer-foreign").inc()
            raise ProviderUnavailable(f"{batch} is of another attempt")
        return found


def build(installation: Installation) -> PayPalPayoutsProvider:
    """Build it from its section of the file: real money is PayPal's own address, and no other."""
    return PayPalPayoutsProvider(
        name=installation.name,
        client_id=installation.option("client_id"),
        client_secret=installation.secret("client_secret"),
        webhook_id=installation.secret("webhook_id"),
        email_subject=installation.option("email_subject"),
        url=url_of(installation),
        certificates_url=installation.url_of_fake(),
    )


def _refusal_in(answer: Answer) -> Refusal:
    try:
        return Refusal.model_validate(json.loads(answer.content))
    except ValueError:
        return Refusal(name="unreadable")


def _amount(amount_minor: int, currency: str) -> dict[str, str]:
    try:
        return to_paypal(amount_minor, currency)
    except AmountNotPossible as error:
        raise ProviderRejected("amount-not-possible") from error
