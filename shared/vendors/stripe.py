"""
What services share of Stripe: a client with time limits, its errors, amounts, webhooks.

The rules are Stripe's own: https://docs.stripe.com/api/errors (what an error says),
https://docs.stripe.com/api/idempotent_requests (a key is kept for at least 24 hours, with a 500
too), https://docs.stripe.com/currencies (special cases), https://docs.stripe.com/webhooks.
"""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Final, TypeVar

import stripe

from shared.http.provider_client import ProviderRejected, ProviderUnavailable, printable
from shared.money import minor_units_in
from shared.secrets import values_of

ANSWER_SECONDS_MAX: Final = 5.0
# Stripe keeps a key for a day at least; later the same key would be a new request.
REMEMBERS_KEYS_FOR: Final = timedelta(hours=23)
SIGNATURE_SECONDS_MAX: Final = 300
API_VERSION: Final = stripe.api_version
# The release whose objects this SDK knows: versions of one release are compatible.
RELEASE: Final = API_VERSION.rpartition(".")[2]

_KEY = re.compile(r"(?:sk|rk)_(test|live)_\w+")
# How many of Stripe's minor units one whole has, where it is not as in ISO 4217.
_MINOR_UNITS: Final[Mapping[str, int]] = {"ISK": 100, "UGX": 100, "MGA": 1}
# The amounts of a currency are divisible by this, in Stripe's minor units.
_STEPS: Final[Mapping[str, int]] = {"ISK": 100, "UGX": 100} | dict.fromkeys(
    ("BHD", "JOD", "KWD", "OMR", "TND"), 10
)
# These say something of this moment or of the account, and nothing of what was asked.
_TEMPORARY = frozenset(
    {
        "idempotency_key_in_use",
        "lock_timeout",
        "rate_limit",
    }
)

_TOO_LOW = frozenset({"balance_insufficient", "insufficient_funds"})

Result = TypeVar("Result")


class AmountNotPossible(ValueError):
    """Stripe has no such amount in this currency."""


class NoSuchObject(ProviderUnavailable):
    """Stripe knows no object of this id, in this account and mode."""


class NotAllowed(ProviderUnavailable):
    """Our key may not ask this: a restricted key has only the rights that it was given."""


class KeySpent(ProviderUnavailable):
    """
    The key cannot be used again: an error is kept under it, or other parameters were.

    What became of the request is unknown, and has to be looked up.
    """


class BalanceTooLow(ProviderUnavailable):
    """
    Our balance at Stripe is too small for this, and so nothing was done.

    Stripe keeps this answer under the key, and repeats it when there is enough again.
    """


class StripeClient:
    """
    Stripe's own SDK, which never repeats a request by itself: we do, under our key.

    `api_key` may have two lines, see `shared.secrets`. `url` is where a fake listens.
    """

    def __init__(
        self,
        api_key: str,
        *,
        url: str | None = None,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        stripe.enable_telemetry = False
        self._answer_seconds_max = answer_seconds_max
        self._connections = stripe.HTTPXClient(timeout=answer_seconds_max)
        self.api = stripe.StripeClient(
            values_of(api_key)[0],
            base_addresses={"api": url} if url else None,
            http_client=self._connections,
            max_network_retries=0,
        ).v1

    async def request(self, call: Awaitable[Result]) -> Result:
        """
        Return what Stripe answers; raise `ProviderRejected` for a final no, and for nothing else.

        `NoSuchObject` and `KeySpent` are two kinds of `ProviderUnavailable` that say a little more.
        """
        try:
            # The SDK's own limit is for each read: an answer in small pieces would have no end.
            async with asyncio.timeout(self._answer_seconds_max):
                return await call
        except TimeoutError as error:
            raise ProviderUnavailable("Stripe did not answer in time") from error
        except stripe.StripeError as error:
            raise _meaning_of(error) from error

    async def look(self, call: Awaitable[Result]) -> Result:
        """Return the answer to a question: that it is refused says nothing of what was asked."""
        try:
            return await self.request(call)
        except ProviderRejected as rejected:
            raise ProviderUnavailable(f"Stripe refuses to say: {rejected.reason}") from rejected

    async def close(self) -> None:
        await self._connections.close_async()  # type: ignore[no-untyped-call]


def is_live(api_key: str) -> bool:
    """Return whether a key moves real money; it may have two lines of one mode."""
    modes = set()
    for value in values_of(api_key):
        found = _KEY.fullmatch(value)
        assert found, "a Stripe key begins with sk_test_, sk_live_, rk_test_ or rk_live_"
        modes.add(found.group(1))
    assert len(modes) == 1, "the two Stripe keys are of different modes"
    return modes == {"live"}


def to_stripe(amount_minor: int, currency: str) -> int:
    """Write an amount in Stripe's minor units; raise `AmountNotPossible` if it cannot be."""
    ours, theirs = _units_in(currency)
    amount, rest = divmod(amount_minor * theirs, ours)
    if rest or amount % _STEPS.get(currency, 1):
        raise AmountNotPossible(f"Stripe has no amount {amount_minor} {currency}")
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """Read an amount in Stripe's minor units; raise `AmountNotPossible` if it is no whole one."""
    ours, theirs = _units_in(currency)
    amount_minor, rest = divmod(amount * ours, theirs)
    if rest:
        raise AmountNotPossible(f"{amount} of Stripe's minor units of {currency} are no whole unit")
    return amount_minor


def balance_from_stripe(amount: int, currency: str) -> int:
    """Read a balance, which may have a fraction of our minor unit: rounded down, against us."""
    ours, theirs = _units_in(currency)
    return amount * ours // theirs


def is_signed(secret: str, body: bytes, header: str | None) -> bool:
    """Return whether Stripe signed exactly this within the last minutes; see `shared.secrets`."""
    return any(_verifies(value, body, header) for value in values_of(secret))


def _verifies(secret: str, body: bytes, header: str | None) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, SIGNATURE_SECONDS_MAX)
    except (stripe.SignatureVerificationError, ValueError):
        return False
    return True


def _units_in(currency: str) -> tuple[int, int]:
    """Return how many minor units one whole of a currency has: ours, and Stripe's."""
    ours = minor_units_in(currency)
    return ours, _MINOR_UNITS.get(currency, ours)


_MEANINGS: Final[Mapping[int, type[ProviderUnavailable]]] = {403: NotAllowed, 404: NoSuchObject}


def _meaning_of(error: stripe.StripeError) -> ProviderUnavailable | ProviderRejected:
    status, code = error.http_status or 0, error.code
    if isinstance(error, stripe.IdempotencyError):
        return KeySpent("another request was sent under this key")
    if status >= 500 and (error.headers or {}).get("idempotent-replayed") == "true":
        return KeySpent(f"Stripe repeats an error {status}")
    if status in _MEANINGS:
        return _MEANINGS[status](f"Stripe answered {status}: {code}")
    if code in _TOO_LOW and status in (400, 402):
        return BalanceTooLow(f"our balance is too small: {code}")
    is_about_request = isinstance(error, stripe.CardError | stripe.InvalidRequestError)
    if is_about_request and status in (400, 402) and code not in _TEMPORARY:
        return ProviderRejected(printable(code or _parameter(error) or "invalid-request"))
    return ProviderUnavailable(f"{type(error).__name__} {status} {code}")


def _parameter(error: stripe.StripeError) -> str | None:
    """Return what a refusal without a code is about."""
    parameter = getattr(error, "param", None)
    return f"invalid-{parameter}" if isinstance(parameter, str) and parameter else None
