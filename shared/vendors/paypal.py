"""
What services share of PayPal: a client with an access token, its errors, amounts.

The rules are PayPal's own: https://developer.paypal.com/api/rest/ (token, request ids, errors),
https://developer.paypal.com/api/rest/reference/currency-codes/ (currencies, and which have no
decimals), and the issues that its OpenAPI documents list for each call.
"""

import asyncio
import base64
import json
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from shared.contracts.base import AMOUNT_MAX
from shared.http.provider_client import (
    REJECTED,
    Answer,
    ProviderClient,
    ProviderRejected,
    ProviderUnavailable,
    printable,
    read_answer,
)
from shared.money import minor_units_in
from shared.secrets import values_of
from shared.vendors.installations import Installation

LIVE_URL: Final = "https://api-m.paypal.com"
SANDBOX_URL: Final = "https://api-m.sandbox.paypal.com"
ANSWER_SECONDS_MAX: Final = 8.0
CONNECTIONS_MAX: Final = 50

_CURRENCIES: Final = frozenset(
    [
        "AUD",
        "BRL",
        "CAD",
        "CHF",
        "CNY",
        "CZK",
        "DKK",
        "EUR",
        "GBP",
        "HKD",
        "HUF",
        "ILS",
        "JPY",
        "MXN",
        "MYR",
        "NOK",
        "NZD",
        "PHP",
        "PLN",
        "SEK",
        "SGD",
        "THB",
        "TWD",
        "USD",
    ]
)
_WITHOUT_DECIMALS: Final = frozenset({"HUF", "JPY", "TWD"})
# A token is asked for again so long before it ends.
_TOKEN_SECONDS_LEFT: Final = 60
# These say something of this moment or of our own account, and nothing of what was asked; or that
# it was done before, which a look at it shows.
_TEMPORARY: Final = frozenset(
    {
        "CURRENCY_NOT_ENABLED",
        "DUPLICATE_INVOICE_ID",
        "DUPLICATE_REQUEST_ID",
        "ORDER_ALREADY_CAPTURED",
        "ORDER_COMPLETION_IN_PROGRESS",
        "PAYEE_ACCOUNT_LOCKED_OR_CLOSED",
        "PAYEE_ACCOUNT_RESTRICTED",
        "PAYPAL_REQUEST_ID_REQUIRED",
        "PENDING_CAPTURE",
        "PREVIOUS_REQUEST_IN_PROGRESS",
        "REFUND_FAILED_INSUFFICIENT_FUNDS",
    }
)


class AmountNotPossible(ValueError):
    """PayPal has no such amount, or does not take this currency."""


class NoSuchObject(ProviderUnavailable):
    """PayPal knows no object of this id, in this account and environment."""


class Money(BaseModel):
    """An amount as PayPal writes it."""

    currency_code: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    value: Annotated[str, Field(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,3})?$")]

    @property
    def minor(self) -> int:
        """Return it in minor units; raise `AmountNotPossible` if it is no whole number of them."""
        scaled = Decimal(self.value) * minor_units_in(self.currency_code)
        amount_minor = int(scaled)
        if amount_minor != scaled or abs(amount_minor) > AMOUNT_MAX:
            raise AmountNotPossible(f"{self.value} {self.currency_code} is no amount of money")
        return amount_minor


def to_paypal(amount_minor: int, currency: str) -> dict[str, str]:
    """Write an amount as PayPal does; raise `AmountNotPossible` if it cannot be written."""
    if currency not in _CURRENCIES:
        raise AmountNotPossible(f"PayPal does not take {currency}")
    decimals = 0 if currency in _WITHOUT_DECIMALS else 2
    value = Decimal(amount_minor) / minor_units_in(currency)
    written = f"{value:.{decimals}f}"
    if Decimal(written) != value:
        raise AmountNotPossible(f"PayPal has no amount {amount_minor} {currency}")
    return {"currency_code": currency, "value": written}


