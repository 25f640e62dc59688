"""Callers for tests: real tokens, checked by the real verifier, against an app in this process."""

import time
from functools import cache

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from deploy.harness.issuer import ADULT_YEARS
from shared.identity.tokens import Verifier

ISSUER, AUDIENCE = "https://app.example", "ovation"


@cache
def signing_key():
    return RSAKey.generate_key(2048, parameters={"kid": "test"}, private=True)


def a_verifier(key=None):
    """A verifier that trusts the test key and never asks anyone."""
    keys = KeySet([key or signing_key()])
    return Verifier(issuer=ISSUER, audience=AUDIENCE, jwks_url="http://127.0.0.1:9/", keys=keys)


def a_token(user="mira", *, key=None, algorithm="RS256", **claims):
    now = int(time.time())
    known = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 600}
    known["age_verified"] = ADULT_YEARS
    header = {"alg": algorithm, "kid": "test"}
    return jwt.encode(header, {**known, **claims}, key or signing_key(), algorithms=[algorithm])


def an_operator_token(*scopes):
    return a_token("ops", roles=["operator"], scope=" ".join(scopes))


def client_of(app, token=None):
    """An HTTP client of an app; close it, or use it as a context manager."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://app", headers=headers)
