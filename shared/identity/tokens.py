"""
Who calls: the host application's JSON Web Tokens, verified against its published keys.

There is no user table. `sub` is the user, an opaque string; claims give roles, scopes, country
and age. https://www.rfc-editor.org/rfc/rfc8725 is why the algorithms are a short fixed list, and
why a token says what it is for: an ID token or a logout token is no access token.
"""

import asyncio
import json
import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog
from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    InvalidKeyIdError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from shared.errors import Kind, Refusal
from shared.identity.claims import BadClaim
from shared.identity.issuer_documents import fetch
from shared.identity.issuer_keys import ALGORITHMS, NoKeys, decode, usable_keys
from shared.identity.issuers import Issuer
from shared.identity.rules import (
    LIFETIME_SECONDS_MAX,
    Claims,
    Rule,
    accepted_until,
    caller_rules,
    target_rules,
)
from shared.identity.verified_tokens import VerifiedTokens

log = structlog.get_logger()
Result = TypeVar("Result")

TOKEN_BYTES_MAX = 8_192
# Rotated keys are picked up this often, and at once when a token names an unknown one ...
REFRESH_SECONDS = 300.0
# ... but a stranger who invents key names must not make us hammer the issuer.
UNKNOWN_KEY_SECONDS = 10.0
# An issuer that does not answer is asked again after this: rarely while old keys still work.
RETRY_SECONDS = 10.0
RETRY_WITHOUT_KEYS_SECONDS = 1.0
# Keys that were not seen for so long are trusted no more: the issuer may have withdrawn them.
KEYS_SECONDS_MAX = 3_600.0
# What an access token may say it is, if anything: https://www.rfc-editor.org/rfc/rfc9068.
ACCESS_TYPE = "at+jwt"
TOKEN_TYPES = ("jwt", ACCESS_TYPE, f"application/{ACCESS_TYPE}")
# The type of a token with which a host says who may be given gifts: it identifies no caller.
TARGET_TYPE = "ovation-target+jwt"
TARGET_TYPES = (TARGET_TYPE, f"application/{TARGET_TYPE}")
_TYPES = {ACCESS_TYPE: TOKEN_TYPES, TARGET_TYPE: TARGET_TYPES}


class _Headers(JWSRegistry):
    """
    Takes header parameters it does not know, as RFC 7515, section 4, says; never a `crit` one.

    Identity providers add their own, and some send certificates along.
    """

    max_header_length = TOKEN_BYTES_MAX


_HEADERS = _Headers(algorithms=ALGORITHMS, strict_check_header=False)


class Unauthenticated(Refusal):
    """The request carries no valid token."""

    kind = Kind.UNAUTHENTICATED


class IssuerUnavailable(Refusal):
    """The token cannot be checked at the moment, because its issuer does not answer."""

    kind = Kind.UNAVAILABLE


class _UnknownKey(Exception):
    """The token names a key that our copy of the issuer's keys does not have."""


@dataclass(frozen=True, slots=True)
class Identity:
    """
    Who calls, as the host application vouches for it.

    `country` and `ip_country` (where the user is by their internet address) are ISO 3166-1
    alpha-2, `age_verified` counts years, `account_created_at` and `auth_time` (when the person
    signed in) seconds after 1970; None where the token says nothing. `accepted_until` is when the
    token stops being accepted: what lasts longer than a request ends. `name` and `picture` are how
    the user is shown, as the token has them: any text. `issued_at` is when it was made.
    """

    user: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    country: str | None = None
    age_verified: int | None = None
    account_created_at: float | None = None
    auth_time: float | None = None
    ip_country: str | None = None
    name: str | None = None
    picture: str | None = None
    issued_at: float | None = None
    accepted_until: float = field(default=math.inf, compare=False)


class TokenVerifier(Protocol):
    """What tells callers by their tokens: one issuer's verifier, or that of several."""

    async def verify(self, token: str) -> Identity:
        """Return who a token speaks for, or refuse with the reason."""

    async def verify_target(self, token: str) -> Claims:
        """Return the claims of a target token, which is never taken for a caller's."""

    async def refresh(self) -> None:
        """Fetch the keys that are published now."""


