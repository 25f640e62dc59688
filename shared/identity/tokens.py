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
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

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
from shared.identity.claims import (
    DEFAULT_NAMES,
    BadClaim,
    ClaimNames,
    read_account_time,
    read_age,
    read_country,
    read_login_time,
    read_roles,
    read_scopes,
    read_subject,
    read_time,
    require_access_token,
)
from shared.identity.issuer_documents import fetch
from shared.identity.issuer_keys import ALGORITHMS, NoKeys, decode, usable_keys
from shared.identity.verified_tokens import VerifiedTokens

log = structlog.get_logger()
Result = TypeVar("Result")

LEEWAY_SECONDS = 30
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
LIFETIME_SECONDS_MAX = 86_400
# What an access token may say it is, if anything: https://www.rfc-editor.org/rfc/rfc9068.
ACCESS_TYPE = "at+jwt"
TOKEN_TYPES = ("jwt", ACCESS_TYPE, f"application/{ACCESS_TYPE}")
# What issuers call the application that a token was made for.
CLIENT_CLAIMS = ("azp", "client_id", "cid", "appid")
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
    token stops being accepted: what lasts longer than a request ends.
    """

    user: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    country: str | None = None
    age_verified: int | None = None
    account_created_at: float | None = None
    auth_time: float | None = None
    ip_country: str | None = None
    accepted_until: float = field(default=math.inf, compare=False)


class Verifier:
    """
    Checks tokens of one issuer for one audience.

    `clients`, if any, are the applications (one of `CLIENT_CLAIMS`) whose tokens are taken; with
    `audience_optional` a token of theirs need not name its audience. A token that lives longer than
    `lifetime_seconds_max` is refused: it could not be withdrawn in time.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str | None,
        keys: KeySet | None = None,
        clients: Collection[str] = (),
        audience_optional: bool = False,
        names: ClaimNames = DEFAULT_NAMES,
        lifetime_seconds_max: int = LIFETIME_SECONDS_MAX,
    ) -> None:
        assert clients or not audience_optional, "whose tokens, if not ours by their audience?"
        self._issuer = issuer
        self._audience = audience
        self._clients = frozenset(clients)
        self._audience_optional = audience_optional
        self._names = names
        self._lifetime_seconds_max = lifetime_seconds_max
        self._jwks_url = jwks_url
        self._keys = keys
        self._verified = VerifiedTokens()
        self._fetching: asyncio.Task[None] | None = None
        self._refresh_at = time.monotonic() + REFRESH_SECONDS if keys else -math.inf
        self._seen_at = time.monotonic()
        self._unknown_again_at = -math.inf

    @classmethod
    def with_keys(cls, *, issuer: str, audience: str, keys: KeySet) -> "Verifier":
        """Trust these keys for good, and never ask anyone."""
        return cls(issuer=issuer, audience=audience, jwks_url=None, keys=keys)

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

    async def verify_target(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a target token, which is never taken for a caller's."""
        return await self._accept(token, TARGET_TYPE, self._target)

    async def _accept(
        self, token: str, kind: str, read: Callable[[Mapping[str, Any]], Result]
    ) -> Result:
        """Read a token that keys of now have signed; only its signature is remembered."""
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthenticated(reason="too-large")
        keys = await self._current_keys()
        if (verified := self._verified.find(kind, token)) is not None:
            return read(verified)
        claims = await self._signed(token, kind, keys)
        result = read(claims)
        seconds = read_time(claims.get("exp")) + LEEWAY_SECONDS - time.time()
        self._verified.keep(kind, token, claims, seconds=seconds)
        return result

    async def _signed(self, token: str, kind: str, keys: KeySet) -> Mapping[str, Any]:
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

    def _check_issued(self, claims: Mapping[str, Any]) -> None:
        _check_times(claims, lifetime_seconds_max=self._lifetime_seconds_max)
        if claims.get("iss") != self._issuer:
            raise Unauthenticated(reason="wrong-issuer")
        if claims.get("cnf") is not None:
            # Its sender would have to prove a key, and no service here asks for that proof.
            raise Unauthenticated(reason="bound-token")

    def _check_audience(self, audience: object) -> None:
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthenticated(reason="wrong-audience")

    def _target(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        self._check_issued(claims)
        self._check_audience(claims.get("aud"))
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        self._check_issued(claims)
        audience = claims.get("aud")
        if audience is not None or not self._audience_optional:
            self._check_audience(audience)
        if self._clients and self._clients.isdisjoint(
            _text(claims, name) for name in CLIENT_CLAIMS
        ):
            raise Unauthenticated(reason="wrong-client")
        try:
            require_access_token(claims)
            return Identity(
                user=read_subject(claims.get("sub")),
                roles=read_roles(claims, self._names),
                scopes=read_scopes(claims, self._names),
                country=read_country(claims.get("country")),
                age_verified=read_age(claims.get("age_verified")),
                account_created_at=read_account_time(claims.get("account_created_at")),
                auth_time=read_login_time(claims.get("auth_time")),
                ip_country=read_country(claims.get("ip_country")),
                accepted_until=read_time(claims.get("exp")) + LEEWAY_SECONDS,
            )
        except BadClaim as bad:
            raise Unauthenticated(reason=bad.reason) from None


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None


def _claims(token: str, keys: KeySet, kind: str) -> Mapping[str, Any]:
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


def _check_times(claims: Mapping[str, Any], *, lifetime_seconds_max: int) -> None:
    now = time.time()
    try:
        expires_at = read_time(claims.get("exp"))
        # A claim of null says nothing; a token that starts or was made in the future is early.
        not_before, made_at = (
            read_time(claims[name]) if claims.get(name) is not None else None
            for name in ("nbf", "iat")
        )
    except BadClaim as bad:
        raise Unauthenticated(reason=bad.reason) from None
    if now > expires_at + LEEWAY_SECONDS:
        raise Unauthenticated(reason="expired")
    if now < max(not_before or 0.0, made_at or 0.0) - LEEWAY_SECONDS:
        raise Unauthenticated(reason="not-yet-valid")
    if expires_at - (now if made_at is None else made_at) > lifetime_seconds_max + LEEWAY_SECONDS:
        raise Unauthenticated(reason="lives-too-long")
