"""Tokens that no issuer would sign, and why a verifier refuses them."""

import base64
import json
import time

import pytest
from joserfc import jws, jwt
from joserfc.jwk import RSAKey

from shared.identity.tokens import Unauthenticated
from tests.clients import AUDIENCE, ISSUER, a_verifier, signing_key


def a_key(kid):
    return RSAKey.generate_key(2048, parameters={"kid": kid}, private=True)


def claims_of(user):
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "exp": int(time.time()) + 600}


def a_token_under(kid, key):
    named = {"alg": "RS256", "kid": kid} if kid else {"alg": "RS256"}
    return jwt.encode(named, claims_of("mira"), key)


def a_token_with(header):
    known = {"alg": "RS256", "kid": "test"}
    lenient = jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)
    lenient.max_header_length = 8_192
    # As a stranger would sign it: what our library refuses to write has to be refused when read.
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({**known, **header}, claims_of("mira"))
    ]
    signed = b".".join(parts)
    signature = lenient.get_alg("RS256").sign(signed, signing_key())
    return b".".join([signed, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def unsigned(header, claims):
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


async def reason(token, verifier=None):
    with pytest.raises(Unauthenticated) as refused:
        await (verifier or a_verifier()).verify(token)
    return refused.value.facts["reason"]