class Verifier:
    """
    Checks tokens of one issuer.

    `reserved` are the prefixes of other issuers' users. A token that lives longer than
    `lifetime_seconds_max` is refused: it could not be withdrawn in time.
    """

    def __init__(
        self,
        issuer: Issuer,
        *,
        keys: KeySet | None = None,
        reserved: Collection[str] = (),
        lifetime_seconds_max: int = LIFETIME_SECONDS_MAX,
    ) -> None:
        self.issuer = issuer
        self.caller_rules = caller_rules(
            issuer, reserved=reserved, lifetime_seconds_max=lifetime_seconds_max
        )
        self._target_rules = target_rules(issuer, lifetime_seconds_max=lifetime_seconds_max)
        self._jwks_url = issuer.jwks_url
        self._keys = keys
        self._verified = VerifiedTokens()
        self._fetching: asyncio.Task[None] | None = None
        self._refresh_at = time.monotonic() + REFRESH_SECONDS if keys else -math.inf
        self._seen_at = time.monotonic()
        self._unknown_again_at = -math.inf

    async def refresh(self) -> None:
        """Fetch the issuer's keys; the old ones stay unless it answers that there are none."""
        assert self._jwks_url is not None
        document = json.loads(await fetch(self._jwks_url))
        try:
            self._trust(usable_keys(document))
        except NoKeys:
            self._trust(None)
            raise
        self._seen_at = time.monotonic()
        self._refresh_at = self._seen_at + REFRESH_SECONDS

    async def verify(self, token: str) -> Identity:
        """Return who a token speaks for, or refuse with the reason."""
        return await self._accept(token, ACCESS_TYPE, self._identity)

    async def verify_target(self, token: str) -> Claims:
        """Return the claims of a target token, which is never taken for a caller's."""
        return await self._accept(token, TARGET_TYPE, self._target)

    async def verify_signature(self, token: str) -> None:
        """Refuse a token that is not an access token with a signature of this issuer."""
        await self._signed(token, ACCESS_TYPE, await self._current_keys())

    @property
    def key_names(self) -> list[str]:
        """Which keys the issuer publishes, by their names."""
        return sorted(str(key.kid) for key in self._keys.keys) if self._keys else []

    async def _accept(self, token: str, kind: str, read: Callable[[Claims], Result]) -> Result:
        """Read a token that keys of now have signed; only its signature is remembered."""
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthenticated(reason="too-large")
        keys = await self._current_keys()
        if (verified := self._verified.find(kind, token)) is not None:
            return read(verified)
        claims = await self._signed(token, kind, keys)
        result = read(claims)
        seconds = accepted_until(claims) - time.time()
        self._verified.keep(kind, token, claims, seconds=seconds)
        return result

    async def _signed(self, token: str, kind: str, keys: KeySet) -> Claims:
        try:
            return _claims(token, keys, kind)
        except _UnknownKey:
            # Perhaps the key is newer than our copy.
            keys = await self._newer_keys(keys)
        try:
            return _claims(token, keys, kind)
        except _UnknownKey:
            raise Unauthenticated(reason="unknown-key") from None

    def _trust(self, keys: KeySet | None) -> None:
        self._keys = keys
        self._verified.clear()

    async def _current_keys(self) -> KeySet:
        if time.monotonic() >= self._refresh_at and self._jwks_url is not None:
            fetching = self._fetch()
            if time.monotonic() >= self._seen_at + KEYS_SECONDS_MAX:
                self._trust(None)
            if self._keys is None:
                await asyncio.shield(fetching)
        if self._keys is None:
            raise IssuerUnavailable
        return self._keys

    async def _newer_keys(self, keys: KeySet) -> KeySet:
        if self._jwks_url is None:
            return keys
        now = time.monotonic()
        if now >= self._unknown_again_at:
            self._unknown_again_at = now + UNKNOWN_KEY_SECONDS
            self._fetch()
        if self._fetching is not None:
            await asyncio.shield(self._fetching)
        return self._keys or keys

    def _fetch(self) -> "asyncio.Task[None]":
        """Fetch in one task for all callers that need the keys."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._try_to_refresh())
        return self._fetching

    async def _try_to_refresh(self) -> None:
        try:
            await self.refresh()
        except Exception as error:  # noqa: BLE001 - after any error the issuer is asked again
            log.warning("keys.fetch_failed", error=repr(error)[:200])
            wait_seconds = RETRY_SECONDS if self._keys else RETRY_WITHOUT_KEYS_SECONDS
            self._refresh_at = time.monotonic() + wait_seconds
        finally:
            self._fetching = None

    def _target(self, claims: Claims) -> Claims:
        _apply(self._target_rules, claims)
        return claims

    def _identity(self, claims: Claims) -> Identity:
        found = _apply(self.caller_rules, claims)
        return Identity(**found, issued_at=claims.get("iat"), accepted_until=accepted_until(claims))


def _apply(rules: Sequence[Rule], claims: Claims) -> dict[str, Any]:
    """Read a token by all rules, or refuse it by the first that does not hold."""
    found = {}
    try:
        for rule in rules:
            value = rule.read(claims)
            if rule.field is not None:
                found[rule.field] = value
    except BadClaim as bad:
        raise Unauthenticated(reason=bad.reason) from None
    return found


def _claims(token: str, keys: KeySet, kind: str) -> Claims:
    signed = _decoded(token, keys)
    named = signed.header.get("typ", "JWT").lower()
    # A security event, such as a logout, is no access token also if its header does not say so:
    # https://www.rfc-editor.org/rfc/rfc8417#section-2.2.
    if named not in _TYPES[kind] or "cty" in signed.header or "events" in signed.claims:
        raise Unauthenticated(reason="wrong-type")
    return signed.claims


def _decoded(token: str, keys: KeySet) -> jwt.Token:
    try:
        return decode(token, keys, _HEADERS, ALGORITHMS)
    except InvalidKeyIdError:
        raise _UnknownKey from None
    except BadSignatureError:
        raise Unauthenticated(reason="bad-signature") from None
    except UnsupportedAlgorithmError:
        raise Unauthenticated(reason="wrong-algorithm") from None
    except Exception:  # noqa: BLE001 - any error is the fault of the caller's text
        raise Unauthenticated(reason="malformed") from None