class _Token(BaseModel):
    access_token: Annotated[str, Field(min_length=1, max_length=4_096)]
    app_id: Annotated[str, Field(max_length=128)] = ""
    expires_in: Annotated[int, Field(ge=0)]


class PayPalClient:
    """
    A client of one PayPal account, in one environment; it never repeats a request by itself.

    The token is kept until shortly before it ends, and asked for again when PayPal refuses it.
    `client_secret` may have two lines, see `shared.secrets`.
    """

    def __init__(
        self,
        *,
        url: str,
        client_id: str,
        client_secret: str,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        login = f"{client_id}:{values_of(client_secret)[0]}".encode()
        self._login = f"Basic {base64.b64encode(login).decode()}"
        self._client = ProviderClient(
            url=url, answer_seconds_max=answer_seconds_max, connections_max=CONNECTIONS_MAX
        )
        self._one_at_a_time = asyncio.Lock()
        self._token = ""
        self._app = ""
        self._usable_until = 0.0

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """
        Send a request; return an answer of 2xx.

        Raise `ProviderRejected` for a final no, and for nothing else; `NoSuchObject` for a 404.
        With a `request_id` the same request is done once, as long as PayPal remembers the id.
        """
        answer = await self.send(method, path, params=params, body=body, request_id=request_id)
        raise_unless_done(answer)
        return answer

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """Send a request; return the answer, whatever its status."""
        headers = {"Prefer": "return=representation"}
        if request_id is not None:
            headers["PayPal-Request-Id"] = request_id
        for _ in range(2):
            token = await self._usable_token()
            headers["Authorization"] = f"Bearer {token}"
            answer = await self._client.request(
                method, path, params=params, json=body, headers=headers
            )
            if answer.status != HTTPStatus.UNAUTHORIZED:
                break
            # Nothing was done: it may have been revoked before its time.
            self._forget(token)
        return answer

    async def app(self) -> str:
        """Return the id of the app whose client id and secret we have."""
        await self._usable_token()
        return self._app

    async def close(self) -> None:
        await self._client.close()

    async def _usable_token(self) -> str:
        async with self._one_at_a_time:
            if time.monotonic() < self._usable_until:
                return self._token
            asked_at = time.monotonic()
            answer = await self._client.request(
                "POST",
                "/v1/oauth2/token",
                form={"grant_type": "client_credentials"},
                headers={"Authorization": self._login},
            )
            given = read_answer(_Token, answer)
            self._token, self._app = given.access_token, given.app_id
            self._usable_until = asked_at + given.expires_in - _TOKEN_SECONDS_LEFT
            return self._token

    def _forget(self, token: str) -> None:
        if token == self._token:
            self._usable_until = 0.0


def url_of(installation: Installation) -> str:
    """Return where PayPal is: with real money, with test accounts, or a fake."""
    return installation.url_of_fake() or (LIVE_URL if installation.is_live else SANDBOX_URL)


def raise_unless_done(answer: Answer) -> None:
    """Raise what an answer that is no 2xx means; only a documented refusal is final."""
    if answer.status // 100 == 2:
        return
    issue = _issue_in(answer)
    if answer.status == HTTPStatus.NOT_FOUND:
        raise NoSuchObject(f"PayPal knows no such object: {issue}")
    if answer.status in REJECTED and issue is not None and issue not in _TEMPORARY:
        raise ProviderRejected(printable(issue.lower().replace("_", "-")))
    raise ProviderUnavailable(f"{answer.path} answered {answer.status} {issue}")


def _issue_in(answer: Answer) -> str | None:
    """Return the word that PayPal has for an error: that of its detail before that of its kind."""
    try:
        problem = json.loads(answer.content)
        details = problem.get("details") or [{}]
        issue = details[0].get("issue") or problem["name"]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None
    return issue if isinstance(issue, str) and issue else None
