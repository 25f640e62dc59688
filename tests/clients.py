"""Callers for tests: real tokens, checked by the real verifier, against an app in this process."""

import time
from contextlib import asynccontextmanager
from functools import cache

import httpx
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from deploy.harness.issuer import ADULT_YEARS
from shared.identity.issuers import Issuer
from shared.identity.tokens import Verifier

ISSUER, AUDIENCE = "https://app.example", "ovation"


@cache
def signing_key():
    return RSAKey.generate_key(2048, parameters={"kid": "test"}, private=True)


def a_verifier(key=None):
    """A verifier that trusts the test key and never asks anyone."""
    keys = KeySet([key or signing_key()])
    return Verifier(Issuer(ISSUER, AUDIENCE, jwks_url="http://127.0.0.1:9/"), keys=keys)


def a_token(user="mira", *, key=None, algorithm="RS256", **claims):
    now = int(time.time())
    known = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 21_600}
    known |= {"age_verified": ADULT_YEARS, "auth_time": now}
    header = {"alg": algorithm, "kid": "test"}
    return jwt.encode(header, {**known, **claims}, key or signing_key(), algorithms=[algorithm])


def an_operator_token(*scopes):
    return a_token("ops", roles=["operator"], scope=" ".join(scopes))


def is_replayed(answer):
    """Whether an answer says that its idempotency key came before."""
    said = answer.headers.get("Idempotency-Replayed")
    assert said in (None, "true")
    return said is not None


def client_of(app, token=None):
    """An HTTP client of an app; close it, or use it as a context manager."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://app", headers=headers)


@asynccontextmanager
async def served(transport, *, host="provider.example"):
    """
    Serve over real HTTP what a transport answers; yield the address.

    Where the transport raises, the connection breaks without an answer.
    """

    async def answer(asked):
        request = httpx.Request(
            asked.method,
            f"http://{host}{asked.raw_path}",
            headers=list(asked.headers.items()),
            content=await asked.read(),
        )
        try:
            made = await transport.handle_async_request(request)
        except httpx.TransportError:
            asked.transport.abort()
            return web.Response()
        return web.Response(
            status=made.status_code, body=await made.aread(), headers=_described(made)
        )

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _described(answer):
    return {name: answer.headers[name] for name in ("content-type",) if name in answer.headers}
