"""
Who calls: the host application's JSON Web Tokens, verified against its published keys.

There is no user table. `sub` is the user, an opaque string; claims give roles, scopes, country
and age. https://www.rfc-editor.org/rfc/rfc8725 is why the algorithms are a short fixed list.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import structlog
from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import KeySet

from shared.errors import Kind, Refusal

log = structlog.get_logger()

ALGORITHMS = ["RS256", "ES256"]
LEEWAY_SECONDS = 30
TOKEN_BYTES_MAX = 8_192
USER_CHARACTERS_MAX = 64
# Rotated keys are picked up this often, and at once when a token names an unknown one ...
REFRESH_SECONDS = 300.0
# ... but a stranger who invents key names must not make us hammer the issuer.
UNKNOWN_KEY_SECONDS = 10.0
FETCH_SECONDS_MAX = 3.0
OPERATOR = "operator"


class Unauthenticated(Refusal):
    """The request carries no valid token."""

    kind = Kind.UNAUTHENTICATED


class NotYours(Refusal):
    """This belongs to somebody else."""

    kind = Kind.FORBIDDEN


class ScopeMissing(Refusal):
    """Only an operator with the right scope may do this."""

    kind = Kind.FORBIDDEN


class IssuerUnavailable(Refusal):
    """The token cannot be checked at the moment, because its issuer does not answer."""

    kind = Kind.UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, as the host application vouches for it."""

    user: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    country: str | None = None
    age_verified: int | None = None


class Verifier:
    """Checks tokens of one issuer for one audience."""

    def __init__(
        self, *, issuer: str, audience: str, jwks_url: str, keys: KeySet | None = None
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url
        self._keys = keys
        self._fetched_at = time.monotonic() if keys else 0.0
        self._fetching = asyncio.Lock()

    async def refresh(self) -> None:
        """Fetch the issuer's keys; the old ones stay if it does not answer."""
        self._fetched_at = time.monotonic()
        async with httpx.AsyncClient(timeout=FETCH_SECONDS_MAX) as client:
            answer = await client.get(self._jwks_url)
            answer.raise_for_status()
        self._keys = KeySet.import_key_set(answer.json())

    async def verify(self, token: str) -> Identity:
        """Return who a token speaks for, or refuse with the reason."""
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthenticated(reason="too-large")
        await self._refresh_if_older(REFRESH_SECONDS)
        if self._keys is None:
            await self._refresh_if_older(1.0)
        if self._keys is None:
            raise IssuerUnavailable
        try:
            return self._identity(jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims)
        except BadSignatureError:
            raise Unauthenticated(reason="bad-signature") from None
        except (JoseError, ValueError):
            # Perhaps the key is newer than our copy: look once, then it is the token's fault.
            await self._refresh_if_older(UNKNOWN_KEY_SECONDS)
        try:
            return self._identity(jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError):
            raise Unauthenticated(reason="malformed") from None

    async def _refresh_if_older(self, seconds: float) -> None:
        if time.monotonic() - self._fetched_at < seconds and (self._keys or self._fetched_at):
            return
        async with self._fetching:
            if time.monotonic() - self._fetched_at < seconds and self._fetched_at:
                return
            try:
                await self.refresh()
            except (httpx.HTTPError, JoseError, ValueError) as error:
                log.warning("keys.fetch_failed", error=repr(error)[:200])

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        self._check_times(claims)
        if claims.get("iss") != self._issuer:
            raise Unauthenticated(reason="wrong-issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthenticated(reason="wrong-audience")
        user = claims.get("sub")
        if not isinstance(user, str) or not 0 < len(user) <= USER_CHARACTERS_MAX:
            raise Unauthenticated(reason="subject-missing")
        if not user.isprintable():
            raise Unauthenticated(reason="subject-unprintable")
        scope = claims.get("scope")
        country, age = claims.get("country"), claims.get("age_verified")
        return Identity(
            user=user,
            roles=_texts(claims.get("roles")),
            scopes=frozenset(scope.split()) if isinstance(scope, str) else _texts(scope),
            country=country if isinstance(country, str) and len(country) == 2 else None,
            age_verified=age if type(age) is int else None,
        )

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = time.time()
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, int | float) or not isinstance(begins, int | float):
            raise Unauthenticated(reason="malformed")
        if now > expires + LEEWAY_SECONDS:
            raise Unauthenticated(reason="expired")
        if now < begins - LEEWAY_SECONDS:
            raise Unauthenticated(reason="not-yet-valid")


def _texts(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        return frozenset()
    return frozenset(item for item in value if isinstance(item, str))


async def _caller(request: Request) -> Identity:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(reason="missing")
    verifier: Verifier = request.app.state.verifier
    return await verifier.verify(token.strip())


Caller = Annotated[Identity, Depends(_caller)]


def require_own(caller: Identity, user: str) -> None:
    """Let people at what is theirs, and at nothing else."""
    if caller.user != user:
        raise NotYours


def require_scope(caller: Identity, scope: str) -> None:
    """Let operators do what their scopes name."""
    if OPERATOR not in caller.roles or scope not in caller.scopes:
        raise ScopeMissing(scope=scope)
