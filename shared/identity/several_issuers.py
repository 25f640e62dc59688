"""Callers of several issuers: a token is checked with the keys and rules of its own `iss` alone."""

import asyncio
import base64
import json
from collections.abc import Sequence
from typing import Any

from shared.identity.issuers import Issuer, require_distinct
from shared.identity.rules import LIFETIME_SECONDS_MAX, Claims
from shared.identity.tokens import (
    TOKEN_BYTES_MAX,
    Identity,
    TokenVerifier,
    Unauthenticated,
    Verifier,
)


class SeveralIssuers:
    """
    A verifier for each issuer, each with its own keys: one that is away disturbs no other.

    Target tokens are the first issuer's: they name users as they are.
    """

    def __init__(self, verifiers: Sequence[Verifier]) -> None:
        self._first = verifiers[0]
        self._by_issuer = {verifier.issuer.name: verifier for verifier in verifiers}

    async def verify(self, token: str) -> Identity:
        """Return who a token speaks for, or refuse with the reason."""
        return await self.verifier_of(token).verify(token)

    async def verify_target(self, token: str) -> Claims:
        """Return the claims of a target token, which is never taken for a caller's."""
        return await self._first.verify_target(token)

    async def refresh(self) -> None:
        """Fetch the keys of all issuers; raise the first failure once each had its turn."""
        found = await asyncio.gather(
            *(verifier.refresh() for verifier in self._by_issuer.values()), return_exceptions=True
        )
        for failure in found:
            if isinstance(failure, BaseException):
                raise failure

    def verifier_of(self, token: str) -> Verifier:
        """Return the verifier of the issuer that a token names, or refuse the token."""
        _, claims = read_unverified(token)
        named = claims.get("iss")
        verifier = self._by_issuer.get(named) if isinstance(named, str) else None
        if verifier is None:
            raise Unauthenticated(reason="wrong-issuer")
        return verifier


def verifier_of(
    issuers: Sequence[Issuer], *, lifetime_seconds_max: int = LIFETIME_SECONDS_MAX
) -> TokenVerifier:
    """Trust the tokens of these issuers, and only those."""
    require_distinct(issuers)
    prefixes = [issuer.subject_prefix for issuer in issuers if issuer.subject_prefix]
    verifiers = [
        Verifier(
            issuer,
            # With a prefix of its own no user of an issuer begins with another's.
            reserved=() if issuer.subject_prefix else prefixes,
            lifetime_seconds_max=lifetime_seconds_max,
        )
        for issuer in issuers
    ]
    return verifiers[0] if len(verifiers) == 1 else SeveralIssuers(verifiers)


def read_unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token that anybody may have written, or refuse it."""
    if len(token) > TOKEN_BYTES_MAX:
        raise Unauthenticated(reason="too-large")
    parts = token.split(".")
    try:
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
    except (ValueError, RecursionError):
        raise Unauthenticated(reason="malformed") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Unauthenticated(reason="malformed")
    return header, claims


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
